/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's misdeeds with the state of packed rings: flags and wrap counters that
 * make no sense or change all the time, bases and event areas that are none,
 * buffers to receive into that cannot be. See nvpeer.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED  (1u << VRING_PACKED_DESC_F_USED)
#define BUSY_S  1 /* how long a misdeed that goes on is kept up, at most */

int
hostile_kick(struct fe *fe, struct fe_ring *r)
{
	uint64_t one = 1;

	if (write(r->kick, &one, sizeof(one)) > 0 || errno == EAGAIN)
		return 0;
	return fe_fail(fe, "kick: %s", strerror(errno));
}

/* Does something to the ring over and over, with a kick each time. */
static int
keep_up(struct fe *fe, const struct peer_options *o, void (*what)(struct fe_ring *, unsigned int))
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	double end = peer_now() + (o->seconds < BUSY_S ? o->seconds : BUSY_S);

	hostile_frame(r, o);
	for (uint16_t i = 0; i < r->size; i++)
		r->pdesc[i] =
			(struct vring_packed_desc){fe_memory_gpa(&fe->mem, r->buffer), 72, i, 0};
	for (unsigned int n = 0; peer_now() < end; n++) {
		what(r, n);
		if (hostile_kick(fe, r) < 0)
			return -1;
	}
	return 0;
}

/* Available and not, and used and not, in every order. */
static void
flap(struct fe_ring *r, unsigned int n)
{
	static const uint16_t flags[] = {F_AVAIL, 0, F_USED, F_AVAIL | F_USED,
		F_AVAIL | VRING_DESC_F_NEXT, F_USED | VRING_DESC_F_INDIRECT};

	for (uint16_t i = 0; i < r->size; i++)
		__atomic_store_n(&r->pdesc[i].flags, flags[(n + i / 3) % 6], __ATOMIC_RELEASE);
}

static int
flags_flap(struct fe *fe, const struct peer_options *o)
{
	return keep_up(fe, o, flap);
}

/* All of the ring available in this round, and at once in the next one: wrap
 * counters that run ahead of the backend. */
static void
run_ahead(struct fe_ring *r, unsigned int n)
{
	for (uint16_t i = 0; i < r->size; i++)
		__atomic_store_n(&r->pdesc[i].flags, n % 2 ? F_USED : F_AVAIL, __ATOMIC_RELEASE);
}

static int
wrap_ahead(struct fe *fe, const struct peer_options *o)
{
	return keep_up(fe, o, run_ahead);
}

static void
noise(struct fe_ring *r, unsigned int n)
{
	uint8_t *p = (uint8_t *)r->pdesc;

	for (size_t i = 0; i < r->size * sizeof(*r->pdesc); i++)
		p[i] = (uint8_t)random();
	r->driver_event->off_wrap = (uint16_t)random();
	r->driver_event->flags = (uint16_t)random();
	(void)n;
}

static int
ring_noise(struct fe *fe, const struct peer_options *o)
{
	srandom(4711);
	return keep_up(fe, o, noise);
}

/* A wish for an interrupt at a place beyond the ring, and one that is none. */
static int
event_nonsense(struct fe *fe, const struct peer_options *o)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	hostile_frame(r, o);
	for (uint16_t n = 0; n < 16; n++) {
		r->driver_event->off_wrap = n % 2 ? UINT16_MAX : 0x7fff;
		r->driver_event->flags = n % 4 < 2 ? VRING_PACKED_EVENT_FLAG_DESC : UINT16_MAX;
		fe_reap(r);
		fe_transmit(r, NULL, r->buffer + r->hdr_size, 60);
		if (hostile_kick(fe, r) < 0)
			return -1;
		usleep(1000);
	}
	return 0;
}

/* A ring with frames in it that is started at a place of our choice. */
static int
base_at(struct fe *fe, const struct peer_options *o, uint32_t base)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	hostile_frame(r, o);
	for (int i = 0; i < 8; i++)
		fe_transmit(r, NULL, r->buffer + r->hdr_size, 60);
	r->base = base;
	fe_start(fe); /* a refusal is what we hope for */
	return hostile_kick(fe, r);
}

/* The base's wrap counter says the other round than the ring does. */
static int
base_wrap(struct fe *fe, const struct peer_options *o)
{
	return base_at(fe, o, 0);
}

static int
base_outside(struct fe *fe, const struct peer_options *o)
{
	return base_at(fe, o, UINT32_MAX);
}

/* Where only the suppression areas lie outside memory, or cross its end. */
static int
events_at(struct fe *fe, const struct peer_options *o, uint8_t *where)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	r->driver_event = (struct vring_packed_desc_event *)(void *)where;
	r->device_event = r->driver_event + 1;
	fe_start(fe); /* a refusal is what we hope for */
	return 0;
}

static int
events_outside(struct fe *fe, const struct peer_options *o)
{
	return events_at(fe, o, fe->mem.base + (INT64_C(1) << 40));
}

static int
events_end(struct fe *fe, const struct peer_options *o)
{
	return events_at(fe, o, fe->mem.base + fe->mem.size - 4);
}

static int
events_odd(struct fe *fe, const struct peer_options *o)
{
	return events_at(fe, o, (uint8_t *)fe_tx_ring(fe, o->queue)->driver_event + 1);
}

/* Buffers to receive into that are no such thing; somebody has to send to us. */
static int
rx_buffers(struct fe *fe, uint64_t addr, uint32_t len, uint16_t flags)
{
	for (unsigned int i = 0; i < fe->cfg.pairs; i++) {
		struct fe_ring *r = fe_rx_ring(fe, i);

		for (uint16_t d = 0; d < r->size; d++) {
			if (addr != 0)
				r->pdesc[d].addr = addr;
			r->pdesc[d].len = len;
			r->pdesc[d].flags = flags | F_AVAIL;
		}
		if (hostile_kick(fe, r) < 0)
			return -1;
	}
	return 0;
}

static int
rx_outside(struct fe *fe, const struct peer_options *o)
{
	return rx_buffers(fe, HOSTILE_OUTSIDE, 2048, VRING_DESC_F_WRITE);
}

static int
rx_readonly(struct fe *fe, const struct peer_options *o)
{
	return rx_buffers(fe, 0, 2048, 0);
}

static int
rx_tiny(struct fe *fe, const struct peer_options *o)
{
	return rx_buffers(fe, 0, 1, VRING_DESC_F_WRITE);
}

static int
rx_endless(struct fe *fe, const struct peer_options *o)
{
	return rx_buffers(fe, 0, 1, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT);
}

const struct hostile_case hostile_wrap_cases[] = {
	{"packed-flap", "flags that change all the time", STAGE_RUNNING, flags_flap},
	{"packed-ahead", "wrap counters that run ahead", STAGE_RUNNING, wrap_ahead},
	{"packed-noise", "noise all over the ring", STAGE_RUNNING, ring_noise},
	{"packed-event", "interrupts wanted nowhere", STAGE_RUNNING, event_nonsense},
	{"packed-base-wrap", "a base of the other round", STAGE_NEGOTIATED, base_wrap},
	{"packed-base-outside", "a base beyond the ring", STAGE_NEGOTIATED, base_outside},
	{"packed-events-outside", "event areas outside memory", STAGE_NEGOTIATED, events_outside},
	{"packed-events-end", "event areas over its end", STAGE_NEGOTIATED, events_end},
	{"packed-events-odd", "event areas at odd addresses", STAGE_NEGOTIATED, events_odd},
	{"packed-rx-outside", "receive buffers outside memory", STAGE_RUNNING, rx_outside},
	{"packed-rx-readonly", "receive buffers to read from", STAGE_RUNNING, rx_readonly},
	{"packed-rx-tiny", "receive buffers of one byte", STAGE_RUNNING, rx_tiny},
	{"packed-rx-endless", "a receive chain without end", STAGE_RUNNING, rx_endless},
	{0},
};
