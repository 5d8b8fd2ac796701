/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * May a filter run on a worker? Control thread; nothing here has state.
 *
 * libpcap's interpreter trusts its programs, and its bpf_validate() is for those
 * that libpcap itself compiled: it lets jumps go back, for "protochain", and
 * operations through that the interpreter answers with abort(). Here come
 * programs from a socket. So only known operations, and only forward jumps: at
 * most DP_FILTER_MAX steps for a frame. What is left (memory cells, division by
 * a constant 0, a last instruction that returns) bpf_validate() checks.
 * Loads beyond the frame end the program, which the interpreter checks itself.
 *
 * Neighbour: capture.c.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include <pcap/bpf.h>

#include "src/datapath/table.h"

static bool
operation_known(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_H | BPF_ABS:
	case BPF_LD | BPF_B | BPF_ABS:
	case BPF_LD | BPF_W | BPF_IND:
	case BPF_LD | BPF_H | BPF_IND:
	case BPF_LD | BPF_B | BPF_IND:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_B | BPF_MSH:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_IMM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_JMP | BPF_JA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_ALU | BPF_NEG:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
		return true;
	}
	/* Those that take a constant or X: nothing else in the upper byte. */
	switch (code & ~BPF_X) {
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JSET:
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_MOD:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR:
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH:
		return true;
	}
	return false;
}

/* left: instructions behind this one. */
static bool
jumps_forward(const struct dp_filter_insn *insn, uint32_t left)
{
	if (BPF_CLASS(insn->code) != BPF_JMP)
		return true;
	if (BPF_OP(insn->code) == BPF_JA)
		return insn->k < left;
	return insn->jt < left && insn->jf < left;
}

/* A shift by more than there is has no meaning in C. */
static bool
shifts_too_far(const struct dp_filter_insn *insn)
{
	return (insn->code == (BPF_ALU | BPF_LSH | BPF_K) ||
		       insn->code == (BPF_ALU | BPF_RSH | BPF_K)) &&
	       insn->k > 31;
}

int
dp_filter_check(const struct dp_filter_insn *program, uint32_t n, struct dp_error *err)
{
	static_assert(sizeof(struct bpf_insn) == sizeof(struct dp_filter_insn) &&
			      offsetof(struct bpf_insn, k) == offsetof(struct dp_filter_insn, k) &&
			      offsetof(struct bpf_insn, jf) == offsetof(struct dp_filter_insn, jf),
		"a filter's instruction is libpcap's");

	if (n == 0 || n > DP_FILTER_MAX)
		return dp_fail(err, -EINVAL,
			"the filter has %u instructions: expected 1 to %u, so write a simpler one",
			n, DP_FILTER_MAX);
	for (uint32_t i = 0; i < n; i++) {
		if (!operation_known(program[i].code) || shifts_too_far(&program[i]))
			return dp_fail(err, -EINVAL,
				"the filter's instruction %u is none of classic BPF: compile it "
				"with libpcap",
				i);
		if (!jumps_forward(&program[i], n - i - 1))
			return dp_fail(err, -EINVAL,
				"the filter's instruction %u does not jump forward to another one: "
				"loops (\"protochain\") are not served",
				i);
	}
	if (!bpf_validate((const struct bpf_insn *)(const void *)program, (int)n))
		return dp_fail(err, -EINVAL,
			"the filter is not a valid BPF program: compile it with libpcap");
	return 0;
}
