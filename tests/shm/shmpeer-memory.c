/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Misdeeds: whatever a member can do to the memory, the doorbells and the sockets
 * that it was given. See shmpeer.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/shm/shmpeer.h"

static struct client_ring *
any_ring(struct peer *p, unsigned int *kind)
{
	unsigned int pair = (unsigned int)(peer_random(p) % p->c.pairs);

	*kind = (unsigned int)(peer_random(p) % 3);
	return *kind == NETVM_RX   ? &p->c.rx[pair]
	       : *kind == NETVM_TX ? &p->c.tx[pair]
				   : &p->c.fill[pair];
}

/* Something near what was there, at the limits, or anything. */
static uint32_t
odd_number(struct peer *p, uint32_t was, uint32_t size)
{
	uint64_t r = peer_random(p);

	switch (r % 6) {
	case 0:
		return was + (uint32_t)(r >> 32) % 8 - 4;
	case 1:
		return was + size;
	case 2:
		return was + size + 1;
	case 3:
		return was - 1;
	case 4:
		return 0;
	default:
		return (uint32_t)(r >> 32);
	}
}

static void
act_index(struct peer *p)
{
	unsigned int kind;
	struct client_ring *r = any_ring(p, &kind);
	uint64_t which = peer_random(p) % 3;
	uint32_t *field = which == 0   ? &r->ring->produced
			  : which == 1 ? &r->ring->consumed
				       : &r->ring->wait;

	__atomic_store_n(field, odd_number(p, *field, r->mask + 1), __ATOMIC_RELEASE);
}

static struct netvm_desc
odd_descriptor(struct peer *p)
{
	uint64_t a = peer_random(p), b = peer_random(p);
	struct netvm_desc d = {.buffer = (uint32_t)(a % (p->c.seen.buffers + 2)),
		.offset = (uint16_t)(a >> 32),
		.length = (uint16_t)(a >> 48),
		.flags = (uint8_t)b,
		.action = (uint8_t)(b >> 8) % 6,
		.destination = (uint16_t)(b >> 16) % 70,
		.mark = (uint32_t)(b >> 32)};

	if (b % 3 != 0) {
		d.offset = (uint16_t)(d.offset % p->c.seen.buffer_size);
		d.length = (uint16_t)(d.length % (p->c.seen.buffer_size - d.offset + 2));
	}
	if (b % 5 == 0)
		d.buffer = (uint32_t)b;
	if (b % 7 < 4)
		d.flags &= NETVM_DESC_F_MORE | NETVM_DESC_F_OFFLOAD;
	return d;
}

/* Entries of any ring, its own and the host's, while the host reads or writes them. */
static void
act_entry(struct peer *p)
{
	unsigned int kind;
	struct client_ring *r = any_ring(p, &kind);

	for (uint64_t n = peer_random(p) % 64; n != 0; n--) {
		uint32_t at = (uint32_t)(r->at + peer_random(p) % 64) & r->mask;

		if (kind == NETVM_FILL)
			((uint32_t *)r->entries)[at] = (uint32_t)peer_random(p);
		else
			((struct netvm_desc *)r->entries)[at] = odd_descriptor(p);
	}
}

static void
act_device(struct peer *p)
{
	uint32_t *word = (uint32_t *)(void *)p->c.dev;
	uint64_t r = peer_random(p);

	/* The first bytes and those that either side writes, more often than the gaps. */
	word += r % 4 == 0   ? r / 4 % 1024
		: r % 4 == 1 ? r / 4 % 32
		: r % 4 == 2 ? 256 + r / 4 % 6
			     : 512 + r / 4 % 8;
	*word = odd_number(p, *word, 1);
}

static void
act_pool_head(struct peer *p)
{
	((uint32_t *)(void *)p->c.pool)[peer_random(p) % 24] = (uint32_t)peer_random(p);
}

/* Bytes of buffers that others have. Their packets may be spoiled by it: that is
 * what a group is. */
static void
act_bytes(struct peer *p)
{
	uint64_t r = peer_random(p);
	size_t at = r % (p->c.pool_size - 256);

	memset(p->c.pool + at, (int)(r >> 56), 1 + (r >> 48) % 255);
}

/* The whole ring memory in one go. */
static void
act_wipe(struct peer *p)
{
	memset(p->c.rings, peer_random(p) % 2 != 0 ? 0xff : 0, p->c.rings_size);
}

static void
act_send(struct peer *p)
{
	struct netvm_desc d[2 * NETVM_SEGS_MAX];
	unsigned int pair = (unsigned int)(peer_random(p) % p->c.pairs);
	uint32_t n = 1 + (uint32_t)(peer_random(p) % (2 * NETVM_SEGS_MAX));

	for (uint32_t i = 0; i < n; i++)
		d[i] = odd_descriptor(p);
	/* A packet without an end, longer than allowed, or the same buffer again. */
	switch (peer_random(p) % 4) {
	case 0:
		for (uint32_t i = 0; i < n; i++)
			d[i].flags = NETVM_DESC_F_MORE;
		break;
	case 1:
		for (uint32_t i = 1; i < n; i++)
			d[i] = d[0];
		break;
	default:
		break;
	}
	client_tx(&p->c, pair, d, n);
	client_signal(&p->c, pair);
}

/* A true buffer of ours, sent twice, and with requests that do not fit it. */
static void
act_twice(struct peer *p)
{
	unsigned int pair = (unsigned int)(peer_random(p) % p->c.pairs);
	struct netvm_desc d[4];
	uint64_t r = peer_random(p);
	struct netvm_offload o = {.csum_start = (uint16_t)r,
		.csum_offset = (uint16_t)(r >> 16),
		.gso_size = (uint16_t)(r >> 32) % 64,
		.hdr_len = (uint16_t)(r >> 40),
		.flags = NETVM_DESC_F_OFFLOAD,
		.csum = (uint8_t)(r >> 56) % 3,
		.gso_type = (uint8_t)(r >> 60) % 6};
	uint32_t buffer;

	if (!peer_take(p, pair, &buffer))
		return;
	memcpy(&d[0], &o, sizeof(o));
	d[1] = odd_descriptor(p);
	d[1].buffer = buffer;
	d[1].flags = NETVM_DESC_F_OFFLOAD;
	d[2] = d[1];
	d[2].flags = 0;
	d[3] = d[2];
	client_tx(&p->c, pair, d, 4);
	client_signal(&p->c, pair);
}

/* Messages to netvmd: well-formed ones and others, as many as it may like or not. */
static void
act_message(struct peer *p)
{
	static const uint8_t type[] = {0x88, 0xb5, 'N', 'V', 'M', 'S'};
	uint64_t r = peer_random(p);
	struct netvm_desc d = {.action = NETVM_ACTION_TO_PORT, .destination = NETVM_PORT_MANAGER};
	uint16_t said = r % 8 == 0 ? (uint16_t)(r >> 16) : (uint16_t)((r >> 16) % 1025);
	uint8_t *at;

	for (unsigned int n = (unsigned int)(r >> 8) % 64; n != 0; n--) {
		if (!peer_take(p, 0, &d.buffer))
			return;
		at = client_buffer(&p->c, d.buffer);
		memset(at, (int)(r >> 48), NETVM_MESSAGE_HEAD + 1024);
		memcpy(at + 12, type, sizeof(type));
		at[18] = (uint8_t)(said >> 8);
		at[19] = (uint8_t)said;
		memset(at + 20, 0, 4);
		at[20] = at[22] = (uint8_t)(1 + (r >> 32) % 2);
		d.length = (r >> 40) % 4 == 0 ? (uint16_t)(r >> 50)
					      : (uint16_t)(NETVM_MESSAGE_HEAD + said);
		client_tx(&p->c, 0, &d, 1);
	}
	client_signal(&p->c, 0);
}

static void
act_requests(struct peer *p)
{
	for (uint64_t n = peer_random(p) % 40; n != 0; n--) {
		p->c.dev->guest_request += (uint32_t)peer_random(p) % 3;
		p->c.dev->guest_state = (uint32_t)peer_random(p) % 3;
		p->c.dev->guest_pairs = (uint32_t)peer_random(p) % 40;
		client_bell(p->c.host_bell[0]);
	}
}

/* Eventfds whose next write, or whose next read, would block. */
static void
act_bells(struct peer *p)
{
	uint64_t most = UINT64_MAX - 1, got, r = peer_random(p);
	int fd = r % 2 != 0 ? p->c.own_bell[r / 4 % p->c.seen.vectors]
			    : p->c.host_bell[r / 4 % p->c.seen.vectors];
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	(void)!read(fd, &got, sizeof(got));
	if (r % 4 < 2)
		(void)!write(fd, &most, sizeof(most));
	fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	for (unsigned int q = 0; q < p->c.pairs; q++)
		p->c.rx[q].ring->wait = p->c.fill[q].ring->wait = 1;
}

static void
must_fail(struct peer *p, const char *what, int result)
{
	if (result == -1)
		return;
	fprintf(stderr, "shmpeer: %s was possible\n", what);
	p->bad++;
}

/* What was shared cannot be taken away again, nor be made unusable for others. */
static void
act_truncate(struct peer *p)
{
	int fd = peer_random(p) % 2 != 0 ? p->c.ring_fd : p->c.pool_fd;

	must_fail(p, "shrinking shared memory", ftruncate(fd, 0));
	must_fail(p, "growing shared memory", ftruncate(fd, INT64_C(1) << 40));
	must_fail(p, "sealing shared memory against the host",
		fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	must_fail(p, "writing behind shared memory",
		pwrite(fd, "x", 1, (off_t)INT64_C(1) << 39) == 1 ? 0 : -1);
}

/* Its pages may go, as they hold nothing but the group's packets. */
static void
act_punch(struct peer *p)
{
	uint64_t r = peer_random(p);
	bool ring = r % 2 != 0;
	uint64_t size = ring ? p->c.rings_size : p->c.pool_size;

	(void)!fallocate(ring ? p->c.ring_fd : p->c.pool_fd,
		FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(r / 2 % size & ~UINT64_C(4095)),
		r % 8 == 0 ? (off_t)size : 4096);
}

static void
act_socket(struct peer *p)
{
	uint8_t noise[64];
	uint64_t r = peer_random(p);
	int fd = r % 2 != 0 ? p->c.ring_socket : p->c.pool_socket;

	memset(noise, (int)(r >> 32), sizeof(noise));
	switch (r / 2 % 8) {
	case 0:
		shutdown(fd, SHUT_WR);
		break;
	case 1:
		shutdown(fd, SHUT_RDWR);
		break;
	default:
		for (uint64_t n = r / 16 % 200; n != 0; n--)
			(void)!send(fd, noise, 1 + r % sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* The port is ours: a second one is turned away, and so are many. */
static void
act_second(struct peer *p)
{
	static struct client other;

	if (client_attach(&other, p->opt->dir, p->opt->port, 0.5)) {
		fprintf(stderr, "shmpeer: a second client was let in\n");
		p->bad++;
		client_close(&other, true);
	}
}

/* Of so many choices of an act, one does it: those that end a session are rare. */
const struct act memory_acts[] = {
	{"index", "spoil an index of a ring", act_index, 4},
	{"entry", "spoil entries of a ring", act_entry, 1},
	{"device", "spoil the device page", act_device, 4},
	{"pool-head", "spoil the pool's page", act_pool_head, 2},
	{"bytes", "spoil bytes of the group's buffers", act_bytes, 1},
	{"wipe", "wipe the ring memory", act_wipe, 200},
	{"send", "send buffers of others, broken and endless packets", act_send, 2},
	{"twice", "send a buffer twice, with requests that do not fit", act_twice, 2},
	{"message", "tell netvmd more than it wants to know", act_message, 4},
	{"requests", "open and close as fast as it goes", act_requests, 20},
	{"bells", "make doorbells block", act_bells, 4},
	{"truncate", "take shared memory away", act_truncate, 20},
	{"punch", "punch holes into shared memory", act_punch, 20},
	{"socket", "noise and half ends on the sockets", act_socket, 40},
	{"second", "attach a second time", act_second, 40},
	{0},
};
