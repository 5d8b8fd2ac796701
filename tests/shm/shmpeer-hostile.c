/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dishonest NF: sessions of some hundred milliseconds, in which it sends
 * numbered frames and one thread of it does misdeeds between, while another spoils
 * memory at the same time as the host works on it. Each session ends in its own
 * way, and what a session left behind the next one finds. See shmpeer.h.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/shm/shmpeer.h"

#define MEMORY_ACTS 6 /* of the list: those that only write to memory */

static struct peer flipper;
static volatile int flipping;

void
hostile_list(void)
{
	for (const struct act *a = memory_acts; a->name != NULL; a++)
		printf("%s  %s\n", a->name, a->what);
}

static const struct act *
choose(struct peer *p, unsigned int among)
{
	const struct act *a = memory_acts;

	if (p->opt->act != NULL) {
		while (a->name != NULL && strcmp(a->name, p->opt->act) != 0)
			a++;
		return a->name != NULL ? a : NULL;
	}
	a += peer_random(p) % among;
	return peer_random(p) % a->seldom == 0 ? a : NULL;
}

static void
misbehave(struct peer *p, unsigned int among)
{
	const struct act *a = choose(p, among);

	if (a == NULL)
		return;
	a->run(p);
	p->acts++;
}

static void *
flip(void *arg)
{
	(void)arg;
	while (flipping) {
		if (flipper.opt->act == NULL)
			misbehave(&flipper, MEMORY_ACTS);
		usleep((useconds_t)(peer_random(&flipper) % 200));
	}
	return NULL;
}

static unsigned int
act_count(void)
{
	unsigned int n = 0;

	while (memory_acts[n].name != NULL)
		n++;
	return n;
}

/* Until its time is up, the host has hung up, or has not let us in. */
static void
session(struct peer *p, double end)
{
	unsigned int acts = act_count();
	double lost = 0;

	while (!peer_stop && client_now() < end && !client_gone(&p->c)) {
		for (unsigned int q = 0; q < p->c.pairs; q++) {
			turn_traffic(p, q);
			client_signal(&p->c, q);
		}
		misbehave(p, acts);
		/* An error of the port ends by opening it again, mostly. */
		if (client_now() > lost + 0.01) {
			lost = client_now();
			if (client_lost(&p->c) || peer_random(p) % 8 == 0) {
				p->spares = 0;
				(void)client_open(&p->c, 0.05);
				p->reopened++;
			}
		}
		usleep((useconds_t)(peer_random(p) % 100));
	}
}

static bool
attach_again(struct peer *p)
{
	double end = client_now() + p->opt->timeout;

	/* What went before may take the host a moment. */
	do {
		if (client_attach(&p->c, p->opt->dir, p->opt->port, p->opt->timeout))
			return true;
		usleep(1000);
	} while (!peer_stop && client_now() < end);
	return false;
}

static int
tell(struct peer *p)
{
	printf("{\"event\": \"end\", \"acts\": %llu, \"flips\": %llu, \"sent\": %llu, "
	       "\"received\": %llu, \"reopened\": %llu, \"bad\": %llu}\n",
		(unsigned long long)p->acts, (unsigned long long)flipper.acts,
		(unsigned long long)p->t.sent, (unsigned long long)p->t.received,
		(unsigned long long)p->reopened, (unsigned long long)(p->bad + flipper.bad));
	return p->bad + flipper.bad == 0 && p->acts != 0 ? 0 : 1;
}

int
hostile_run(struct peer *p)
{
	double end;
	pthread_t thread;
	uint64_t flips = 0;

	p->start = client_now();
	end = p->opt->seconds != 0 ? p->start + p->opt->seconds : 1e18;
	while (!peer_stop && client_now() < end) {
		double until = client_now() + 0.05 + (double)(peer_random(p) % 400) / 1000;

		if (!attach_again(p)) {
			fprintf(stderr, "shmpeer: cannot attach any more: %s\n", p->c.error);
			p->bad++;
			break;
		}
		p->spares = 0;
		p->c.dev->guest_features = (uint32_t)peer_random(p);
		if (client_open(&p->c, p->opt->timeout)) {
			flipper = *p;
			flipper.random = peer_random(p) | 1;
			flipper.acts = flips;
			flipping = 1;
			if (pthread_create(&thread, NULL, flip, NULL) != 0)
				return 1;
			session(p, until < end ? until : end);
			flipping = 0;
			pthread_join(thread, NULL);
			flips = flipper.acts;
		} else {
			fprintf(stderr, "shmpeer: cannot open any more: %s\n", p->c.error);
			p->bad++;
		}
		client_close(&p->c, peer_random(p) % 3 != 0);
	}
	return tell(p);
}
