/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a port begins: with nobody, or with a guest who was there when an earlier daemon
 * died. Runs on the thread of shm-server.c. Neighbours: shm-port-state.c has the
 * states, shm-resume.c has found what there is of the guest before.
 *
 * Order of a resume. The control thread makes all ports; those with a guest are
 * watched and not served (`later`). shm_resume() then
 *
 *	1. begins each: pages are mended, journals finished, states entered;
 *	2. lets workers give packets to each;
 *	3. lets workers take packets from each, and wakes all sleepers,
 *
 * so no frame that waited in a ring is dropped because its destination is not
 * there yet.
 */
#include <sys/epoll.h>

#include "src/shm/shm-server.h"

/* Somebody was attached when an earlier daemon died: he goes on where he is. */
static void
port_resume(struct shm_port *p, int64_t now)
{
	struct shm_attachment *a = p->client;
	struct netvm_device *d = p->device;
	uint32_t request = __atomic_load_n(&d->guest_request, __ATOMIC_ACQUIRE);
	uint32_t pairs = __atomic_load_n(&d->guest_pairs, __ATOMIC_RELAXED);
	bool open = __atomic_load_n(&d->guest_state, __ATOMIC_RELAXED) == NETVM_GUEST_OPEN &&
		    __atomic_load_n(&d->host_state, __ATOMIC_RELAXED) == NETVM_HOST_READY &&
		    __atomic_load_n(&d->host_answer, __ATOMIC_RELAXED) == request;

	/* All of these can be lies; then the guest's rings are not what it believes, and
	 * it is put in error. */
	a->answered = __atomic_load_n(&d->host_answer, __ATOMIC_RELAXED);
	a->tick_ms = now + SHM_UP_MS;
	__atomic_store_n(&d->host_generation,
		__atomic_load_n(&d->host_generation, __ATOMIC_RELAXED) + 1, __ATOMIC_RELEASE);
	shm_page_repair(p);
	shm_page_link(p, a->enabled);
	if (open && p->resumed && a->enabled) {
		shm_port_rings_resume(p);
		shm_life_serve(p, pairs > p->cfg.queues ? 0 : (uint16_t)pairs,
			__atomic_load_n(&d->guest_features, __ATOMIC_RELAXED), now);
		shm_life_enter(p, SHM_UP, NULL);
	} else {
		shm_life_reset(p, a->enabled ? SHM_WAITING : SHM_DOWN, NULL);
	}
	shm_port_ring_all(p);
}

bool shm_life_held; /* see shm_resume() */

static void
port_begin(struct shm_port *p)
{
	struct shm_attachment *a = p->client;

	for (unsigned int i = 0; i < SHM_DOORS; i++) {
		if (a->door[i].listener >= 0)
			shm_server_poll(a->door[i].listener, EPOLLIN, &a->door[i].on_listener);
		if (a->door[i].sock >= 0)
			shm_server_poll(a->door[i].sock, EPOLLRDHUP, &a->door[i].on_sock);
	}
	if (a->door[SHM_DOOR_RING].sock >= 0) {
		shm_life_attached(p, true, shm_socket_peer(a->door[SHM_DOOR_RING].sock));
		port_resume(p, shm_now_ms());
	} else {
		shm_life_leave(p);
		shm_page_clear(p);
		shm_life_enter(p, a->enabled ? SHM_WAITING : SHM_DOWN, NULL);
	}
}

void
shm_life_begin(struct shm_port *p)
{
	shm_server_watch(p);
	if (shm_life_held && p->client->door[SHM_DOOR_RING].sock >= 0)
		p->client->later = true;
	else
		port_begin(p);
}

static void
begin_now(struct shm_port *p)
{
	if (p->client->later)
		port_begin(p);
}

/* What others send it arrives; it is heard when they can all be reached. */
static void
reach_now(struct shm_port *p)
{
	if (p->client->later && p->state == SHM_UP)
		shm_port_publish_to(p, p->pairs, p->guest_features);
}

static void
hear_now(struct shm_port *p)
{
	bool later = p->client->later;

	p->client->later = false;
	if (later && p->state == SHM_UP) {
		shm_port_publish_from(p);
		shm_life_tell_sleepers(p, true);
	}
}

void
shm_life_resume(void)
{
	shm_life_held = false;
	shm_server_each(begin_now);
	shm_server_each(reach_now);
	shm_server_each(hear_now);
}
