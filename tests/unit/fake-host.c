/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake-host.h. */
#include "tests/unit/fake-host.h"

#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOAD(p)     __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define STORE(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)

struct netvm_ring *
fake_host_ring(struct fake_host *h, uint16_t pair, enum netvm_ring_kind kind)
{
	struct netvm_device numbers = {.rx_entries = h->config.entries,
		.tx_entries = h->config.entries,
		.fill_entries = h->config.fill};

	return (struct netvm_ring *)((uint8_t *)h->page + netvm_ring_offset(&numbers, pair, kind));
}

static uint32_t
entries_of(const struct fake_host *h, enum netvm_ring_kind kind)
{
	return kind == NETVM_FILL ? h->config.fill : h->config.entries;
}

/* --- the book ----------------------------------------------------------------------- */

static void
give_free(struct fake_host *h, uint32_t buffer)
{
	h->owner[buffer] = FAKE_FREE;
	h->free_list[h->free_count++] = buffer;
}

static uint32_t
take_free(struct fake_host *h, enum fake_owner owner)
{
	uint32_t buffer;

	if (!h->free_count)
		return UINT32_MAX;
	buffer = h->free_list[--h->free_count];
	h->owner[buffer] = owner;
	return buffer;
}

static void
reclaim(struct fake_host *h)
{
	for (uint32_t i = 0; i < h->config.buffers; i++)
		if (h->owner[i] == FAKE_GUEST)
			give_free(h, i);
}

/* --- rings, under the lock ---------------------------------------------------------- */

static void
ring_guest(struct fake_host *h, uint16_t pair, struct netvm_ring *ring, bool always)
{
	uint64_t one = 1;

	/* Pairs with the guest's between its `wait` and its look at `produced`. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!always && !LOAD(ring->wait))
		return;
	STORE(h->bells, h->bells + 1);
	if (write(h->guest_bell[pair % h->config.vectors], &one, sizeof(one)) < 0)
		return;
}

static uint32_t
room_of(struct fake_host *h, uint16_t pair, enum netvm_ring_kind kind)
{
	struct netvm_ring *ring = fake_host_ring(h, pair, kind);

	return entries_of(h, kind) - (LOAD(ring->produced) - LOAD(ring->consumed));
}

/* Is it an offload entry? The descriptor behind one has the flag, too. */
static bool
is_request(const struct netvm_desc *d, bool behind_request)
{
	return (d->flags & NETVM_DESC_F_OFFLOAD) && !behind_request;
}

static bool
put(struct fake_host *h, uint16_t pair, const struct netvm_desc *d, uint32_t n)
{
	struct netvm_ring *ring = fake_host_ring(h, pair, NETVM_RX);
	struct netvm_desc *entries = (struct netvm_desc *)(ring + 1);
	uint32_t at = ring->produced;
	bool request = false;

	if (room_of(h, pair, NETVM_RX) < n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		entries[(at + i) & (h->config.entries - 1)] = d[i];
		request = is_request(&d[i], request);
		if (!request && d[i].buffer < h->config.buffers)
			h->owner[d[i].buffer] = FAKE_GUEST;
	}
	STORE(ring->produced, at + n);
	ring_guest(h, pair, ring, false);
	return true;
}

static void
fill(struct fake_host *h, uint16_t pair)
{
	struct netvm_ring *ring = fake_host_ring(h, pair, NETVM_FILL);
	uint32_t *entries = (uint32_t *)(ring + 1), at = ring->produced, buffer;
	uint32_t room = room_of(h, pair, NETVM_FILL);

	while (room-- && (buffer = take_free(h, FAKE_GUEST)) != UINT32_MAX)
		entries[at++ & (h->config.fill - 1)] = buffer;
	STORE(ring->produced, at);
}

/* Is this the guest's, and inside its buffer? */
static bool
honest(struct fake_host *h, const struct netvm_desc *d)
{
	if (d->buffer < h->config.buffers && h->owner[d->buffer] == FAKE_GUEST &&
		d->offset + d->length <= (int)h->config.buffer_size &&
		(d->length || d->action == NETVM_ACTION_DROP))
		return true;
	STORE(h->violations, h->violations + 1);
	return false;
}

/* Takes one packet from TX; its buffers are free, or back in RX. */
static uint32_t
take_packet(struct fake_host *h, uint16_t pair, const struct netvm_desc *entries, uint32_t at,
	uint32_t n)
{
	struct netvm_desc packet[NETVM_SEGS_MAX + 1];
	bool echo = h->config.mode == FAKE_HOST_ECHO, more = true, request = false;
	uint32_t used = 0;

	for (; more && used < n && used <= NETVM_SEGS_MAX; used++) {
		struct netvm_desc d = entries[(at + used) & (h->config.entries - 1)];

		packet[used] = d;
		if (used == 0 && (request = is_request(&d, false)))
			continue;
		more = d.flags & NETVM_DESC_F_MORE;
		if (!honest(h, &d))
			echo = false;
		else
			give_free(h, d.buffer);
		echo = echo && d.action != NETVM_ACTION_DROP;
		STORE(h->dropped, h->dropped + (d.action == NETVM_ACTION_DROP));
		d.action = 0;
		d.destination = h->config.port;
		packet[used] = d;
	}
	if (more)
		STORE(h->violations, h->violations + 1);
	/* The buffers have just been put on top of the free list: take them off. */
	if (echo && !more && room_of(h, pair, NETVM_RX) >= used) {
		h->free_count -= used - request;
		put(h, pair, packet, used);
	}
	return used;
}

static bool
serve_tx(struct fake_host *h, uint16_t pair)
{
	struct netvm_ring *ring = fake_host_ring(h, pair, NETVM_TX);
	uint32_t at = ring->consumed, n = LOAD(ring->produced) - at;

	if (h->config.mode == FAKE_HOST_MANUAL || !n || n > h->config.entries)
		return false;
	while (n) {
		uint32_t used = take_packet(h, pair, (struct netvm_desc *)(ring + 1), at, n);

		at += used;
		n -= used;
		STORE(h->taken, h->taken + 1);
	}
	STORE(ring->consumed, at);
	return true;
}

/* --- the port's life, under the lock -------------------------------------------------- */

static void
reset(struct fake_host *h, uint32_t request)
{
	reclaim(h);
	h->open = false;
	for (uint16_t i = 0; i < h->config.pairs; i++) {
		for (int kind = NETVM_RX; kind <= NETVM_FILL; kind++) {
			struct netvm_ring *ring = fake_host_ring(h, i, kind);

			STORE(ring->produced, 0);
			STORE(ring->consumed, 0);
		}
		fill(h, i);
	}
	STORE(h->page->host_state, NETVM_HOST_READY);
	STORE(h->page->host_answer, request);
	STORE(h->resets, h->resets + 1);
}

/* Everything that there is to do; true: something was done. */
static bool
serve(struct fake_host *h)
{
	uint32_t request = LOAD(h->page->guest_request);
	bool moved = false;
	uint64_t count;

	for (int i = 0; i < h->config.vectors; i++)
		if (read(h->host_bell[i], &count, sizeof(count)) == sizeof(count))
			STORE(h->rung, h->rung + count);
	if (request != h->page->host_answer && !LOAD(h->deaf))
		reset(h, request);
	if (LOAD(h->page->guest_state) != NETVM_GUEST_OPEN) {
		if (h->open)
			reclaim(h);
		h->open = false;
		return false;
	}
	h->open = true;
	if (LOAD(h->page->host_state) != NETVM_HOST_READY)
		return false;
	for (uint16_t i = 0; i < h->config.pairs; i++) {
		moved |= serve_tx(h, i);
		fill(h, i);
	}
	return moved;
}

void *
fake_host_thread(void *arg)
{
	struct fake_host *h = arg;
	bool moved = false;

	pthread_mutex_lock(&h->lock);
	while (!h->quit) {
		struct pollfd fds[3] = {{.fd = h->listen[0], .events = POLLIN},
			{.fd = h->listen[1], .events = POLLIN},
			{.fd = h->host_bell[0], .events = POLLIN}};

		pthread_mutex_unlock(&h->lock);
		poll(fds, 3, moved ? 0 : 1);
		pthread_mutex_lock(&h->lock);
		for (int i = 0; i < 2; i++)
			if (fake_host_hung_up(h, i) && i == 0) {
				STORE(h->page->guest_state, NETVM_GUEST_CLOSED);
				reclaim(h);
			}
		for (int i = 0; i < 2; i++)
			if (fds[i].revents && h->listen[i] == fds[i].fd)
				fake_host_accept(h, i);
		moved = serve(h);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* --- for tests ----------------------------------------------------------------------- */

uint32_t
fake_host_alloc(struct fake_host *h)
{
	uint32_t buffer;

	pthread_mutex_lock(&h->lock);
	buffer = take_free(h, FAKE_HOST);
	pthread_mutex_unlock(&h->lock);
	return buffer;
}

bool
fake_host_put(struct fake_host *h, uint16_t pair, const struct netvm_desc *d, uint32_t n)
{
	bool done;

	pthread_mutex_lock(&h->lock);
	done = put(h, pair, d, n);
	pthread_mutex_unlock(&h->lock);
	return done;
}

bool
fake_host_send(struct fake_host *h, uint16_t pair, const void *data, uint16_t n)
{
	struct netvm_desc d = {.offset = h->config.headroom, .length = n, .destination = 1};
	bool done = false;

	pthread_mutex_lock(&h->lock);
	if (room_of(h, pair, NETVM_RX))
		d.buffer = take_free(h, FAKE_HOST);
	else
		d.buffer = UINT32_MAX;
	if (d.buffer != UINT32_MAX) {
		memcpy(h->buffers + (size_t)d.buffer * h->config.buffer_size + d.offset, data, n);
		done = put(h, pair, &d, 1);
	}
	pthread_mutex_unlock(&h->lock);
	return done;
}

uint32_t
fake_host_take(struct fake_host *h, uint16_t pair, struct netvm_desc *d, uint32_t max)
{
	struct netvm_ring *ring = fake_host_ring(h, pair, NETVM_TX);
	const struct netvm_desc *entries = (struct netvm_desc *)(ring + 1);
	bool request = false;
	uint32_t n;

	pthread_mutex_lock(&h->lock);
	for (n = 0; n < max && LOAD(ring->produced) != ring->consumed; n++) {
		d[n] = entries[ring->consumed & (h->config.entries - 1)];
		request = is_request(&d[n], request);
		if (!request && honest(h, &d[n]))
			give_free(h, d[n].buffer);
		STORE(ring->consumed, ring->consumed + 1);
	}
	pthread_mutex_unlock(&h->lock);
	return n;
}

uint32_t
fake_host_owned(struct fake_host *h)
{
	uint32_t n = 0;

	pthread_mutex_lock(&h->lock);
	for (uint32_t i = 0; i < h->config.buffers; i++)
		n += h->owner[i] == FAKE_GUEST;
	pthread_mutex_unlock(&h->lock);
	return n;
}

uint32_t
fake_host_unread(struct fake_host *h)
{
	uint32_t n = 0;

	pthread_mutex_lock(&h->lock);
	for (uint16_t i = 0; i < h->config.pairs; i++)
		n += h->config.entries - room_of(h, i, NETVM_RX) + h->config.fill -
		     room_of(h, i, NETVM_FILL);
	pthread_mutex_unlock(&h->lock);
	return n;
}

bool
fake_host_until(struct fake_host *h, const uint64_t *counter, uint64_t n)
{
	for (int i = 0; i < 100000; i++) {
		if (__atomic_load_n(counter, __ATOMIC_ACQUIRE) >= n)
			return true;
		nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
	}
	return false;
}

static void
ring_all(struct fake_host *h)
{
	for (uint16_t i = 0; i < h->config.pairs; i++)
		ring_guest(h, i, NULL, true);
}

void
fake_host_ask_reset(struct fake_host *h)
{
	pthread_mutex_lock(&h->lock);
	STORE(h->page->host_state, NETVM_HOST_RESET);
	ring_all(h);
	pthread_mutex_unlock(&h->lock);
}

void
fake_host_restart(struct fake_host *h)
{
	pthread_mutex_lock(&h->lock);
	STORE(h->page->host_generation, h->page->host_generation + 1);
	ring_all(h);
	pthread_mutex_unlock(&h->lock);
}

void
fake_host_delete(struct fake_host *h)
{
	pthread_mutex_lock(&h->lock);
	STORE(h->page->host_state, NETVM_HOST_DOWN);
	pthread_mutex_unlock(&h->lock);
	fake_host_hang_up(h, false);
}
