/* SPDX-License-Identifier: BSD-3-Clause */
/* See nf-process.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/nf-process.h"

#define ARGS_MAX 24
#define NAME     "test-nf" /* argv[0] of an NF */

static int memory;

/* argv: NAME, number of the ops, file of the memory, the NF's own arguments. */
void
nf_process_main(
	int argc, char **argv, const struct netvm_nf_ops *const *ops, void **shared, size_t n)
{
	bool is_nf = argc >= 3 && !strcmp(argv[0], NAME);
	unsigned int which = is_nf ? atoi(argv[1]) : 0;

	memory = is_nf ? atoi(argv[2]) : memfd_create("nf-process", 0);
	if (memory < 0 || ftruncate(memory, n)) {
		perror("nf_process_main");
		exit(1);
	}
	*shared = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (!is_nf)
		return;
	argv[2] = argv[0];
	exit(netvm_nf_run(argc - 2, argv + 2, ops[which], *shared));
}

struct nf_process
nf_process_start(unsigned int which, const char *words)
{
	static char copy[512], name[] = NAME, number[12], file[12];
	char *args[ARGS_MAX] = {name, number, file};
	struct nf_process p = {0};
	int argc = 3, ends[2];

	snprintf(number, sizeof(number), "%u", which);
	snprintf(file, sizeof(file), "%d", memory);
	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok(copy, " "); w && argc < ARGS_MAX - 1; w = strtok(NULL, " "))
		args[argc++] = w;
	assert_int_equal(pipe(ends), 0);
	fflush(stdout);
	p.id = fork();
	if (p.id == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		execv("/proc/self/exe", args);
		_exit(127);
	}
	close(ends[1]);
	p.output = ends[0];
	return p;
}

int
nf_process_finish(struct nf_process *p)
{
	size_t n = 0;
	ssize_t got;
	int status;

	while (n + 1 < sizeof(p->text) &&
		(got = read(p->output, p->text + n, sizeof(p->text) - 1 - n)) > 0)
		n += got;
	p->text[n] = 0;
	close(p->output);
	assert_int_equal(waitpid(p->id, &status, 0), p->id);
	/* Sanitizers end a process in ways of their own. */
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 2)
		fail_msg("the NF ended with status %x:\n%s", status, p->text);
	return WEXITSTATUS(status);
}
