/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See wide.h. __builtin_cpu_supports() also asks whether the operating system saves
 * the wide registers (XGETBV), so a "yes" can be believed.
 */
#include "src/packet/wide.h"

#include "config.h"

enum wide
wide_machine(void)
{
#ifdef HAVE_AVX
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2"))
		return WIDE_SSE;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl"))
		return WIDE_AVX512;
	return WIDE_AVX2;
#else
	return WIDE_SSE;
#endif
}
