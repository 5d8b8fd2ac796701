/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's misdeeds around rings: receive buffers, where rings lie, memory
 * that goes away, eventfds that are none. See nvpeer.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

/* Buffers to receive into that are no such thing; somebody has to send to us. */
static int
rx_buffers(struct fe *fe, uint64_t addr, uint32_t len, uint16_t flags)
{
	for (unsigned int i = 0; i < fe->cfg.pairs; i++) {
		struct fe_ring *r = fe_rx_ring(fe, i);

		for (uint16_t d = 0; d < r->size; d++)
			r->desc[d] = (struct vring_desc){
				addr != 0 ? addr : r->desc[d].addr, len, flags, d};
		fe_kick(r);
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
rx_loop(struct fe *fe, const struct peer_options *o)
{
	return rx_buffers(fe, 0, 16, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT);
}

static int
ring_num(struct fe *fe, const struct peer_options *o, uint32_t num)
{
	uint32_t state[2] = {1, num};

	if (fe_set_mem_table(fe) < 0)
		return -1;
	if (fe_send(fe, FE_SET_VRING_NUM, 0, state, sizeof(state), NULL, 0) < 0)
		return 0;
	/* The rest as if nothing were wrong; a refusal is what we hope for. */
	fe_set_vring_addr(fe, 1);
	fe_set_vring_fd(fe, FE_SET_VRING_KICK, 1, fe->ring[1].kick);
	return 0;
}

static int
ring_size_odd(struct fe *fe, const struct peer_options *o)
{
	return ring_num(fe, o, 255);
}

static int
ring_size_zero(struct fe *fe, const struct peer_options *o)
{
	return ring_num(fe, o, 0);
}

static int
ring_size_huge(struct fe *fe, const struct peer_options *o)
{
	return ring_num(fe, o, 1 << 20);
}

/* Ring addresses off by `off` bytes, then started as usual. */
static int
ring_at(struct fe *fe, int64_t off)
{
	struct fe_ring *r = fe_tx_ring(fe, 0);

	r->desc = (struct vring_desc *)(void *)((uint8_t *)r->desc + off);
	r->avail = (struct vring_avail *)(void *)((uint8_t *)r->avail + off);
	r->used = (struct vring_used *)(void *)((uint8_t *)r->used + off);
	fe_start(fe); /* a refusal is what we hope for */
	return 0;
}

static int
ring_outside(struct fe *fe, const struct peer_options *o)
{
	return ring_at(fe, INT64_C(1) << 40);
}

static int
ring_misaligned(struct fe *fe, const struct peer_options *o)
{
	return ring_at(fe, 1);
}

static int
ring_end(struct fe *fe, const struct peer_options *o)
{
	return ring_at(fe, (int64_t)fe->mem.size - 256);
}

/* Traffic is under way and the memory goes: whoever touches it gets SIGBUS. */
static int
shrink(struct fe *fe, const struct peer_options *o)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	uint64_t one = 1;

	hostile_frame(r, o);
	for (int i = 0; i < 64; i++)
		fe_transmit(r, NULL, r->buffer + r->hdr_size, 60);
	fe_kick(r);
	for (unsigned int i = 0; i < fe->mem.nregions; i++)
		if (ftruncate(fe->mem.region[i].fd, 0) < 0)
			return fe_fail(fe, "ftruncate: %s", strerror(errno));
	return write(r->kick, &one, sizeof(one)) > 0 ? 0 : fe_fail(fe, "kick: %s", strerror(errno));
}

static int
kick_storm(struct fe *fe, const struct peer_options *o)
{
	double end = peer_now() + (o->seconds < 2 ? o->seconds : 2);
	uint64_t one = 1;

	while (peer_now() < end)
		for (unsigned int q = 0; q < 2 * fe->cfg.pairs; q++)
			if (write(fe->ring[q].kick, &one, sizeof(one)) < 0 && errno != EAGAIN)
				return fe_fail(fe, "kick: %s", strerror(errno));
	return 0;
}

/* A file that is always readable, as kick: a poller that trusts it spins. */
static int
kick_file(struct fe *fe, const struct peer_options *o)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);

	fe_set_vring_fd(fe, FE_SET_VRING_KICK, 1, fd);
	close(fd);
	return 0;
}

/*
 * An eventfd whose counter is full. blocking: O_NONBLOCK is taken off again
 * after the backend had it, for it belongs to the file that both share; a
 * backend that simply writes waits then for ever.
 */
static int
call_with(struct fe *fe, const struct peer_options *o, bool blocking)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	uint64_t most = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return fe_fail(fe, "eventfd: %s", strerror(errno));
	for (unsigned int q = 0; q < 2 * fe->cfg.pairs; q++)
		if (fe_set_vring_fd(fe, FE_SET_VRING_CALL, q, fd) < 0)
			return -1;
	/* What the backend signalled so far would leave no room for `most`. */
	usleep(10000);
	if (read(fd, &most, sizeof(most)) < 0 && errno != EAGAIN)
		return fe_fail(fe, "read: %s", strerror(errno));
	most = UINT64_MAX - 1;
	if (write(fd, &most, sizeof(most)) < 0 || fcntl(fd, F_SETFL, blocking ? 0 : O_NONBLOCK) < 0)
		return fe_fail(fe, "eventfd: %s", strerror(errno));
	hostile_frame(r, o);
	r->avail->flags = 0;
	for (int i = 0; i < 8; i++) {
		fe_reap(r);
		r->avail->ring[r->size] = r->last_used;
		fe_transmit(r, NULL, r->buffer + r->hdr_size, 60);
		fe_kick(r);
		usleep(10000);
	}
	return 0;
}

static int
call_full(struct fe *fe, const struct peer_options *o)
{
	return call_with(fe, o, false);
}

static int
call_block(struct fe *fe, const struct peer_options *o)
{
	return call_with(fe, o, true);
}

/* A full pipe as call: a plain write waits for ever, or raises SIGPIPE. */
static int
call_pipe(struct fe *fe, const struct peer_options *o)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return fe_fail(fe, "pipe: %s", strerror(errno));
	for (unsigned int q = 0; q < 2 * fe->cfg.pairs; q++)
		fe_set_vring_fd(fe, FE_SET_VRING_CALL, q, p[1]);
	close(p[0]);
	close(p[1]);
	r->avail->ring[r->size] = r->last_used;
	r->avail->flags = 0;
	hostile_frame(r, o);
	fe_transmit(r, NULL, r->buffer + r->hdr_size, 60);
	fe_kick(r);
	return 0;
}

const struct hostile_case hostile_memory_cases[] = {
	{"rx-outside", "receive buffers outside memory", STAGE_RUNNING, rx_outside},
	{"rx-readonly", "receive buffers to read from", STAGE_RUNNING, rx_readonly},
	{"rx-tiny", "receive buffers of one byte", STAGE_RUNNING, rx_tiny},
	{"rx-loop", "receive buffers that loop", STAGE_RUNNING, rx_loop},
	{"ring-size-odd", "a ring of 255 entries", STAGE_NEGOTIATED, ring_size_odd},
	{"ring-size-zero", "a ring of no entries", STAGE_NEGOTIATED, ring_size_zero},
	{"ring-size-huge", "a ring of 2^20 entries", STAGE_NEGOTIATED, ring_size_huge},
	{"ring-outside", "a ring outside memory", STAGE_NEGOTIATED, ring_outside},
	{"ring-misaligned", "a ring at odd addresses", STAGE_NEGOTIATED, ring_misaligned},
	{"ring-end", "a ring over the end of memory", STAGE_NEGOTIATED, ring_end},
	{"shrink-memory", "memory cut off under traffic", STAGE_RUNNING, shrink},
	{"kick-storm", "kicks without work, fast", STAGE_RUNNING, kick_storm},
	{"kick-file", "a kick that is no eventfd", STAGE_RUNNING, kick_file},
	{"call-full", "an interrupt whose counter is full", STAGE_RUNNING, call_full},
	{"call-block", "an interrupt that blocks its writer", STAGE_RUNNING, call_block},
	{"call-pipe", "an interrupt that is a broken pipe", STAGE_RUNNING, call_pipe},
	{0},
};
