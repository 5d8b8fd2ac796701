/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's life: guests that attach, ask, fall silent, misbehave and go. Runs on
 * the thread of shm-server.c; workers are the other side of `live`.
 *
 * Theory of operation. enum shm_port_state (shm-port.h) is what an operator sees;
 * shm_life_enter() moves between them. Whatever leaves SHM_UP goes through
 * shm_life_leave(): no worker is in the port any more, all buffers of the guest are the
 * pool's again, all rings are empty.
 *
 *	SHM_DOWN     enable -> WAITING
 *	SHM_WAITING  a request -> UP, disable -> DOWN
 *	SHM_UP       closed, hung up, silent -> WAITING; a request -> UP again;
 *	             a fault -> ERROR; disable -> DOWN
 *	SHM_ERROR    a request after PENALTY_MS -> UP; hung up -> WAITING;
 *	             disable -> DOWN
 *
 * When we look. A guest that is attached and not served rings vector 0 for a
 * request, and we wait for that. One that is served rings for packets as well, so
 * its page is looked at every SHM_UP_MS instead of at each ring, which also bounds how
 * often a guest can have us reset its port. Workers tell of faults by
 * shm_server_fault(). A word that the guest can write is read once per look.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "src/shm/shm-server.h"

#define IDLE_MS    100 /* at one that is not, should a ring be missed */
#define PENALTY_MS 100 /* that a guest waits after it was put in error */
#define IDLE_RINGS 64  /* for nothing between two ticks; more are not listened to */

int64_t
shm_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- states ---------------------------------------------------------------------- */

/* The one place where a state changes. why NULL: nothing to tell. */
void
shm_life_enter(struct shm_port *p, enum shm_port_state state, const char *why)
{
	pthread_mutex_lock(&p->lock);
	p->state = state;
	p->client->shown_pairs = p->pairs;
	p->client->shown_features = p->guest_features;
	snprintf(p->error, sizeof(p->error), "%s", why ? why : "");
	pthread_mutex_unlock(&p->lock);
	if (shm_env->changed)
		shm_env->changed(p->cfg.user);
}

void
shm_life_tell_sleepers(struct shm_port *p, bool up)
{
	for (uint16_t qp = 0; shm_env->kick_changed && qp < p->pairs; qp++) {
		int fd = atomic_load_explicit(&p->kick[qp % p->vectors], memory_order_relaxed);

		if (fd < 0)
			fd = SHM_KICK_TIMER;
		shm_env->kick_changed(
			p->cfg.user, qp, up ? SHM_KICK_NONE : fd, up ? fd : SHM_KICK_NONE);
	}
}

void
shm_life_watch_bell(struct shm_port *p, bool on)
{
	struct shm_attachment *a = p->client;
	int fd = atomic_load_explicit(&p->kick[0], memory_order_relaxed);

	if (fd < 0 || on == a->bell_watched)
		return;
	a->bell_watched = on;
	/* Edge-triggered and never read: workers wait on it, too, and a guest could
	 * make reading wait. */
	if (on)
		shm_server_poll(fd, EPOLLIN | EPOLLET, &a->on_bell);
	else
		shm_server_unpoll(fd);
}

/* No worker is in it any more, no buffer is the guest's, its rings are empty. */
void
shm_life_leave(struct shm_port *p)
{
	bool served = p->state == SHM_UP;

	if (served) {
		shm_port_unpublish(p);
		shm_life_tell_sleepers(p, false);
	}
	shm_port_reclaim(p);
	shm_port_rings_reset(p);
}

void
shm_life_serve(struct shm_port *p, uint16_t pairs, uint32_t features, int64_t now)
{
	struct shm_attachment *a = p->client;

	shm_life_watch_bell(p, false);
	a->beat = __atomic_load_n(&p->device->guest_beat, __ATOMIC_RELAXED);
	a->beat_ms = now;
	a->tick_ms = now + SHM_UP_MS;
	if (a->later) {
		p->pairs = pairs != 0 ? pairs : p->cfg.queues;
		p->guest_features = features;
	} else {
		shm_port_publish(p, pairs, features);
		shm_life_tell_sleepers(p, true);
	}
}

/* Step 3 of LIFE in netvm-abi.h. */
static void
port_open(struct shm_port *p, uint32_t request, int64_t now)
{
	struct netvm_device *d = p->device;
	uint32_t features = __atomic_load_n(&d->guest_features, __ATOMIC_RELAXED);
	uint32_t pairs = __atomic_load_n(&d->guest_pairs, __ATOMIC_RELAXED);

	shm_life_leave(p);
	shm_page_repair(p);
	p->client->answered = request;
	shm_life_serve(p, pairs > p->cfg.queues ? 0 : (uint16_t)pairs, features, now);
	shm_life_enter(p, SHM_UP, NULL);
	shm_page_host_state(p, NETVM_HOST_READY);
	/* It does so itself when it has our answer, but a guest that closes soon after
	 * that would be missed. */
	__atomic_store_n(&d->guest_state, NETVM_GUEST_OPEN, __ATOMIC_RELAXED);
	/* Release, pairs with the guest's acquire: it finds empty rings. */
	__atomic_store_n(&d->host_answer, request, __ATOMIC_RELEASE);
}

/* It goes on only by opening the port again, which it is told. */
void
shm_life_reset(struct shm_port *p, enum shm_port_state state, const char *why)
{
	shm_life_leave(p);
	shm_page_host_state(p, NETVM_HOST_RESET);
	shm_life_enter(p, state, why);
	shm_life_watch_bell(p, true);
}

/* Whether the memory that the port stands on is all there. */
static bool
port_torn(struct shm_port *p)
{
	if (!atomic_load_explicit(&p->memory.torn, memory_order_relaxed) &&
		!atomic_load_explicit(&p->pool->memory.torn, memory_order_relaxed))
		return false;
	if (p->state != SHM_ERROR)
		shm_life_reset(p, SHM_ERROR,
			"a member of the group gave back memory that it shares; delete the group "
			"and make it again");
	return true;
}

static void
port_faulted(struct shm_port *p, int64_t now)
{
	char why[160];

	snprintf(why, sizeof(why), "%s; it has to open the port again",
		shm_fault_text(
			(enum shm_fault)atomic_load_explicit(&p->fault, memory_order_relaxed)));
	p->client->wait_ms = now + PENALTY_MS;
	shm_life_reset(p, SHM_ERROR, why);
}

/* --- looking ----------------------------------------------------------------------- */

static void
look_at_open(struct shm_port *p, int64_t now)
{
	struct shm_attachment *a = p->client;
	uint32_t state = __atomic_load_n(&p->device->guest_state, __ATOMIC_RELAXED);
	uint64_t beat = __atomic_load_n(&p->device->guest_beat, __ATOMIC_RELAXED);
	char why[160];

	if (state != NETVM_GUEST_OPEN) {
		shm_life_leave(p);
		shm_life_enter(p, SHM_WAITING, NULL);
		shm_life_watch_bell(p, true);
		return;
	}
	if (beat != a->beat) {
		a->beat = beat;
		a->beat_ms = now;
	} else if (p->cfg.heartbeat_ms && now - a->beat_ms > p->cfg.heartbeat_ms) {
		snprintf(why, sizeof(why),
			"the guest was silent for %u ms; it has to open the port again",
			p->cfg.heartbeat_ms);
		shm_life_reset(p, SHM_WAITING, why);
	}
}

void
shm_life_look(struct shm_port *p, int64_t now)
{
	struct shm_attachment *a = p->client;
	uint32_t request;

	if (!p->attached || !a->enabled || port_torn(p))
		return;
	if (p->state == SHM_UP && atomic_load_explicit(&p->fault, memory_order_relaxed) != SHM_OK)
		port_faulted(p, now);
	/* Acquire, pairs with the guest's release: what it wrote for this request. */
	request = __atomic_load_n(&p->device->guest_request, __ATOMIC_ACQUIRE);
	if (request != a->answered) {
		if (now >= a->wait_ms)
			port_open(p, request, now);
	} else if (p->state == SHM_UP) {
		look_at_open(p, now);
	}
}

void
shm_life_bell(struct shm_port *p, int64_t now)
{
	if (!p->attached)
		return;
	shm_life_look(p, now);
	/* Who rings on and on and wants nothing is looked at by the clock. */
	if (p->state != SHM_UP && ++p->client->bells > IDLE_RINGS)
		shm_life_watch_bell(p, false);
}

void
shm_life_tick(struct shm_port *p, int64_t now)
{
	struct shm_attachment *a = p->client;

	if (!p->attached) {
		a->tick_ms = 0;
		return;
	}
	a->bells = 0;
	shm_port_hold(p, now);
	shm_life_look(p, now);
	a->tick_ms = now + (p->state == SHM_UP ? SHM_UP_MS : IDLE_MS);
	if (p->state != SHM_UP) {
		shm_life_watch_bell(p, true);
		/* A guest that boots again must find a page that it understands. */
		shm_page_repair(p);
	}
}

/* --- calls of the control thread ------------------------------------------------------ */

void
shm_life_enable(struct shm_port *p, bool on)
{
	struct shm_attachment *a = p->client;

	a->enabled = on;
	shm_page_link(p, on);
	if (!on) {
		for (unsigned int i = 0; i < SHM_DOORS; i++) {
			shm_server_unpoll(a->door[i].listener);
			shm_door_shut(&a->door[i]);
		}
		/* Who is attached stays: QEMU would not come again. */
		shm_life_reset(p, SHM_DOWN, NULL);
		return;
	}
	for (unsigned int i = 0; i < SHM_DOORS; i++)
		shm_server_poll(a->door[i].listener, EPOLLIN, &a->door[i].on_listener);
	if (!p->attached)
		shm_page_host_state(p, NETVM_HOST_READY);
	shm_life_enter(p, SHM_WAITING, NULL);
	shm_life_look(p, shm_now_ms());
}

void
shm_life_end(struct shm_port *p)
{
	struct shm_attachment *a = p->client;

	a->enabled = false;
	shm_life_leave(p);
	/* With the end of the connection this says that the port is gone for good. */
	shm_page_host_state(p, NETVM_HOST_DOWN);
	shm_port_ring_all(p);
	shm_bells_close(p);
	for (unsigned int i = 0; i < SHM_DOORS; i++) {
		if (a->door[i].listener >= 0)
			shm_server_unpoll(a->door[i].listener);
		shm_door_shut(&a->door[i]);
		shm_door_hang_up(&a->door[i]);
	}
	shm_life_attached(p, false, 0);
	shm_server_unwatch(p);
}
