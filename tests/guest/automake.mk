# SPDX-License-Identifier: BSD-3-Clause
# The guest image is built by the system tests that boot it, not by make.
EXTRA_DIST += %D%/build %D%/init %D%/agent %D%/accel %D%/numbers.c
