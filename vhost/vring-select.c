/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chooses the widest variant of the hot loops that this machine runs. Any
 * thread.
 */
#include "vhost/vring-select.h"

#include <string.h>

#include "config.h"
#include "src/packet/wide.h"

const struct vring_ops *
vring_ops_select(const char *name)
{
	static const struct {
		const struct vring_ops *ops;
		enum wide wide;
	} variant[] = {
#ifdef HAVE_AVX
		{&vring_ops_avx512, WIDE_AVX512},
		{&vring_ops_avx2, WIDE_AVX2},
#endif
		{&vring_ops_sse, WIDE_SSE},
	};
	const enum wide widest = wide_machine();

	for (size_t i = 0; i < sizeof(variant) / sizeof(variant[0]); i++) {
		if (name != NULL && strcmp(name, variant[i].ops->name) != 0)
			continue;
		if (variant[i].wide <= widest)
			return variant[i].ops;
	}
	return NULL;
}
