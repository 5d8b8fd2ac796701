/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hot loops are compiled several times, with wider instructions each time; this says
 * which of them the machine runs. Any thread.
 */
#ifndef NETVM_WIDE_H
#define NETVM_WIDE_H

/* In this order: who has one has those before it. WIDE_SSE is the baseline. */
enum wide { WIDE_SSE, WIDE_AVX2, WIDE_AVX512 };

/* The widest that was built and that this machine runs. */
enum wide wide_machine(void);

#endif
