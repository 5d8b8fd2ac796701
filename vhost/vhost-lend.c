/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lending guest memory to NICs: our own mapping of it, and what becomes of
 * loans when a ring stops.
 *
 * Theory of operation. rte_vhost unmaps a peer's memory as soon as its table
 * changes or its connection ends. A NIC may still read from it then, so
 * workers use a mapping of our own: one struct vhost_map for each memory
 * table, counted by the port that it belongs to and by every hold with loans
 * out.
 *
 * When a ring is taken away from workers, the thread that does it waits a
 * bounded time for the ring's loans; workers go on meanwhile, so drivers that
 * free what they sent only when asked are still asked. At the deadline the
 * guest gets its buffers back all the same, in order, and vhost_env.revoke()
 * ends the hold of devices that read memory behind our back. The loans' records
 * and the mapping stay until the last loan is back: they are buried here, and
 * looked at again whenever a ring of any port stops or starts.
 *
 * A daemon that is killed leaves nothing to do: what was lent was not given
 * back, so the next one finds it in the ring and sends it again.
 *
 * Threads: whoever runs the callbacks of a port; several ports' may at the same
 * time, hence the lock. vhost_lend() the control thread.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/packet/fault.h"
#include "vhost/vhost-private.h"
#include "vhost/vring-hold.h"

#define DRAIN_MS 100
/* After a NIC kept a loan over the deadline, the port's rings lend nothing for so
 * long: otherwise its peer could make the fd thread wait again and again. */
#define DISTRUST_MS 10000

struct vhost_map {
	unsigned int refs; /* under the lock */
	unsigned int n;
	struct vhost_stretch range[GUEST_MEM_REGIONS];
	uint32_t reach;         /* release by vhost_memory_walk(), acquire by borrowers */
	struct vhost_map *next; /* list of those that are complete, under the lock */
};

struct grave {
	struct grave *next;
	struct vring_hold *hold;
	struct vhost_map *map;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct grave *graves;
static struct vhost_map *maps;
_Atomic unsigned int vhost_borrowers;

/* --- the mapping ------------------------------------------------------------ */

struct vhost_map *
vhost_map_new(void)
{
	struct vhost_map *m = calloc(1, sizeof(*m));

	if (m)
		m->refs = 1;
	return m;
}

/* Of hugetlbfs, the size of its pages; of others, 4096. */
static size_t
page_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_blksize > 0 ? (size_t)st.st_blksize : 4096;
}

void *
vhost_map_add(struct vhost_map *m, struct vhost_port *p, int fd, size_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (at == MAP_FAILED)
		return NULL;
	if (m->n == GUEST_MEM_REGIONS || vhost_fault_add(p, at, len) != 0) {
		munmap(at, len);
		return NULL;
	}
	/* A guest's secrets do not belong into our core dump. */
	(void)madvise(at, len, MADV_DONTDUMP);
	m->range[m->n++] = (struct vhost_stretch){.at = at, .len = len, .page = page_size(fd)};
	return at;
}

void
vhost_map_show(struct vhost_map *m)
{
	pthread_mutex_lock(&lock);
	m->next = maps;
	maps = m;
	pthread_mutex_unlock(&lock);
}

/* Lock held. */
static void
map_hide(const struct vhost_map *m)
{
	for (struct vhost_map **at = &maps; *at; at = &(*at)->next) {
		if (*at == m) {
			*at = m->next;
			return;
		}
	}
}

/* Lock held. */
static void
map_unref(struct vhost_map *m)
{
	if (!m || --m->refs != 0)
		return;
	map_hide(m);
	if (m->reach != 0 && vhost_env.forget)
		vhost_env.forget(m->range, m->n, m->reach);
	for (unsigned int i = 0; i < m->n; i++) {
		fault_remove(m->range[i].at);
		munmap(m->range[i].at, m->range[i].len);
	}
	free(m);
}

void
vhost_map_leave(struct vhost_map *m)
{
	bool kept;

	if (!m)
		return;
	pthread_mutex_lock(&lock);
	kept = m->refs > 1;
	pthread_mutex_unlock(&lock);
	if (kept) {
		/* A SIGBUS in what a NIC keeps is not about this port any more. A
		 * worker may be in the handler, with the port in its hand. */
		for (unsigned int i = 0; i < m->n; i++)
			fault_disown(m->range[i].at);
		vhost_env.synchronize();
	}
	pthread_mutex_lock(&lock);
	map_unref(m);
	pthread_mutex_unlock(&lock);
}

void
vhost_memory_walk(
	uint32_t (*visit)(const struct vhost_stretch *s, unsigned int n, uint32_t reach, void *arg),
	void *arg)
{
	struct vhost_map *m, *next;

	pthread_mutex_lock(&lock);
	for (m = maps; m; m = next) {
		uint32_t reach;

		/* Ours for the time of the visit, which may be long. */
		m->refs++;
		pthread_mutex_unlock(&lock);
		reach = visit(m->range, m->n, m->reach, arg);
		/* Release, pairs with the borrowers' acquire. */
		__atomic_store_n(&m->reach, reach, __ATOMIC_RELEASE);
		pthread_mutex_lock(&lock);
		/* It is in the list still: we held it. */
		next = m->next;
		map_unref(m);
	}
	pthread_mutex_unlock(&lock);
}

/* --- holds ------------------------------------------------------------------ */

/* Lock held. Frees what was buried and has come back. */
static void
graves_reap(void)
{
	for (struct grave **at = &graves, *g; (g = *at) != NULL;) {
		if (!vring_hold_returned(g->hold)) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		vring_hold_free(g->hold);
		map_unref(g->map);
		free(g);
	}
}

static void
bury(struct vhost_port *p, struct vring_hold *h)
{
	struct grave *g;

	if (vring_hold_returned(h)) {
		vring_hold_free(h);
		return;
	}
	g = malloc(sizeof(*g));
	pthread_mutex_lock(&lock);
	p->map->refs++;
	/* Without memory for the grave the hold and the mapping are lost, which
	 * beats being used after their end. */
	if (g) {
		*g = (struct grave){.next = graves, .hold = h, .map = p->map};
		graves = g;
	}
	pthread_mutex_unlock(&lock);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct vring_hold *
vhost_hold_new(struct vhost_port *p, unsigned int ring, uint32_t size)
{
	struct vring_hold *h;

	pthread_mutex_lock(&lock);
	graves_reap();
	pthread_mutex_unlock(&lock);
	if (ring % 2 == 0 || size > VRING_SIZE_MAX || now_ms() < p->distrust_until_ms)
		return NULL;
	/* NULL for want of memory: then everything is copied. */
	h = vring_hold_new((uint16_t)size);
	if (h)
		h->lender.dma = &p->map->reach;
	return h;
}

/* Waits for the ring's loans; false: the deadline came first. */
static bool
wait_for_loans(struct vring_queue *vq, int64_t deadline_ms)
{
	static const struct timespec pause = {.tv_nsec = 100000};

	for (;;) {
		vring_complete(vq);
		if (!vring_hold_busy(vq))
			return true;
		if (now_ms() >= deadline_ms)
			return false;
		nanosleep(&pause, NULL);
	}
}

void
vhost_holds_drain(struct vhost_port *p, uint32_t mask)
{
	int64_t deadline = now_ms() + DRAIN_MS;
	bool late = false;

	for (unsigned int i = 1; i < vhost_rings(p); i += 2) {
		struct vring_queue *vq = &p->ring[i].vq;

		if (!(mask & UINT32_C(1) << i) || !vq->hold)
			continue;
		late |= !wait_for_loans(vq, deadline);
		bury(p, vring_hold_abandon(vq));
	}
	if (!late)
		return;
	p->distrust_until_ms = now_ms() + DISTRUST_MS;
	if (vhost_env.revoke)
		vhost_env.revoke();
}

void
vhost_lend(bool on)
{
	/* Relaxed: a burst more or less is lent or copied. */
	atomic_fetch_add_explicit(&vhost_borrowers, on ? 1u : -1u, memory_order_relaxed);
}
