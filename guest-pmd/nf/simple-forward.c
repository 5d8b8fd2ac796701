/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * simple-forward: every packet goes on, untouched. The smallest network function, on
 * netvm_nf_run() and nothing else: begin here when you write your own.
 */
#include <errno.h>
#include <string.h>

#include "guest-pmd/nf/nf-program.h"

struct forward {
	struct nf_target to;
	struct nf_between between;
};

static int
options(int argc, char **argv, void *arg)
{
	struct forward *f = arg;

	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		bool known = true, good = false;

		if (strcmp(argv[i], "--to") == 0)
			good = nf_word_target(value, &f->to);
		else if (strcmp(argv[i], "--between") == 0)
			good = nf_word_between(value, &f->between);
		else
			known = false;
		if (good)
			continue;
		if (known)
			fprintf(stderr, "simple-forward: %s: \"%s\": expected %s\n", argv[i], value,
				strcmp(argv[i], "--to") == 0 ? NF_EXPECT_TARGET
							     : NF_EXPECT_BETWEEN);
		else
			fprintf(stderr, "simple-forward: \"%s\": there is no such option\n",
				argv[i]);
		return -EINVAL;
	}
	return 0;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, void *arg)
{
	const struct forward *f = arg;

	for (uint16_t i = 0; i < n; i++) {
		uint16_t from = pkts[i].destination;

		nf_send_to(&pkts[i], &f->to);
		nf_go_on(&f->between, &pkts[i], from);
	}
}

int
main(int argc, char **argv)
{
	static struct forward forward = {.to = {.verdict = NETVM_NEXT}};
	static const struct netvm_nf_ops ops = {
		.name = "simple-forward",
		.usage = "  --to WHERE                  next (default), drop, port:NUMBER or "
			 "service:NUMBER\n"
			 "  --between A,B               go on to port B with what comes from port "
			 "A, "
			 "and back\n",
		.options = options,
		.burst = burst,
	};

	return netvm_nf_run(argc, argv, &ops, &forward);
}
