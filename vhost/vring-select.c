/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chooses the widest variant of the hot loops that this machine runs. Any
 * thread. __builtin_cpu_supports() also asks whether the operating system
 * saves the wide registers (XGETBV), so a "yes" can be believed.
 */
#include "vhost/vring-select.h"

#include <string.h>

#include "config.h"

static bool
has_avx2(void)
{
#ifdef HAVE_AVX
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
#else
	return false;
#endif
}

static bool
has_avx512(void)
{
#ifdef HAVE_AVX
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2");
#else
	return false;
#endif
}

static bool
always(void)
{
	return true;
}

const struct vring_ops *
vring_ops_select(const char *name)
{
	static const struct {
		const struct vring_ops *ops;
		bool (*runs)(void);
	} variant[] = {
#ifdef HAVE_AVX
		{&vring_ops_avx512, has_avx512},
		{&vring_ops_avx2, has_avx2},
#endif
		{&vring_ops_sse, always},
	};

	for (size_t i = 0; i < sizeof(variant) / sizeof(variant[0]); i++) {
		if (name != NULL && strcmp(name, variant[i].ops->name) != 0)
			continue;
		if (variant[i].runs())
			return variant[i].ops;
	}
	return NULL;
}
