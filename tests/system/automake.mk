# SPDX-License-Identifier: BSD-3-Clause
# System tests: real guests, libvirt, testpmd. They need root and take minutes:
# "make check" does not run them; "make check-system" or tests/system/run does.
# A test named test-TOPIC.sh is listed here too, so that it is in the tarball.

SYSTEM_TESTS =

EXTRA_DIST += %D%/run %D%/lib.sh %D%/lib-net.sh %D%/lib-guest.sh $(SYSTEM_TESTS)

.PHONY: check-system
check-system: all
	NETVM_BUILD=$(abs_builddir) $(srcdir)/tests/system/run
