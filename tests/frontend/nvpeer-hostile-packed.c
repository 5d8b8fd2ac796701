/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's misdeeds with packed rings: descriptors, chains and tables that lie,
 * flags and wrap counters that make no sense or change all the time, buffer IDs
 * that do not exist. See nvpeer.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED  (1u << VRING_PACKED_DESC_F_USED)
#define BUSY_S  1 /* how long a misdeed that goes on is kept up, at most */

static int
kick(struct fe *fe, struct fe_ring *r)
{
	uint64_t one = 1;

	if (write(r->kick, &one, sizeof(one)) > 0 || errno == EAGAIN)
		return 0;
	return fe_fail(fe, "kick: %s", strerror(errno));
}

static uint64_t
buffer_gpa(struct fe *fe, const struct peer_options *o)
{
	return fe_memory_gpa(&fe->mem, fe_tx_ring(fe, o->queue)->buffer);
}

/* n descriptors from the ring's beginning, as they stand in d but for AVAIL and
 * USED, which say that they are available; the head's flags come last. */
static int
post_chain(
	struct fe *fe, const struct peer_options *o, const struct vring_packed_desc *d, uint16_t n)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	hostile_frame(r, o);
	for (uint16_t i = n; i-- > 0;) {
		r->pdesc[i].addr = d[i].addr;
		r->pdesc[i].len = d[i].len;
		r->pdesc[i].id = d[i].id;
		__atomic_store_n(&r->pdesc[i].flags, d[i].flags | F_AVAIL, __ATOMIC_RELEASE);
	}
	return kick(fe, r);
}

static int
one(struct fe *fe, const struct peer_options *o, uint64_t addr, uint32_t len, uint16_t id,
	uint16_t flags)
{
	struct vring_packed_desc d = {addr, len, id, flags};

	return post_chain(fe, o, &d, 1);
}

static int
desc_outside(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, HOSTILE_OUTSIDE, 72, 0, 0);
}

static int
desc_wrap(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, UINT64_MAX - 15, 72, 0, 0);
}

static int
desc_end(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, fe->mem.gpa + fe->mem.size - 36, 72, 0, 0);
}

static int
desc_long(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), UINT32_MAX, 0, 0);
}

static int
desc_empty(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 0, 0, 0);
}

static int
desc_writable(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 72, 0, VRING_DESC_F_WRITE);
}

static int
flags_all(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 72, 0, (uint16_t)~F_USED);
}

static int
id_outside(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 72, UINT16_MAX, 0);
}

/* The whole ring, each descriptor the same but for what the last one's flags say. */
static int
whole_ring(struct fe *fe, const struct peer_options *o, uint32_t len, uint16_t flags, uint16_t last)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	struct vring_packed_desc *d = calloc(r->size, sizeof(*d));
	int ret;

	if (d == NULL)
		return fe_fail(fe, "out of memory");
	for (uint16_t i = 0; i < r->size; i++)
		d[i] = (struct vring_packed_desc){
			buffer_gpa(fe, o), len, 1, i + 1 < r->size ? flags : last};
	ret = post_chain(fe, o, d, r->size);
	free(d);
	return ret;
}

static int
id_same(struct fe *fe, const struct peer_options *o)
{
	return whole_ring(fe, o, 72, 0, 0);
}

static int
chain_endless(struct fe *fe, const struct peer_options *o)
{
	return whole_ring(fe, o, 72, VRING_DESC_F_NEXT, VRING_DESC_F_NEXT);
}

static int
chain_endless_empty(struct fe *fe, const struct peer_options *o)
{
	return whole_ring(fe, o, 0, VRING_DESC_F_NEXT, VRING_DESC_F_NEXT);
}

static int
chain_longest(struct fe *fe, const struct peer_options *o)
{
	return whole_ring(fe, o, 1 << 24, VRING_DESC_F_NEXT, 0);
}

/* The head says that there is more, and what follows is not available. */
static int
chain_unfinished(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 12, 0, VRING_DESC_F_NEXT);
}

/* What follows the head says that it was used already. */
static int
chain_used(struct fe *fe, const struct peer_options *o)
{
	uint64_t a = buffer_gpa(fe, o);
	struct vring_packed_desc d[2] = {{a, 12, 0, VRING_DESC_F_NEXT}, {a + 12, 60, 0, F_USED}};

	return post_chain(fe, o, d, 2);
}

/* One indirect descriptor over a table of two entries that we may bend. */
static int
indirect(struct fe *fe, const struct peer_options *o, uint64_t addr, uint32_t len, uint16_t flags,
	uint16_t table_flags)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	uint64_t a = buffer_gpa(fe, o);
	struct vring_packed_desc *t = (struct vring_packed_desc *)(void *)(r->buffer + 4096);

	t[0] = (struct vring_packed_desc){a, 12, 7, table_flags};
	t[1] = (struct vring_packed_desc){a + 12, 60, 8, table_flags};
	return one(fe, o, addr != 0 ? addr : a + 4096, len, 0, flags | VRING_DESC_F_INDIRECT);
}

static int
indirect_outside(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, HOSTILE_OUTSIDE, 32, 0, 0);
}

static int
indirect_length(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 33, 0, 0);
}

static int
indirect_empty(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 0, 0, 0);
}

static int
indirect_huge(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, UINT32_MAX - 15, 0, 0);
}

static int
indirect_nested(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 32, 0, VRING_DESC_F_INDIRECT);
}

static int
indirect_next(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 32, VRING_DESC_F_NEXT, 0);
}

/* Does something to the ring over and over, with a kick each time. */
static int
keep_up(struct fe *fe, const struct peer_options *o, void (*what)(struct fe_ring *, unsigned int))
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	double end = peer_now() + (o->seconds < BUSY_S ? o->seconds : BUSY_S);

	hostile_frame(r, o);
	for (uint16_t i = 0; i < r->size; i++)
		r->pdesc[i] = (struct vring_packed_desc){buffer_gpa(fe, o), 72, i, 0};
	for (unsigned int n = 0; peer_now() < end; n++) {
		what(r, n);
		if (kick(fe, r) < 0)
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
		if (kick(fe, r) < 0)
			return -1;
		usleep(1000);
	}
	return 0;
}

/* The wrap counter of the base says the other round than the ring does. */
static int
base_wrap(struct fe *fe, const struct peer_options *o)
{
	fe_tx_ring(fe, o->queue)->base = 0;
	fe_start(fe);
	return desc_empty(fe, o);
}

static int
base_outside(struct fe *fe, const struct peer_options *o)
{
	fe_tx_ring(fe, o->queue)->base = 0xffffffff;
	fe_start(fe); /* a refusal is what we hope for */
	return desc_empty(fe, o);
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
		if (kick(fe, r) < 0)
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

const struct hostile_case hostile_packed_cases[] = {
	{"packed-outside", "a buffer outside memory", STAGE_RUNNING, desc_outside},
	{"packed-wrap", "a buffer that wraps around", STAGE_RUNNING, desc_wrap},
	{"packed-end", "a buffer over the end of memory", STAGE_RUNNING, desc_end},
	{"packed-long", "a buffer of 4 GiB", STAGE_RUNNING, desc_long},
	{"packed-empty", "a buffer of no bytes", STAGE_RUNNING, desc_empty},
	{"packed-writable", "a frame in a buffer to write into", STAGE_RUNNING, desc_writable},
	{"packed-flags-all", "every flag at once", STAGE_RUNNING, flags_all},
	{"packed-id-outside", "a buffer ID beyond the ring", STAGE_RUNNING, id_outside},
	{"packed-id-same", "one buffer ID for all", STAGE_RUNNING, id_same},
	{"packed-endless", "a chain that goes round the ring", STAGE_RUNNING, chain_endless},
	{"packed-endless-empty", "the same of empty buffers", STAGE_RUNNING, chain_endless_empty},
	{"packed-longest", "the whole ring as one frame", STAGE_RUNNING, chain_longest},
	{"packed-unfinished", "a chain whose end is missing", STAGE_RUNNING, chain_unfinished},
	{"packed-chain-used", "a chain that goes on in used ones", STAGE_RUNNING, chain_used},
	{"packed-ind-outside", "a table outside memory", STAGE_RUNNING, indirect_outside},
	{"packed-ind-length", "a table of 33 bytes", STAGE_RUNNING, indirect_length},
	{"packed-ind-empty", "a table of no bytes", STAGE_RUNNING, indirect_empty},
	{"packed-ind-huge", "a table of 4 GiB", STAGE_RUNNING, indirect_huge},
	{"packed-ind-nested", "a table in another", STAGE_RUNNING, indirect_nested},
	{"packed-ind-next", "INDIRECT and NEXT together", STAGE_RUNNING, indirect_next},
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
