/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of a frame on its way out: VLAN tags, offloads that a
 * destination cannot take, and who may keep an mbuf.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "tests/unit/fake-port.h"

#define IPV4   0x0800
#define HEADER 54 /* Ethernet, IPv4, TCP */

static const uint8_t MA[6] = {2, 0, 0, 0, 0, 0xa}, MB[6] = {2, 0, 0, 0, 0, 0xb},
		     BCAST[6] = {255, 255, 255, 255, 255, 255};

enum { PLAIN, ACCESS5, ACCESS6, TRUNK56, TRUNK05, NPORTS };

static struct dp_network *net;
static struct dp_port *port[NPORTS];

static void
allow(struct dp_port_settings *s, uint16_t vid)
{
	s->vlan.trunk = true;
	s->vlan.allowed[vid / 64] |= UINT64_C(1) << vid % 64;
}

static int
setup(void **state)
{
	static const char *const names[] = {"plain", "access5", "access6", "trunk56", "trunk05"};
	struct dp_port_settings s[NPORTS];

	fake_world_start();
	net = fake_network_add("net", 0);
	for (int i = 0; i < NPORTS; i++)
		s[i] = fake_settings(net);
	s[ACCESS5].vlan.access = 5;
	s[ACCESS6].vlan.access = 6;
	allow(&s[TRUNK56], 5);
	allow(&s[TRUNK56], 6);
	allow(&s[TRUNK05], 0);
	allow(&s[TRUNK05], 5);
	for (int i = 0; i < NPORTS; i++)
		port[i] = fake_port_add_with(names[i], &s[i]);
	return 0;
}

static int
teardown(void **state)
{
	struct dp_error err;

	for (int i = 0; i < NPORTS; i++)
		dp_port_del(port[i]);
	assert_int_equal(dp_network_del(net, &err), 0);
	fake_world_stop();
	return 0;
}

static void
clear(void)
{
	for (int i = 0; i < NPORTS; i++)
		fake_clear(port[i]);
}

/* The TCI of the one frame that p sent; -1: untagged, -2: it sent none. */
static int
sent_tci(struct dp_port *p, uint32_t len)
{
	struct fake *f = fake_of(p);

	if (f->out_count == 0)
		return -2;
	assert_int_equal(f->out_count, 1);
	if (f->out[0].data[12] != 0x81) {
		assert_int_equal(f->out[0].len, len);
		assert_int_equal(f->out[0].data[12], 0x08);
		return -1;
	}
	assert_int_equal(f->out[0].len, len + 4);
	assert_int_equal(f->out[0].data[16], 0x08);
	return f->out[0].data[14] << 8 | f->out[0].data[15];
}

static void
expect(int plain, int access5, int access6, int trunk56, int trunk05)
{
	fake_run();
	assert_int_equal(sent_tci(port[PLAIN], 100), plain);
	assert_int_equal(sent_tci(port[ACCESS5], 100), access5);
	assert_int_equal(sent_tci(port[ACCESS6], 100), access6);
	assert_int_equal(sent_tci(port[TRUNK56], 100), trunk56);
	assert_int_equal(sent_tci(port[TRUNK05], 100), trunk05);
	clear();
}

static void
untagged(int from, const uint8_t *dst, const uint8_t *src)
{
	fake_queue(port[from], dst, src, IPV4, 100);
}

static void
tagged(int from, uint16_t tci, const uint8_t *dst, const uint8_t *src)
{
	fake_queue_tagged(port[from], dst, src, tci, IPV4, 104);
}

static void
test_vlan_matrix(void **state)
{
	untagged(PLAIN, BCAST, MA);
	expect(-2, -2, -2, -2, -1);
	untagged(ACCESS5, BCAST, MA);
	expect(-2, -2, -2, 5, 5);
	untagged(ACCESS6, BCAST, MA);
	expect(-2, -2, -2, 6, -2);
	untagged(TRUNK05, BCAST, MA);
	expect(-1, -2, -2, -2, -2);
	tagged(TRUNK05, 0xe005, BCAST, MA); /* the priority goes along */
	expect(-2, -1, -2, 0xe005, -2);
	tagged(TRUNK56, 6, BCAST, MA);
	expect(-2, -2, -1, -2, -2);
	/* Priority tags: untagged but for the name. */
	tagged(PLAIN, 0xa000, BCAST, MA);
	expect(-2, -2, -2, -2, -1);
	tagged(ACCESS5, 0xa000, BCAST, MA);
	expect(-2, -2, -2, 0xa005, 0xa005);
	tagged(TRUNK05, 0x2000, BCAST, MA);
	expect(-1, -2, -2, -2, -2);
	for (int i = 0; i < NPORTS; i++)
		assert_int_equal(fake_drops_all(port[i]), 0);
	/* Not allowed. */
	untagged(TRUNK56, BCAST, MA);
	tagged(TRUNK56, 7, BCAST, MA);
	tagged(TRUNK56, 4095, BCAST, MA);
	tagged(TRUNK05, 6, BCAST, MA);
	tagged(PLAIN, 5, BCAST, MA);
	tagged(ACCESS5, 5, BCAST, MA);
	tagged(ACCESS5, 6, BCAST, MA);
	expect(-2, -2, -2, -2, -2);
	assert_int_equal(fake_drops(port[TRUNK56], DROP_VLAN), 3);
	assert_int_equal(fake_drops(port[TRUNK05], DROP_VLAN), 1);
	assert_int_equal(fake_drops(port[PLAIN], DROP_VLAN), 1);
	assert_int_equal(fake_drops(port[ACCESS5], DROP_VLAN), 2);
}

static void
test_vlan_learning(void **state)
{
	untagged(ACCESS5, BCAST, MA);
	fake_run();
	clear();
	/* MA is known in VLAN 5 only. */
	tagged(TRUNK56, 5, MA, MB);
	expect(-2, -1, -2, -2, -2);
	tagged(TRUNK56, 6, MA, MB);
	expect(-2, -2, -1, -2, -2);
	/* MB was heard on the trunk in both. */
	untagged(ACCESS6, MB, MA);
	expect(-2, -2, -2, 6, -2);
	/* A train with the same head. */
	for (int i = 0; i < 5; i++)
		tagged(TRUNK56, 5, MA, MB);
	fake_run();
	assert_int_equal(fake_of(port[ACCESS5])->out_count, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(fake_of(port[ACCESS5])->out[i].data[12], 0x08);
}

/* A tag that would appear on a trunk behind one that is taken off. */
static void
test_vlan_hopping(void **state)
{
	struct fake_frame *f;

	for (int i = 0; i < 2; i++) {
		f = fake_queue_tagged(port[PLAIN], BCAST, MA, 0, 0x8100, 104);
		f->data[18] = 0;
		f->data[19] = 5;
		expect(-2, -2, -2, -2, -2);
	}
	/* The same head in one burst: allowed, then not. */
	tagged(PLAIN, 0, BCAST, MA);
	f = fake_queue_tagged(port[PLAIN], BCAST, MA, 0, 0x8100, 104);
	memcpy(f->data + 18, "\0\5", 2);
	expect(-2, -2, -2, -2, -1);
	assert_int_equal(fake_drops(port[PLAIN], DROP_VLAN), 3);
	/* Cut off behind the type, then a whole one that looks the same. */
	fake_queue(port[PLAIN], BCAST, MA, 0x8100, 14);
	tagged(PLAIN, 5, BCAST, MA);
	fake_queue(port[PLAIN], BCAST, MA, 0x8100, 14);
	expect(-2, -2, -2, -2, -2);
	assert_int_equal(fake_drops(port[PLAIN], DROP_VLAN), 6);
	/* The other way round: the bytes that are missing lie there from before. */
	tagged(TRUNK56, 5, BCAST, MA);
	tagged(TRUNK56, 5, BCAST, MA);
	fake_run();
	clear();
	tagged(TRUNK56, 5, BCAST, MA);
	fake_queue(port[TRUNK56], BCAST, MA, 0x8100, 14);
	expect(-2, -1, -2, -2, 5);
	assert_int_equal(fake_drops(port[TRUNK56], DROP_VLAN), 1);
	/* A customer's own tag inside VLAN 5 is none of our business. */
	f = fake_queue_tagged(port[TRUNK56], BCAST, MA, 5, 0x8100, 104);
	memcpy(f->data + 18, "\0\7", 2);
	fake_run();
	assert_memory_equal(fake_of(port[ACCESS5])->out[0].data + 12, "\x81\0\0\7", 4);
	assert_memory_equal(fake_of(port[TRUNK05])->out[0].data + 12, "\x81\0\0\5\x81\0\0\7", 8);
}

/* --- offloads ------------------------------------------------------------------ */

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
	clear();
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
	assert_int_equal(sent_tci(port[TRUNK56], 100), 5);
	clear();
	/* Nobody keeps it: it goes back to its source. */
	for (int i = 0; i < NPORTS; i++)
		fake_of(port[i])->keeps_mbufs = false;
	fake_queue_tagged(port[TRUNK05], BCAST, MA, 5, IPV4, 104)->mbuf = true;
	fake_queue_tagged(port[TRUNK05], BCAST, MA, 9, IPV4, 104)->mbuf = true;
	fake_run();
	assert_int_equal(source->mbufs_back, 2);
	clear();
	/* Unicast. */
	untagged(ACCESS5, BCAST, MB);
	fake_run();
	clear();
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
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_vlan_matrix),
		T(test_vlan_learning),
		T(test_vlan_hopping),
		T(test_checksum),
		T(test_segments),
		T(test_segment_mtu),
		T(test_mbufs),
		T(test_mbuf_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
