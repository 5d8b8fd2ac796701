/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvm_nf_run() around a core (nf-program.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

#include "guest-pmd/nf/nf-program.h"

#define OPTIONS_MAX 30

/* A process is one program. */
static struct {
	const struct nf_program *program;
	struct nf_between between;
	struct nf_option options[OPTIONS_MAX + 2]; /* the program's, --between, the end */
	pthread_mutex_t lock;
} self = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int
say(int error)
{
	if (error < 0)
		fprintf(stderr, "%s: %s\n", self.program->name, nf_error());
	return error;
}

static int
on_options(int argc, char **argv, void *arg)
{
	int r = nf_options_parse(self.options, argc, argv);

	if (r == 0 && self.program->start != NULL)
		r = self.program->start();
	return say(r);
}

static int
on_setup(struct netvm_nf *nf, uint16_t thread, void *arg, void **thread_arg)
{
	if (thread != 0 || self.program->open == NULL)
		return 0;
	return say(self.program->open(nf));
}

static void
on_burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, void *thread_arg)
{
	uint64_t now = netvm_nf_now_ns();
	uint16_t from[NETVM_BURST];

	for (uint16_t i = 0; i < n && i < NETVM_BURST; i++)
		from[i] = pkts[i].destination;
	if (self.program->parallel) {
		self.program->burst(nf, pkts, n, now);
	} else {
		pthread_mutex_lock(&self.lock);
		self.program->burst(nf, pkts, n, now);
		pthread_mutex_unlock(&self.lock);
	}
	for (uint16_t i = 0; i < n && i < NETVM_BURST; i++)
		nf_go_on(&self.between, &pkts[i], from[i]);
}

static unsigned int
on_poll(struct netvm_nf *nf, void *thread_arg)
{
	uint64_t now = netvm_nf_now_ns();
	unsigned int n;

	if (self.program->parallel)
		return self.program->poll(nf, now);
	pthread_mutex_lock(&self.lock);
	n = self.program->poll(nf, now);
	pthread_mutex_unlock(&self.lock);
	return n;
}

static void
on_tick(struct netvm_nf *nf, void *thread_arg)
{
	if (netvm_nf_thread(nf) != 0)
		return;
	pthread_mutex_lock(&self.lock);
	self.program->tick(nf, netvm_nf_now_ns());
	pthread_mutex_unlock(&self.lock);
}

static void
on_lost(struct netvm_nf *nf, void *thread_arg)
{
	pthread_mutex_lock(&self.lock);
	self.program->lost(nf);
	pthread_mutex_unlock(&self.lock);
}

static void
on_report(struct netvm_nf *nf, FILE *out, void *arg)
{
	pthread_mutex_lock(&self.lock);
	self.program->report(out, netvm_nf_now_ns());
	pthread_mutex_unlock(&self.lock);
}

int
nf_check_size(const struct netvm_info *info, uint64_t size)
{
	uint32_t room = info->buffer_size - info->headroom;

	if (size > info->mtu + 18)
		return nf_refuse("--size %" PRIu64 ": the port's MTU of %u bytes allows %u at most",
			size, info->mtu, info->mtu + 18);
	if (size > room)
		return nf_refuse("--size %" PRIu64 ": a buffer of group %s has room for %u bytes",
			size, info->group, room);
	return 0;
}

static void
collect_options(const struct nf_option *table)
{
	unsigned int n = 0;

	for (; table != NULL && table[n].name != NULL && n < OPTIONS_MAX; n++)
		self.options[n] = table[n];
	self.options[n++] = (struct nf_option){"between", "A,B",
		"go on to port B with what comes from port A, and back", NF_OPTION_BETWEEN,
		&self.between, 0, 0, false};
	self.options[n] = (struct nf_option){0};
}

int
nf_program_run(int argc, char **argv, const struct nf_program *program)
{
	static char usage[4096];
	struct netvm_nf_ops ops = {
		.name = program->name,
		.usage = usage,
		.options = on_options,
		.setup = on_setup,
		.burst = on_burst,
		.poll = program->poll != NULL ? on_poll : NULL,
		.tick = program->tick != NULL ? on_tick : NULL,
		.report = program->report != NULL ? on_report : NULL,
		.lost = program->lost != NULL ? on_lost : NULL,
	};

	self.program = program;
	collect_options(program->options);
	nf_options_help(self.options, usage, sizeof(usage));
	return netvm_nf_run(argc, argv, &ops, NULL);
}
