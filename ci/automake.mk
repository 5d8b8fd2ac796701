# SPDX-License-Identifier: BSD-3-Clause
EXTRA_DIST += %D%/setup %D%/driver-sdk %D%/demo %D%/test %D%/lint %D%/lint-exceptions
