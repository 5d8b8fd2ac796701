/* SPDX-License-Identifier: BSD-3-Clause */
/* The loops of plain packets, compiled for AVX-512 (F, BW, VL) and BMI2; see shm-plain.h. */
#include "src/shm/shm-plain-copy.h"
#include "src/shm/shm-plain-rx.h"
#include "src/shm/shm-plain.h"

const struct shm_plain shm_plain_avx512 = {.rx = plain_rx, .copy = plain_copy};
