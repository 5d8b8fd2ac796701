/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What cannot be done is said in a sentence. Any thread.
 */
#ifndef NETVM_REFUSE_H
#define NETVM_REFUSE_H

#include <stddef.h>

/* Writes the sentence to err, cut to errlen bytes with the terminating 0 (0: nobody wants
 * it), and returns -code. */
int refuse(char *err, size_t errlen, int code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
