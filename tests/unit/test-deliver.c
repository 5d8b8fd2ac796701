/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of a frame on its way out: offloads that a destination cannot
 * take, and who may keep an mbuf.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "tests/unit/vlan-ports.h"

#define IPV4   0x0800
#define HEADER 54 /* Ethernet, IPv4, TCP */

static const uint8_t MA[6] = {2, 0, 0, 0, 0, 0xa}, MB[6] = {2, 0, 0, 0, 0, 0xb},
		     BCAST[6] = {255, 255, 255, 255, 255, 255};

static void
untagged(int from, const uint8_t *dst, const uint8_t *src)
{
	fake_queue(port[from], dst, src, IPV4, 100);
}

static uint32_t
sum16(const uint8_t *d, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)d[i] << 8 | d[i + 1];
	if (n & 1)
		sum += (uint32_t)d[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Pseudo header and segment of a whole TCP frame add up to all ones. */
static bool
tcp_sum_good(const struct fake_frame *f, uint32_t l3)
{
	uint32_t n = f->len - l3 - 20;

	return sum16(f->data + l3 + 20, n, sum16(f->data + l3 + 12, 8, 6 + n)) == 0xffff;
}

/* A TCP frame as a guest with offloads sends it: partial checksum. */
static struct fake_frame *
queue_tcp(int from, const uint8_t *dst, const uint8_t *src, uint32_t payload, uint16_t gso_size)
{
	uint32_t len = HEADER + payload, total = len - 14, partial;
	struct fake_frame *f = fake_queue(port[from], dst, src, IPV4, len);
	uint8_t *ip = f->data + 14, *tcp = ip + 20;

	memset(ip, 0, 40);
	ip[0] = 0x45;
	ip[2] = (uint8_t)(total >> 8);
	ip[3] = (uint8_t)total;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
	tcp[12] = 5 << 4;
	partial = sum16(ip + 12, 8, 6 + total - 20);
	tcp[16] = (uint8_t)(partial >> 8);
	tcp[17] = (uint8_t)partial;
	f->offload = (struct packet_offload){
		.flags = PACKET_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	if (gso_size != 0) {
		f->offload.gso_type = PACKET_GSO_TCPV4;
		f->offload.gso_size = gso_size;
		f->offload.hdr_len = HEADER;
	}
	return f;
}

static void
test_checksum(void **state)
{
	struct fake *capable = fake_of(port[ACCESS5]), *plain = fake_of(port[TRUNK56]);

	plain->caps = (struct dp_tx_caps){false, false, false};
	/* One flood to both kinds, whoever comes first. */
	queue_tcp(TRUNK05, BCAST, MA, 999, 0);
	fake_run();
	assert_int_equal(fake_of(port[PLAIN])->out[0].offload.flags, PACKET_F_NEEDS_CSUM);
	vlan_clear();
	queue_tcp(ACCESS5, BCAST, MB, 999, 0);
	fake_run();
	assert_int_equal(plain->out_count, 1);
	assert_int_equal(plain->out[0].offload.flags, 0);
	assert_true(tcp_sum_good(&plain->out[0], 18));
	/* The trunk after it either gets it finished or to be finished. */
	assert_int_equal(fake_of(port[TRUNK05])->out_count, 1);
	assert_true((fake_of(port[TRUNK05])->out[0].offload.flags & PACKET_F_NEEDS_CSUM) ||
		    tcp_sum_good(&fake_of(port[TRUNK05])->out[0], 18));
	assert_int_equal(capable->out_count, 0);
}

static void
test_segments(void **state)
{
	struct fake *plain = fake_of(port[TRUNK56]), *capable = fake_of(port[TRUNK05]);
	uint32_t bytes = 0;

	plain->caps = (struct dp_tx_caps){false, false, false};
	queue_tcp(ACCESS5, BCAST, MA, 50, 0);
	queue_tcp(ACCESS5, BCAST, MA, 60000, 1000);
	queue_tcp(ACCESS5, BCAST, MA, 70, 0);
	fake_run();
	assert_int_equal(plain->out_count, 62);
	for (unsigned int i = 0; i < 62; i++) {
		const struct fake_frame *f = &plain->out[i];

		assert_true(tcp_sum_good(f, 18));
		assert_int_equal(f->offload.flags | f->offload.gso_type, 0);
		assert_memory_equal(f->data + 12, "\x81\0\0\5", 4);
		if (i > 0 && i < 61) {
			assert_int_equal(f->len, HEADER + 4 + 1000);
			assert_memory_equal(f->data + HEADER + 4,
				fake_of(port[ACCESS5])->in[1].data + HEADER + bytes, 1000);
			bytes += 1000;
		}
	}
	/* The order holds around the big one. */
	assert_int_equal(plain->out[0].len, HEADER + 4 + 50);
	assert_int_equal(plain->out[61].len, HEADER + 4 + 70);
	/* Who can take it gets it whole, as it came. */
	assert_int_equal(capable->out_count, 3);
	assert_int_equal(capable->out[1].len, HEADER + 4 + 60000);
	assert_int_equal(capable->out[1].offload.gso_size, 1000);
	assert_int_equal(capable->out[1].offload.csum_start, 38);
	assert_memory_equal(capable->out[1].data + 18, fake_of(port[ACCESS5])->in[1].data + 14,
		HEADER - 14 + 60000);
}

/* A GSO frame is as long as its segments are. */
static void
test_segment_mtu(void **state)
{
	queue_tcp(ACCESS5, BCAST, MA, 60000, 1464);
	queue_tcp(ACCESS5, BCAST, MA, 60000, 1465);
	fake_run();
	assert_int_equal(fake_of(port[TRUNK56])->out_count, 1);
	assert_int_equal(fake_drops(port[ACCESS5], DROP_OVERSIZE), 1);
}

/* A guest that asks for the smallest pieces cannot keep the worker busy: what a
 * burst may cost is bounded for all destinations together. */
static void
test_segment_flood(void **state)
{
	unsigned int pieces = 0;

	for (int i = 0; i < NPORTS; i++) {
		fake_of(port[i])->caps = (struct dp_tx_caps){false, false, false};
		fake_of(port[i])->room = 0;
	}
	for (int i = 0; i < PACKET_BURST; i++)
		queue_tcp(ACCESS5, BCAST, MA, 60000, 8);
	fake_run();
	for (int i = 0; i < NPORTS; i++)
		pieces += (unsigned int)fake_drops(port[i], DROP_RING_FULL);
	assert_int_equal(pieces, 7500);
	/* Two trunks take VLAN 5; one frame for one of them was within the bound. */
	assert_int_equal(fake_drops(port[ACCESS5], DROP_BAD_OFFLOAD), 2 * PACKET_BURST - 1);
	vlan_clear();
	/* The next burst begins anew. */
	queue_tcp(ACCESS5, BCAST, MA, 60000, 8);
	fake_run();
	pieces = 0;
	for (int i = 0; i < NPORTS; i++)
		pieces += (unsigned int)fake_drops(port[i], DROP_RING_FULL);
	assert_int_equal(pieces, 2 * 7500);
}

/* --- mbufs ----------------------------------------------------------------------- */

static void
test_mbufs(void **state)
{
	struct fake *source = fake_of(port[TRUNK05]);
	unsigned int kept = 0;

	for (int i = 0; i < NPORTS; i++)
		fake_of(port[i])->keeps_mbufs = true;
	/* Flooded to ACCESS5 and TRUNK56: the last may keep it, and must get the
	 * tag in it all the same. */
	fake_queue_tagged(port[TRUNK05], BCAST, MA, 5, IPV4, 104)->mbuf = true;
	fake_run();
	for (int i = 0; i < NPORTS; i++) {
		assert_true(fake_of(port[i])->out_count <= 1);
		kept += fake_of(port[i])->out_count == 1 && fake_of(port[i])->out[0].mbuf;
	}
	assert_int_equal(kept, 1);
	assert_int_equal(source->mbufs_back, 0);
	assert_true(fake_of(port[TRUNK56])->out[0].mbuf);
	assert_int_equal(vlan_sent(port[TRUNK56], 100), 5);
	vlan_clear();
	/* Nobody keeps it: it goes back to its source. */
	for (int i = 0; i < NPORTS; i++)
		fake_of(port[i])->keeps_mbufs = false;
	fake_queue_tagged(port[TRUNK05], BCAST, MA, 5, IPV4, 104)->mbuf = true;
	fake_queue_tagged(port[TRUNK05], BCAST, MA, 9, IPV4, 104)->mbuf = true;
	fake_run();
	assert_int_equal(source->mbufs_back, 2);
	vlan_clear();
	/* Unicast. */
	untagged(ACCESS5, BCAST, MB);
	fake_run();
	vlan_clear();
	fake_of(port[ACCESS5])->keeps_mbufs = true;
	fake_queue_tagged(port[TRUNK05], MB, MA, 5, IPV4, 104)->mbuf = true;
	fake_run();
	assert_true(fake_of(port[ACCESS5])->out[0].mbuf);
	assert_int_equal(source->mbufs_back, 0);
}

/* Alone in its network: a flooded mbuf comes back too. */
static void
test_mbuf_alone(void **state)
{
	struct dp_network *alone = fake_network_add("alone", 0);
	struct dp_port *p = fake_port_add("lonely", alone);
	struct dp_error err;

	fake_queue(p, BCAST, MA, IPV4, 60)->mbuf = true;
	fake_run();
	assert_int_equal(fake_of(p)->mbufs_back, 1);
	assert_int_equal(fake_drops(p, DROP_NO_DESTINATION), 1);
	dp_port_del(p);
	assert_int_equal(dp_network_del(alone, &err), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, vlan_setup, vlan_teardown)
	const struct CMUnitTest tests[] = {
		T(test_checksum),
		T(test_segments),
		T(test_segment_mtu),
		T(test_segment_flood),
		T(test_mbufs),
		T(test_mbuf_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
