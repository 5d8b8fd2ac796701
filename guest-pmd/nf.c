/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: netvm_nf_run(). The calling thread reads signals and starts and ends
 * the threads that serve the queue pairs; see nf.h for the neighbours.
 */
#include "guest-pmd/nf.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

NETVM_API struct netvm_port *
netvm_nf_port(struct netvm_nf *nf)
{
	return nf->port;
}

NETVM_API uint16_t
netvm_nf_thread(const struct netvm_nf *nf)
{
	return nf->thread;
}

NETVM_API void
netvm_nf_stop(struct netvm_nf *nf, int status)
{
	struct netvm_nf_run *run = nf->run;
	uint64_t one = 1;

	pthread_mutex_lock(&run->lock);
	if (!netvm_nf_stopping(run)) {
		run->status = status;
		__atomic_store_n(&run->stop, 1, __ATOMIC_RELAXED);
		pthread_cond_broadcast(&run->turn);
	}
	pthread_mutex_unlock(&run->lock);
	if (write(run->stop_fd, &one, sizeof(one)) < 0)
		return; /* full: it is readable already */
}

static void
wake_threads(struct netvm_nf_run *run)
{
	for (uint16_t i = 0; i < run->info.pairs; i++)
		netvm_port_wake(run->port, i);
}

static void
ask_report(struct netvm_nf_run *run)
{
	__atomic_store_n(&run->report, 1, __ATOMIC_RELAXED);
	netvm_port_wake(run->port, 0);
}

/* Reads a signal; true: it ends the run. */
static bool
read_signal(struct netvm_nf_run *run, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGUSR1)
		return true;
	ask_report(run);
	return false;
}

/* Until a signal or netvm_nf_stop() ends the run. */
static void
control(struct netvm_nf_run *run, int signals)
{
	struct pollfd fds[] = {
		{.fd = signals, .events = POLLIN}, {.fd = run->stop_fd, .events = POLLIN}};
	uint64_t period = (uint64_t)run->options.stats_s * 1000000000, now = netvm_nf_now_ns();
	uint64_t next = now + period;

	for (;;) {
		uint64_t ms = !period ? 0 : next > now ? (next - now) / 1000000 + 1 : 0;

		poll(fds, 2, period ? (int)ms : -1);
		if (fds[1].revents || (fds[0].revents && read_signal(run, signals)))
			break;
		now = netvm_nf_now_ns();
		if (period && now >= next) {
			ask_report(run);
			next += period;
		}
	}
	netvm_nf_stop(&run->threads[0], 0);
	wake_threads(run);
}

/* --- threads ----------------------------------------------------------------------- */

static void
pin(struct netvm_nf *nf)
{
	const struct netvm_nf_options *o = &nf->run->options;
	cpu_set_t set;
	int err;

	if (!o->ncpus)
		return;
	CPU_ZERO(&set);
	CPU_SET(o->cpus[nf->thread % o->ncpus], &set);
	err = pthread_setaffinity_np(nf->id, sizeof(set), &set);
	if (err)
		fprintf(stderr, "%s: thread %u cannot run on CPU %d: %s\n", nf->ops->name,
			nf->thread, o->cpus[nf->thread % o->ncpus], strerror(err));
}

static void
start_threads(struct netvm_nf_run *run)
{
	for (uint16_t i = 0; i < run->info.pairs; i++) {
		struct netvm_nf *nf = &run->threads[i];

		nf->run = run;
		nf->port = run->port;
		nf->ops = run->ops;
		nf->thread = i;
	}
	run->left = run->unready = run->info.pairs;
	for (uint16_t i = 0; i < run->info.pairs; i++) {
		struct netvm_nf *nf = &run->threads[i];
		int err = pthread_create(&nf->id, NULL, netvm_nf_thread_main, nf);

		if (err) {
			fprintf(stderr, "%s: cannot start thread %u: %s\n", run->ops->name, i,
				strerror(err));
			pthread_mutex_lock(&run->lock);
			run->left -= run->info.pairs - i;
			run->reported = i == 0;
			pthread_cond_broadcast(&run->turn);
			pthread_mutex_unlock(&run->lock);
			netvm_nf_stop(nf, 1);
			return;
		}
		nf->started = true;
		pin(nf);
	}
}

static int
run_threads(struct netvm_nf_run *run, const sigset_t *signals)
{
	int fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);

	run->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0 || run->stop_fd < 0) {
		fprintf(stderr, "%s: cannot open a signalfd and an eventfd: %s\n", run->ops->name,
			strerror(errno));
		run->status = 1;
	} else {
		start_threads(run);
		control(run, fd);
		for (uint16_t i = 0; i < run->info.pairs; i++)
			if (run->threads[i].started)
				pthread_join(run->threads[i].id, NULL);
	}
	if (fd >= 0)
		close(fd);
	if (run->stop_fd >= 0)
		close(run->stop_fd);
	return run->status;
}

/* Opens the port for as many threads as were asked for, and runs. */
static int
run_on_port(struct netvm_nf_run *run)
{
	sigset_t signals, before;
	int status;

	run->port = netvm_open(run->options.transport, &run->options.port);
	if (!run->port) {
		fprintf(stderr, "%s: %s\n", run->ops->name, netvm_error());
		return 1;
	}
	netvm_get_info(run->port, &run->info);
	run->started = netvm_nf_now_ns();
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	/* Threads inherit the mask: signals are read, never delivered. */
	pthread_sigmask(SIG_BLOCK, &signals, &before);
	status = run_threads(run, &signals);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	netvm_close(run->port);
	return status;
}

NETVM_API int
netvm_nf_run(int argc, char **argv, const struct netvm_nf_ops *ops, void *arg)
{
	struct netvm_nf_run *run = calloc(1, sizeof(*run));
	int status = 0, parsed;

	if (!run || !ops->packet == !ops->burst) {
		fprintf(stderr, "%s: %s\n", ops->name,
			run ? "an NF has a packet or a burst callback, and not both" : "no memory");
		free(run);
		return 1;
	}
	run->ops = ops;
	run->arg = arg;
	run->mail_end = &run->mail;
	pthread_mutex_init(&run->lock, NULL);
	pthread_mutex_init(&run->mail_lock, NULL);
	pthread_cond_init(&run->turn, NULL);
	parsed = netvm_nf_parse(&run->options, argc, argv, ops);
	if (parsed < 0)
		status = 2;
	else if (parsed == 0 && ops->options &&
		 ops->options(run->options.rest_argc, run->options.rest_argv, arg))
		status = 2;
	else if (parsed == 0)
		status = run_on_port(run);
	netvm_nf_drop_mail(run);
	pthread_cond_destroy(&run->turn);
	pthread_mutex_destroy(&run->mail_lock);
	pthread_mutex_destroy(&run->lock);
	free(run);
	return status;
}
