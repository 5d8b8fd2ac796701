/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets between ports of a group, and to and from others: bytes, pieces, requests,
 * loans, a NIC's buffers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "src/shm/shm-loan.h"
#include "src/shm/shm-plain.h"
#include "tests/unit/shm-two.h"

/* --- within the group ---------------------------------------------------------------------- */

static void
test_same_buffer(void **state)
{
	struct netvm_desc d = guest_packet(&rig.guest[0], fresh(), 300), out;
	uint8_t *data = shm_buffer(rig.pool, d.buffer) + d.offset, bytes[1024];

	fill(data, 300, 1);
	d.mark = 77;
	receive(&d, 1, 1);
	assert_int_equal(burst.pkt[0].len, 300);
	assert_memory_equal(burst.pkt[0].hdr, data, PACKET_HEADER_MAX);
	assert_ptr_equal(burst.pkt[0].rest, data + PACKET_HEADER_MAX);
	assert_int_equal(send(&burst.pkt[0]), 1);
	assert_null(burst.pkt[0].loan);
	complete();
	assert_int_equal(got(&out, bytes, 1), 300);
	assert_int_equal(out.buffer, d.buffer);
	assert_int_equal(out.offset, d.offset);
	assert_int_equal(out.mark, 77);
	assert_int_equal(out.destination, 10);
	assert_int_equal(shm_port_hops(rig.guest[1].port), 1);
}

/* A tag comes, a tag goes, a checksum is finished: the receiver sees the new header. */
static void
test_header_changes(void **state)
{
	for (unsigned int what = 0; what < 3; what++) {
		struct netvm_desc d = guest_packet(&rig.guest[0], fresh(), 200), out;
		uint8_t *data = shm_buffer(rig.pool, d.buffer) + d.offset, bytes[1024], want[256];
		struct packet *p = &burst.pkt[0];

		fill(data + 14, 186, what);
		memcpy(data + 12, what == 1 ? "\x81\x00" : "\x08\x00", 2);
		receive(&d, 1, 1);
		if (what == 0) {
			packet_vlan_push(p, 5);
		} else if (what == 1) {
			(void)packet_vlan_pop(p);
		} else {
			p->offload.flags = PACKET_F_DATA_VALID;
			p->hdr[40] = 0xaa;
		}
		packet_copy_out(p, 0, want, p->len);
		assert_int_equal(send(p), 1);
		complete();
		assert_int_equal(got(&out, bytes, 1), what == 0 ? 204 : what == 1 ? 196 : 200);
		assert_memory_equal(bytes, want, out.length);
		assert_int_equal(out.buffer, d.buffer);
	}
}

/* There is no room before the packet: it is copied. */
static void
test_no_headroom(void **state)
{
	struct netvm_desc d = guest_packet(&rig.guest[0], fresh(), 200), out;
	uint8_t bytes[1024];

	d.offset = 0;
	receive(&d, 1, 1);
	packet_vlan_push(&burst.pkt[0], 5);
	assert_int_equal(send(&burst.pkt[0]), 1);
	complete();
	assert_int_equal(got(&out, bytes, 1), 204);
	assert_int_not_equal(out.buffer, d.buffer);
}

static void
test_pieces(void **state)
{
	static const uint16_t len[] = {20, 200, 1, 300, 90};
	struct netvm_desc d[5], out;
	uint8_t want[1024], bytes[1024];
	unsigned int at = 0;

	fill(want, sizeof(want), 3);
	for (unsigned int i = 0; i < 5; i++) {
		d[i] = guest_packet(&rig.guest[0], fresh(), len[i]);
		memcpy(shm_buffer(rig.pool, d[i].buffer) + d[i].offset, want + at, len[i]);
		d[i].flags = i < 4 ? NETVM_DESC_F_MORE : 0;
		at += len[i];
	}
	for (unsigned int round = 0; round < 2; round++) {
		struct packet *p = &burst.pkt[0];

		receive(d, 5, 1);
		assert_int_equal(p->len, at);
		assert_int_equal(p->hdr_len, PACKET_HEADER_MAX);
		packet_copy_out(p, 0, bytes, at);
		assert_memory_equal(bytes, want, at);
		if (round == 1)
			p->keep = PACKET_KEEP_MBUF, p->mbuf = NULL; /* copied, in 2 buffers */
		assert_int_equal(send(p), 1);
		complete();
		assert_int_equal(got(&out, bytes, round == 0 ? 5 : 2), at);
		assert_memory_equal(bytes, want, at);
		/* Buffers of the first round are the guest's again, to send them once more. */
		for (unsigned int i = 0; i < 5 && round == 0; i++) {
			held[1][d[i].buffer] = 0;
			d[i].action = NETVM_ACTION_DROP;
			assert_true(guest_tx(&rig.guest[1], 0, &d[i], 1));
			d[i].action = 0;
			d[i].buffer = fresh();
			at = i == 0 ? 0 : at;
			memcpy(shm_buffer(rig.pool, d[i].buffer) + d[i].offset, want + at, len[i]);
			at += len[i];
		}
	}
}

/* A receiver that takes no pieces gets one, or nothing. */
static void
test_no_pieces(void **state)
{
	struct netvm_desc d[2], out;
	uint8_t bytes[1024];

	for (unsigned int len = 100; len <= 400; len += 300) {
		for (unsigned int i = 0; i < 2; i++)
			d[i] = guest_packet(&rig.guest[0], fresh(), (uint16_t)len);
		d[0].flags = NETVM_DESC_F_MORE;
		receive(d, 2, 1);
		assert_int_equal(send(&burst.pkt[0]), 1);
		complete();
		if (len == 100)
			assert_int_equal(got(&out, bytes, 1), 200);
	}
	assert_int_equal(drops(1, DROP_SMALL_BUFFER), 1);
	assert_int_equal(guest_rx(&rig.guest[1], 0, &out, 1), 0);
}

static void
test_request(void **state)
{
	struct netvm_offload o = {
		.flags = NETVM_DESC_F_OFFLOAD, .csum = 1, .csum_start = 34, .csum_offset = 16};
	struct netvm_desc d[2], out[2];
	uint8_t *data;

	d[1] = guest_packet(&rig.guest[0], fresh(), 100);
	d[1].flags = NETVM_DESC_F_OFFLOAD;
	data = shm_buffer(rig.pool, d[1].buffer) + d[1].offset;
	memset(data + 14, 0, 86);
	data[14] = 0x45;
	data[17] = 86;
	data[23] = 6; /* TCP */
	data[46] = 0x50;
	memcpy(&d[0], &o, sizeof(o));
	receive(d, 2, 1);
	assert_int_equal(burst.pkt[0].offload.flags, PACKET_F_NEEDS_CSUM);
	assert_int_equal(burst.pkt[0].offload.csum_start, 34);
	assert_int_equal(send(&burst.pkt[0]), 1);
	complete();
	assert_int_equal(guest_rx(&rig.guest[1], 0, out, 2), 2);
	assert_memory_equal(&out[0], &o, sizeof(o));
	assert_int_equal(out[1].buffer, d[1].buffer);
	assert_int_equal(out[1].flags, NETVM_DESC_F_OFFLOAD);
	held[1][d[1].buffer] = 1;
}

/* --- others ---------------------------------------------------------------------------------- */

static void
test_loan(void **state)
{
	struct netvm_desc d = guest_packet(&rig.guest[0], fresh(), 300);
	struct shm_pool_status st;
	struct packet_loan *l;
	uint32_t free;

	shm_pool_status(rig.pool, &st);
	free = st.free;
	receive(&d, 1, 1);
	l = burst.pkt[0].loan;
	assert_true(packet_loan_take(&burst.pkt[0]));
	complete();
	assert_true(shm_port_rx_held(rig.guest[0].port, 0));
	shm_pool_status(rig.pool, &st);
	assert_int_equal(st.free, free);
	packet_loan_return(l);
	complete();
	assert_false(shm_port_rx_held(rig.guest[0].port, 0));
	shm_pool_status(rig.pool, &st);
	assert_int_equal(st.free, free + 1);
}

/* A cross-connected port that closes while a NIC has something of it. */
static void
test_loan_hop(void **state)
{
	struct netvm_desc d = guest_packet(&rig.guest[0], fresh(), 300);
	struct shm_port *p = rig.guest[0].port;
	struct packet_loan *l;
	bool other;

	receive(&d, 1, 1);
	l = burst.pkt[0].loan;
	assert_true(packet_loan_take(&burst.pkt[0]));
	complete();
	shm_port_unpublish(p);
	packet_loan_return(l);
	assert_int_equal(shm_port_hop(p, 0, rig.guest[1].port, 64, &other), 0);
	assert_false(shm_port_rx_held(p, 0));
	shm_port_publish(p, 0, 0);
}

/* As many as there may be at once, then no more; the port goes while they are out. */
static void
test_loans(void **state)
{
	struct shm_port *p = rig.guest[0].port;
	struct packet_loan *l[SHM_LOANS_MOST];
	struct shm_pool_status st;
	unsigned int out = 0;

	for (unsigned int round = 0; round < 3; round++) {
		struct netvm_desc d[PACKET_BURST];

		for (unsigned int i = 0; i < PACKET_BURST; i++)
			d[i] = guest_packet(&rig.guest[0], fresh(), 300);
		receive(d, PACKET_BURST, PACKET_BURST);
		for (unsigned int i = 0; i < PACKET_BURST; i++) {
			struct packet_loan *loan = burst.pkt[i].loan;

			if (packet_loan_take(&burst.pkt[i]))
				l[out++] = loan;
		}
		complete();
	}
	assert_int_equal(out, SHM_LOANS_MOST);
	shm_signal(); /* as a worker before it is quiescent */
	shm_port_unpublish(p);
	shm_port_reclaim(p);
	shm_port_rings_free(p);
	assert_non_null(rig.pool->orphans);
	shm_pool_status(rig.pool, &st);
	assert_int_equal(st.free + st.guests, st.buffers - out);
	for (unsigned int i = 0; i < out; i++)
		packet_loan_return(l[i]);
	/* A group is deleted when this says so, so it looks. */
	shm_pool_status(rig.pool, &st);
	assert_int_equal(st.free + st.guests, st.buffers);
	assert_null(rig.pool->orphans);
	assert_int_equal(shm_port_rings_init(p), 0);
	shm_port_rings_reset(p);
	rig_guest_reset(&rig.guest[0]);
}

/* Buffers that a NIC received into: one whole, one with a private header, two. */
static void
test_mbuf(void **state)
{
	for (unsigned int what = 0; what < 3; what++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(shm_pool_mempool(rig.pool));
		struct packet p = {.mbuf = m, .hdr_len = 100, .len = 200, .rest_len = 100};
		uint8_t bytes[1024], header[PACKET_HEADER_MAX], *data;
		struct netvm_desc out;

		assert_non_null(m);
		data = rte_pktmbuf_mtod(m, uint8_t *);
		fill(data, 200, what);
		m->data_len = 200;
		m->pkt_len = 200;
		p.hdr = data;
		p.rest = data + 100;
		if (what == 1) {
			memcpy(header, data, 100);
			memset(header, 0xee, 14);
			p.hdr = header;
		}
		if (what == 2) {
			m->next = rte_pktmbuf_alloc(shm_pool_mempool(rig.pool));
			m->next->data_len = 50;
			fill(rte_pktmbuf_mtod(m->next, uint8_t *), 50, 9);
			m->nb_segs = 2;
			m->pkt_len = p.len = 250;
		}
		assert_int_equal(send(&p), 1);
		assert_null(p.mbuf);
		assert_int_equal(got(&out, bytes, what == 2 ? 2 : 1), p.len);
		assert_int_equal(out.buffer, shm_buffer_of_mbuf(rig.pool, m));
		assert_int_equal(bytes[0], what == 1 ? 0xee : what);
		assert_int_equal(out.flags & NETVM_DESC_F_HASH, NETVM_DESC_F_HASH);
		assert_null(m->next);
		assert_int_equal(m->nb_segs, 1);
	}
}

static void
test_copied(void **state)
{
	static uint8_t memory[PACKET_LEN_MAX];
	struct packet_seg more = {memory + 500, 700};
	struct packet p = {
		.hdr = memory,
		.hdr_len = 100,
		.rest = memory + 100,
		.rest_len = 400,
		.more = &more,
		.nmore = 1,
		.len = 1200,
		.from = 3,
	};
	uint8_t bytes[2048];
	struct netvm_desc out;

	fill(memory, sizeof(memory), 5);
	assert_int_equal(send(&p), 1);
	assert_int_equal(got(&out, bytes, 3), 1200);
	assert_memory_equal(bytes, memory, 1200);
	assert_int_equal(out.destination, 3);
	assert_int_equal(out.flags & NETVM_DESC_F_HASH, NETVM_DESC_F_HASH);
	/* More pieces than a packet may have. */
	p.rest_len = PACKET_LEN_MAX - 100 - 700;
	p.len = PACKET_LEN_MAX;
	assert_int_equal(send(&p), 1);
	assert_int_equal(drops(1, DROP_SMALL_BUFFER), 1);
}

/* Each width of the loops: bytes of every length go out and come in. */
static void
test_widths(void **state)
{
	static uint8_t memory[2048 + 64], bytes[2048];
	struct netvm_desc out;

	fill(memory, sizeof(memory), 9);
	for (enum wide w = WIDE_SSE; w <= wide_machine(); w++) {
		rig.guest[0].port->plain = rig.guest[1].port->plain = shm_plain_of(w);
		for (uint32_t len = PACKET_LEN_MIN; len <= 576 - SHM_HEADROOM; len++) {
			uint32_t head = len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX;
			uint8_t *from = memory + len % 64;
			struct packet p = {.hdr = from,
				.hdr_len = (uint16_t)head,
				.rest = from + head,
				.rest_len = len - head,
				.len = len};

			assert_int_equal(send(&p), 1);
			assert_int_equal(got(&out, bytes, 1), len);
			assert_memory_equal(bytes, from, len);
			held[1][out.buffer] = 0;
			assert_true(guest_tx(&rig.guest[1], 0, &out, 1));
			shm_port_rx(rig.guest[1].port, 0, &burst);
			assert_int_equal(burst.count, 1);
			packet_copy_out(&burst.pkt[0], 0, bytes, len);
			assert_memory_equal(bytes, from, len);
			shm_port_rx_complete(rig.guest[1].port, 0, &burst);
		}
	}
}

int
main(void)
{
#define T(name, with) cmocka_unit_test_setup_teardown(name, with, teardown)
	const struct CMUnitTest tests[] = {
		T(test_same_buffer, setup),
		T(test_header_changes, setup),
		T(test_no_headroom, setup),
		T(test_pieces, setup),
		T(test_no_pieces, setup_plain),
		T(test_request, setup),
		T(test_loan, setup),
		T(test_loan_hop, setup),
		T(test_loans, setup),
		T(test_mbuf, setup),
		T(test_copied, setup),
		T(test_widths, setup),
	};

	rig_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
