# SPDX-License-Identifier: BSD-3-Clause
# System tests: real guests, libvirt, testpmd. They need root and take minutes:
# "make check" does not run them; "make check-system" or tests/system/run does.
# A test named test-TOPIC.sh is listed here too, so that it is in the tarball.

SYSTEM_TESTS = %D%/test-two-guests.sh %D%/test-nic.sh %D%/test-bond.sh %D%/test-multiqueue.sh \
	%D%/test-vlan.sh %D%/test-lifecycle.sh %D%/test-corners.sh %D%/test-restart.sh %D%/test-killed.sh \
	%D%/test-killed-guests.sh %D%/test-libvirt.sh \
	%D%/test-virtio-user.sh %D%/test-policy.sh \
	%D%/test-hostile.sh %D%/test-idle.sh %D%/test-control.sh %D%/test-daemon.sh
SYSTEM_TESTS += %D%/test-capture.sh %D%/test-judged.sh %D%/test-migrate.sh \
	%D%/test-migrate-refused.sh %D%/test-groups.sh %D%/test-shm.sh %D%/test-shm-guest.sh %D%/test-shm-hostile.sh \
	%D%/test-nf.sh %D%/test-pmd.sh %D%/test-pmd-guest.sh %D%/test-tutorial.sh
SYSTEM_TESTS += %D%/test-shm-libvirt.sh %D%/test-shm-hotplug.sh %D%/test-pmd-libvirt.sh

EXTRA_DIST += %D%/run %D%/lib.sh %D%/lib-net.sh %D%/lib-guest.sh \
	%D%/lib-libvirt.sh %D%/lib-control.sh %D%/lib-migrate.sh %D%/lib-shm.sh \
	%D%/lib-shm-guest.sh $(SYSTEM_TESTS)

.PHONY: check-system
check-system: all tests/frontend/nvpeer tests/shm/shmpeer
	NETVM_BUILD=$(abs_builddir) $(srcdir)/tests/system/run
