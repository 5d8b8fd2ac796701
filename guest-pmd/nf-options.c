/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: the command line of netvm_nf_run(), before any thread runs. An
 * argument that is refused is told with what was expected.
 */
#include "guest-pmd/nf.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS    100
#define TICK_MAX   3600000
#define STATS_MAX  86400
#define SUCCESS    0
#define ANSWERED   1
#define OWN_OPTION 256

enum {
	OPT_TRANSPORT = OWN_OPTION,
	OPT_THREADS,
	OPT_WAIT,
	OPT_CPU,
	OPT_TICK,
	OPT_STATS,
	OPT_OFFLOADS,
	OPT_SEGMENTS,
	OPT_TIMEOUT,
	OPT_VERSION,
};

static const struct option options[] = {
	{"transport", required_argument, NULL, OPT_TRANSPORT},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"wait", required_argument, NULL, OPT_WAIT},
	{"cpu", required_argument, NULL, OPT_CPU},
	{"tick", required_argument, NULL, OPT_TICK},
	{"stats", required_argument, NULL, OPT_STATS},
	{"offloads", no_argument, NULL, OPT_OFFLOADS},
	{"segments", no_argument, NULL, OPT_SEGMENTS},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void
print_help(const struct netvm_nf_ops *ops)
{
	printf("Usage: %s [OPTION...]%s\n\n"
	       "  --transport T     pci:RING[,POOL], pci: or unix:DIR/PORT [$NETVM_TRANSPORT, "
	       "pci:]\n"
	       "  --threads N       threads, each with a queue pair of its own [1]\n"
	       "  --wait MODE       adaptive: sleep when idle; poll: spin; shared: give the CPU\n"
	       "                    to others after each round [adaptive]\n"
	       "  --cpu LIST        CPUs of the threads, such as 2,4-6\n"
	       "  --tick MS         time between two calls of the NF's timer [%u]\n"
	       "  --stats SECONDS   print the counters that often; SIGUSR1 prints them, too\n"
	       "  --offloads        take packets with partial checksums, and uncut TCP\n"
	       "  --segments        take packets of several buffers\n"
	       "  --timeout SECONDS time to wait for netvmd at the start [5]\n"
	       "  --version, --help\n",
		ops->name, ops->options ? " [-- OPTION...]" : "", TICK_MS);
	if (ops->usage)
		printf("\nOptions of its own, behind \"--\":\n%s%s", ops->usage,
			ops->usage[0] && ops->usage[strlen(ops->usage) - 1] == '\n' ? "" : "\n");
}

static int
parse_number(const char *name, const char *option, uint32_t min, uint32_t max, uint32_t *value)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(optarg, &end, 10);
	if (errno || end == optarg || *end || optarg[0] == '-' || n < min || n > max) {
		fprintf(stderr, "%s: --%s %s: expected %u to %u\n", name, option, optarg, min, max);
		return -EINVAL;
	}
	*value = n;
	return 0;
}

static int
parse_wait(const char *name, enum netvm_nf_wait *wait)
{
	static const char *const words[] = {"adaptive", "poll", "shared"};

	for (int i = 0; i < 3; i++)
		if (!strcmp(optarg, words[i])) {
			*wait = (enum netvm_nf_wait)i;
			return 0;
		}
	fprintf(stderr, "%s: --wait %s: expected adaptive, poll or shared\n", name, optarg);
	return -EINVAL;
}

/* A list such as 2,4-6. */
static int
parse_cpus(const char *name, struct netvm_nf_options *o)
{
	const char *at = optarg;
	unsigned long from, to;
	char *end;

	o->ncpus = 0;
	for (;; at = end + 1) {
		from = to = strtoul(at, &end, 10);
		if (end == at || at[0] == '-' || at[0] == '+')
			break;
		if (*end == '-') {
			at = end + 1;
			to = strtoul(at, &end, 10);
			if (end == at || at[0] == '-')
				break;
		}
		if (from > to || to >= NETVM_CPUS_MAX)
			break;
		for (; from <= to && o->ncpus < NETVM_CPUS_MAX; from++)
			o->cpus[o->ncpus++] = from;
		if (!*end)
			return 0;
		if (*end != ',')
			break;
	}
	fprintf(stderr, "%s: --cpu %s: expected a list of CPUs from 0 to %d, such as 2,4-6\n", name,
		optarg, NETVM_CPUS_MAX - 1);
	return -EINVAL;
}

static int
set_option(struct netvm_nf_options *o, int option, const struct netvm_nf_ops *ops)
{
	uint32_t n;
	int err = 0;

	switch (option) {
	case OPT_TRANSPORT:
		o->transport = optarg;
		return 0;
	case OPT_THREADS:
		err = parse_number(ops->name, "threads", 1, NETVM_PAIRS_MAX, &n);
		o->threads = err ? 0 : n;
		return err;
	case OPT_WAIT:
		return parse_wait(ops->name, &o->wait);
	case OPT_CPU:
		return parse_cpus(ops->name, o);
	case OPT_TICK:
		return parse_number(ops->name, "tick", 1, TICK_MAX, &o->tick_ms);
	case OPT_STATS:
		return parse_number(ops->name, "stats", 0, STATS_MAX, &o->stats_s);
	case OPT_OFFLOADS:
		o->port.offloads = true;
		return 0;
	case OPT_SEGMENTS:
		o->port.segments = true;
		return 0;
	case OPT_TIMEOUT:
		err = parse_number(ops->name, "timeout", 1, STATS_MAX, &n);
		o->port.timeout_ms = err ? 0 : n * 1000;
		return err;
	case OPT_VERSION:
		printf("%s (libnetvm %s)\n", ops->name, netvm_version());
		return ANSWERED;
	case 'h':
		print_help(ops);
		return ANSWERED;
	default: /* getopt has said what is wrong */
		fprintf(stderr, "Try \"%s --help\".\n", ops->name);
		return -EINVAL;
	}
}

/* What stands behind "--" is the NF's, with the program's name before it. */
static int
take_rest(struct netvm_nf_options *o, int argc, char **argv, const struct netvm_nf_ops *ops)
{
	bool separated = optind > 1 && !strcmp(argv[optind - 1], "--");

	if (optind < argc && (!separated || !ops->options)) {
		fprintf(stderr, "%s: unexpected argument \"%s\"%s\n", ops->name, argv[optind],
			ops->options ? "; the NF's own options stand behind \"--\"" : "");
		return -EINVAL;
	}
	o->rest_argc = argc - optind + 1;
	o->rest_argv = argv + optind - 1;
	o->rest_argv[0] = argv[0];
	optind = 0; /* glibc: the next getopt begins afresh */
	return SUCCESS;
}

int
netvm_nf_parse(struct netvm_nf_options *o, int argc, char **argv, const struct netvm_nf_ops *ops)
{
	const char *environment = getenv("NETVM_TRANSPORT");
	int option, result;

	o->transport = environment && *environment ? environment : "pci:";
	o->threads = 1;
	o->tick_ms = TICK_MS;
	optind = 0;
	/* "+": nothing is moved, so that "--" stays where it was. */
	while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		result = set_option(o, option, ops);
		if (result)
			return result;
	}
	o->port.pairs = o->threads;
	return take_rest(o, argc, argv, ops);
}
