/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops of plain packets, compiled for the baseline; see shm-plain.h. */
#include "src/shm/shm-plain-copy.h"
#include "src/shm/shm-plain-rx.h"
#include "src/shm/shm-plain.h"

const struct shm_plain shm_plain_sse = {.rx = plain_rx, .copy = plain_copy};
