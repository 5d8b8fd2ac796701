/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of netvm_nf_run(). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/nf-process.h"

/* What the NF's process got, shared with the test. */
struct seen {
	int argc;
	char text[64];
};

static struct seen *seen;

static int
nf_options(int argc, char **argv, void *arg)
{
	seen->argc = argc;
	if (argc > 1)
		snprintf(seen->text, sizeof(seen->text), "%s %s", argv[0], argv[1]);
	return argc > 1 && !strcmp(argv[1], "bad") ? -EINVAL : 0;
}

static enum netvm_verdict
nf_packet(struct netvm_nf *nf, struct netvm_packet *p, void *thread_arg)
{
	return NETVM_NEXT;
}

static const struct netvm_nf_ops with_options = {.name = "test-nf",
	.usage = "  bad   is refused",
	.options = nf_options,
	.packet = nf_packet};

static const struct netvm_nf_ops without = {.name = "test-nf", .packet = nf_packet};

static const struct netvm_nf_ops *const all_ops[] = {&with_options, &without, NULL};
enum { WITH_OPTIONS, WITHOUT };

static void
test_command_line(void **state)
{
	static const struct {
		const char *words;
		int status;
		const char *says;
	} cases[] = {
		{"--help", 0, "--transport"},
		{"-h", 0, "bad   is refused"},
		{"--version", 0, "libnetvm"},
		{"--nonsense", 2, "--help"},
		{"word", 2, "unexpected argument \"word\""},
		{"--threads 0", 2, "expected 1 to 16"},
		{"--threads 17", 2, "expected 1 to 16"},
		{"--threads x", 2, "expected 1 to 16"},
		{"--tick -1", 2, "--tick -1"},
		{"--wait never", 2, "adaptive, poll or shared"},
		{"--cpu 3-1", 2, "--cpu 3-1"},
		{"--cpu 1,", 2, "--cpu 1,"},
		{"--cpu 2000", 2, "--cpu 2000"},
		{"--transport nowhere", 1, "\"nowhere\" is no transport"},
		{"--transport unix:/nowhere/x --timeout 1", 1, "/nowhere/x.ring.sock"},
		{"--transport nowhere -- bad", 2, ""},
	};
	struct nf_process p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		p = nf_process_start(WITH_OPTIONS, cases[i].words);
		assert_int_equal(nf_process_finish(&p), cases[i].status);
		if (!strstr(p.text, cases[i].says))
			fail_msg("%s: %s", cases[i].words, p.text);
	}
	p = nf_process_start(WITH_OPTIONS, "--transport nowhere -- --own x");
	assert_int_equal(nf_process_finish(&p), 1);
	assert_int_equal(seen->argc, 3);
	assert_string_equal(seen->text, "test-nf --own");
	p = nf_process_start(WITHOUT, "--transport nowhere -- word");
	assert_int_equal(nf_process_finish(&p), 2);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_line),
	};

	nf_process_main(argc, argv, all_ops, (void **)&seen, sizeof(*seen));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
