/* SPDX-License-Identifier: BSD-3-Clause */
/* See shm-plain.h. */
#include "src/shm/shm-plain.h"

#include "config.h"

const struct shm_plain *
shm_plain_of(enum wide wide)
{
#ifdef HAVE_AVX
	if (wide == WIDE_AVX512)
		return &shm_plain_avx512;
	if (wide == WIDE_AVX2)
		return &shm_plain_avx2;
#endif
	return &shm_plain_sse;
}
