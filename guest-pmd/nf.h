/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of netvm_nf_run(). Everything here stands on netvm.h; only a wake-up
 * and a reopening with a time limit of its own come from private.h.
 *
 *	nf.c          the run: signals, start and end of threads, counters on time
 *	nf-thread.c   a thread's loop, idleness, recovery from a reset
 *	nf-message.c  messages        nf-report.c  the table        nf-options.c
 *
 * A `struct netvm_nf` is one thread's view of the run: callbacks get their own.
 */
#ifndef GUEST_PMD_NF_H
#define GUEST_PMD_NF_H

#include "guest-pmd/private.h"

#include <pthread.h>

#define NETVM_CPUS_MAX 1024

enum netvm_nf_wait { NETVM_NF_ADAPTIVE, NETVM_NF_POLL, NETVM_NF_SHARED };

struct netvm_nf_options {
	const char *transport;
	uint16_t threads;
	enum netvm_nf_wait wait;
	int cpus[NETVM_CPUS_MAX]; /* of the threads, in turn */
	int ncpus;                /* 0: wherever */
	uint32_t tick_ms, stats_s;
	struct netvm_options port;
	int rest_argc; /* the NF's own, from argv[0] on */
	char **rest_argv;
};

struct netvm_nf_run;

struct netvm_nf {
	struct netvm_nf_run *run;
	struct netvm_port *port;
	const struct netvm_nf_ops *ops;
	void *arg; /* the thread's */
	uint16_t thread;
	pthread_t id;
	bool started;
	uint16_t npending; /* packets that the ring had no room for */
	struct netvm_packet pending[NETVM_BURST];
	uint64_t last_look, next_tick; /* ticks; nanoseconds */
	uint64_t idle_since;           /* ticks; 0: not idle */
	uint32_t idle_rounds;
	uint64_t dropped; /* by netvm_nf_send(), for want of room; atomic, relaxed */
};

/* A message on its way to thread 0. */
struct netvm_nf_letter {
	struct netvm_nf_letter *next;
	uint16_t from;
	uint16_t length;
	uint8_t data[NETVM_MESSAGE_MAX];
};

struct netvm_nf_run {
	const struct netvm_nf_ops *ops;
	void *arg;
	struct netvm_nf_options options;
	struct netvm_port *port;
	struct netvm_info info;
	int stop_fd; /* readable when the run is to end */
	int stop;    /* atomic */
	int status;  /* under the lock */
	int report;  /* atomic: thread 0 is to print */
	uint64_t started;

	pthread_mutex_t lock;
	pthread_cond_t turn;
	uint32_t generation; /* of reopenings; under the lock */
	uint16_t lost;       /* threads that wait for the reopening; under the lock */
	bool reopening;      /* a thread has the port to itself; under the lock */
	uint16_t unready;    /* threads whose setup has not returned; under the lock */
	uint16_t left;       /* threads that have not reached the end; under the lock */
	bool reported;       /* for the last time; under the lock */

	pthread_mutex_t mail_lock;
	struct netvm_nf_letter *mail, **mail_end; /* under mail_lock */
	uint16_t mail_count;                      /* atomic; written under mail_lock */

	struct netvm_nf threads[NETVM_PAIRS_MAX];
};

static inline bool
netvm_nf_stopping(const struct netvm_nf_run *run)
{
	return __atomic_load_n(&run->stop, __ATOMIC_RELAXED);
}

/* 0: go on, 1: --help or --version was answered, -EINVAL: was explained. */
int netvm_nf_parse(
	struct netvm_nf_options *o, int argc, char **argv, const struct netvm_nf_ops *ops);

void *netvm_nf_thread_main(void *nf);
/* Prints the table and the NF's own counters; on thread 0. */
void netvm_nf_print(struct netvm_nf *nf);

/* Is this a message? Then it is delivered, or put into thread 0's box. */
bool netvm_nf_take_message(struct netvm_nf *nf, struct netvm_packet *p);
/* Thread 0: delivers what other threads received. */
void netvm_nf_deliver(struct netvm_nf *nf);
void netvm_nf_drop_mail(struct netvm_nf_run *run);

#endif
