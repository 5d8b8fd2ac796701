/* SPDX-License-Identifier: BSD-3-Clause */
/* See compile-filter.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "tests/unit/compile-filter.h"

struct dp_filter_insn *
compile_filter(const char *text, uint32_t *n)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, DP_SNAPLEN_MAX);
	struct dp_filter_insn *insns;
	struct bpf_program program;

	if (pcap_compile(dead, &program, text, 1, PCAP_NETMASK_UNKNOWN) != 0)
		fail_msg("%s: %s", text, pcap_geterr(dead));
	*n = program.bf_len;
	insns = calloc(*n, sizeof(*insns));
	memcpy(insns, program.bf_insns, *n * sizeof(*insns));
	pcap_freecode(&program);
	pcap_close(dead);
	return insns;
}
