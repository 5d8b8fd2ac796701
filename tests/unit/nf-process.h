/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An NF in a process of its own, as NFs run: what it prints and how it ends. The
 * test's own program is executed again, and nf_process_main() is where it then
 * goes; a thread sanitizer accepts no threads behind a mere fork.
 */
#ifndef TESTS_UNIT_NF_PROCESS_H
#define TESTS_UNIT_NF_PROCESS_H

#include <sys/types.h>

#include "guest-pmd/netvm.h"

struct nf_process {
	pid_t id;
	int output; /* of both, a pipe */
	char text[16384];
};

/* First in main(): if this process is to be an NF, runs it and never returns. Else
 * maps *shared, n bytes that NFs' processes share with the test. `ops` ends with
 * NULL; the NF's arg is *shared. */
void nf_process_main(
	int argc, char **argv, const struct netvm_nf_ops *const *ops, void **shared, size_t n);
/* Starts ops[which] with these arguments, the words of one string. */
struct nf_process nf_process_start(unsigned int which, const char *words);
/* Waits for its end: what it printed is in text. Returns its exit status; fails the
 * test when it was killed. */
int nf_process_finish(struct nf_process *p);

#endif
