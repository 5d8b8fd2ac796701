/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port mirror: what is copied, and that the frames themselves take no harm.
 * C is A's mirror and in no network of theirs, unless a test says otherwise.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "tests/unit/three-ports.h"

static void
set(struct dp_port *p, const struct dp_port_settings *s)
{
	struct dp_error err = {""};

	assert_int_equal(dp_port_set(p, s, &err), 0);
}

static void
mirror(struct dp_port *p, struct dp_port *to, enum dp_mirror direction)
{
	struct dp_port_settings s = *p->settings;

	s.mirror = to;
	s.mirror_direction = direction;
	set(p, &s);
}

static void
join(struct dp_port *p, struct dp_network *n)
{
	struct dp_port_settings s = *p->settings;

	s.network = n;
	set(p, &s);
}

static void
clear_all(void)
{
	fake_clear(A);
	fake_clear(B);
	fake_clear(C);
}

static int
setup(void **state)
{
	three_setup(state);
	three_introduce();
	join(C, NULL);
	return 0;
}

/* A TCP frame with a partial checksum and, with gso_size, to be cut. */
static struct fake_frame *
queue_tcp(struct dp_port *p, const uint8_t *dst, const uint8_t *src, uint32_t payload,
	uint16_t gso_size)
{
	struct fake_frame *f = fake_queue(p, dst, src, IPV4, 54 + payload);
	uint32_t total = 40 + payload;

	memset(f->data + 14, 0, 40);
	f->data[14] = 0x45;
	f->data[16] = (uint8_t)(total >> 8);
	f->data[17] = (uint8_t)total;
	f->data[23] = 6;
	f->data[46] = 5 << 4;
	f->offload = (struct packet_offload){
		.flags = PACKET_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	if (gso_size != 0) {
		f->offload.gso_type = PACKET_GSO_TCPV4;
		f->offload.gso_size = gso_size;
		f->offload.hdr_len = 54;
	}
	return f;
}

static void
test_directions(void **state)
{
	mirror(A, C, DP_MIRROR_IN);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_queue(B, MA, MB, IPV4, 61);
	fake_run();
	assert_int_equal(got(C), 1);
	assert_int_equal(fake_of(C)->out[0].len, 60);
	assert_memory_equal(fake_of(C)->out[0].data, fake_of(A)->in[0].data, 60);
	mirror(A, C, DP_MIRROR_OUT);
	fake_queue(A, MB, MA, IPV4, 62);
	fake_queue(B, MA, MB, IPV4, 63);
	fake_run();
	assert_int_equal(got(C), 2);
	assert_int_equal(fake_of(C)->out[1].len, 63);
	mirror(A, C, DP_MIRROR_BOTH);
	fake_queue(A, MB, MA, IPV4, 64);
	fake_queue(B, MA, MB, IPV4, 65);
	fake_run();
	assert_int_equal(got(C), 4);
	mirror(A, NULL, DP_MIRROR_BOTH);
	fake_queue(A, MB, MA, IPV4, 66);
	fake_run();
	assert_int_equal(got(C), 4);
	assert_int_equal(got(B), 4);
	assert_int_equal(got(A), 3);
	assert_int_equal(fake_drops_all(A) + fake_drops_all(B) + fake_drops_all(C), 0);
}

/* What is dropped is copied as well; a disabled port's frames are not. */
static void
test_before_judgement(void **state)
{
	struct dp_port_settings s;

	mirror(A, C, DP_MIRROR_BOTH);
	fake_queue(A, MA, MA, IPV4, 60);           /* hairpin */
	fake_queue_tagged(A, MB, MA, 7, IPV4, 64); /* not allowed on an access port */
	fake_queue(A, MB, MA, IPV4, 13);           /* a runt, nobody's frame */
	fake_run();
	assert_int_equal(got(C), 2);
	assert_memory_equal(fake_of(C)->out[1].data, fake_of(A)->in[1].data, 64);
	join(A, NULL);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 3);
	s = *A->settings;
	s.enabled = false;
	set(A, &s);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 3);
}

/* The copy has the tag of the mirrored port's wire, whatever the mirror is. */
static void
test_tags(void **state)
{
	struct dp_port_settings trunk = *A->settings, access = *B->settings;

	trunk.vlan = (struct dp_vlan){.trunk = true, .allowed = {1U << 5}};
	access.vlan.access = 5;
	set(A, &trunk);
	set(B, &access);
	mirror(A, C, DP_MIRROR_BOTH);
	fake_queue_tagged(A, BCAST, MA, 3 << 13 | 5, IPV4, 100);
	fake_queue(B, BCAST, MB, IPV4, 100);
	fake_run();
	assert_int_equal(got(C), 2);
	assert_int_equal(fake_of(C)->out[0].len, 100);
	assert_memory_equal(fake_of(C)->out[0].data, fake_of(A)->in[0].data, 100);
	assert_int_equal(got(B), 1);
	assert_int_equal(fake_of(B)->out[0].len, 96);
	assert_int_equal(got(A), 1);
	assert_int_equal(fake_of(C)->out[1].len, 104);
	assert_memory_equal(fake_of(C)->out[1].data, fake_of(A)->out[0].data, 104);
}

/* A mirror that is full, down, or too narrow loses copies; nobody else does. */
static void
test_losses_are_the_mirrors(void **state)
{
	struct dp_port_settings s = *C->settings;

	mirror(A, C, DP_MIRROR_BOTH);
	fake_of(C)->room = 1;
	for (int i = 0; i < 3; i++)
		fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(C, DROP_RING_FULL), 2);
	fake_of(C)->room = 100;
	fake_of(C)->ready = false;
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(C, DROP_NOT_READY), 1);
	fake_of(C)->ready = true;
	s.mtu = 100;
	set(C, &s);
	fake_queue(A, MB, MA, IPV4, 118);
	fake_queue(A, MB, MA, IPV4, 119);
	fake_run();
	assert_int_equal(fake_drops(C, DROP_TOO_BIG), 1);
	assert_int_equal(got(C), 2);
	assert_int_equal(got(B), 6);
	assert_int_equal(fake_drops_all(A) + fake_drops_all(B), 0);
}

/* A mirror never gets the mbuf, the destination still may. */
static void
test_mbufs(void **state)
{
	fake_of(B)->keeps_mbufs = fake_of(C)->keeps_mbufs = true;
	mirror(A, C, DP_MIRROR_IN);
	mirror(B, C, DP_MIRROR_OUT);
	fake_queue(A, MB, MA, IPV4, 60)->mbuf = true;
	fake_queue(A, MA, MA, IPV4, 60)->mbuf = true;
	fake_run();
	assert_int_equal(got(C), 3);
	for (int i = 0; i < 3; i++)
		assert_false(fake_of(C)->out[i].mbuf);
	assert_int_equal(got(B), 1);
	assert_true(fake_of(B)->out[0].mbuf);
	assert_int_equal(fake_of(A)->mbufs_back, 1);
}

static void
test_offloads(void **state)
{
	const uint32_t payload = 5000;

	/* Who can, gets it whole. */
	mirror(A, C, DP_MIRROR_IN);
	queue_tcp(A, MB, MA, payload, 1000);
	fake_run();
	assert_int_equal(got(C), 1);
	assert_int_equal(fake_of(C)->out[0].offload.gso_size, 1000);
	/* Who cannot, gets segments, and the frame itself stays whole. */
	fake_of(C)->caps = (struct dp_tx_caps){false, false, false};
	queue_tcp(A, MB, MA, payload, 1000);
	queue_tcp(A, MB, MA, 100, 0);
	fake_run();
	assert_int_equal(got(C), 1 + 5 + 1);
	assert_int_equal(got(B), 3);
	assert_int_equal(fake_of(B)->out[1].len, 54 + payload);
	assert_int_equal(fake_of(B)->out[1].offload.gso_size, 1000);
	assert_memory_equal(fake_of(B)->out[1].data, fake_of(A)->in[1].data, 54 + payload);
	/* A checksum that was finished for the mirror is the same for B. */
	assert_memory_equal(fake_of(B)->out[2].data, fake_of(C)->out[6].data, 154);
	assert_int_equal(fake_of(B)->out[2].offload.flags, 0);
}

/* Segments for the mirror are bounded, and are not taken from the frame's own. */
static void
test_pieces(void **state)
{
	fake_of(B)->caps = fake_of(C)->caps = (struct dp_tx_caps){false, false, false};
	fake_of(B)->room = fake_of(C)->room = 0;
	mirror(A, C, DP_MIRROR_IN);
	for (int i = 0; i < 4; i++)
		queue_tcp(A, MB, MA, 60000, 8);
	fake_run();
	assert_int_equal(fake_drops(C, DROP_RING_FULL), 7500);
	assert_int_equal(fake_drops(C, DROP_BAD_OFFLOAD), 3);
	assert_int_equal(fake_drops(B, DROP_RING_FULL), 7500);
	assert_int_equal(fake_drops(A, DROP_BAD_OFFLOAD), 3);
}

/* Ordinary traffic of a mirror goes on, and copies are not copied again. */
static void
test_mirror_is_a_port(void **state)
{
	join(C, net);
	fake_queue(C, BCAST, MC, ARP, 60);
	fake_run();
	clear_all();
	mirror(A, B, DP_MIRROR_IN);
	mirror(B, C, DP_MIRROR_BOTH);
	fake_queue(A, MC, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(B), 1);
	assert_int_equal(got(C), 1);
	fake_queue(B, MC, MB, IPV4, 61);
	fake_run();
	assert_int_equal(got(C), 3);
}

static void
test_refusals(void **state)
{
	struct dp_port_settings s = *A->settings;
	struct dp_error err;

	s.mirror = A;
	s.mirror_direction = DP_MIRROR_BOTH;
	assert_int_equal(dp_port_set(A, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "itself"));
	mirror(A, B, DP_MIRROR_BOTH);
	mirror(B, C, DP_MIRROR_BOTH);
	s = *C->settings;
	s.mirror = A;
	s.mirror_direction = DP_MIRROR_BOTH;
	assert_int_equal(dp_port_set(C, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "circle"));
	mirror(A, NULL, DP_MIRROR_BOTH);
	mirror(C, A, DP_MIRROR_BOTH);
}

/* Whoever takes the place of a deleted mirror gets nothing. */
static void
test_deleted(void **state)
{
	mirror(A, C, DP_MIRROR_BOTH);
	dp_port_del(C);
	assert_null(A->settings->mirror);
	assert_int_equal(A->taps, 0);
	C = fake_port_add("c2", NULL);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 0);
	assert_int_equal(got(B), 1);
}

/* A port that is added with a mirror has it from its first frame. */
static void
test_added_with(void **state)
{
	struct dp_port_settings s = *A->settings;

	s.mirror = C;
	s.mirror_direction = DP_MIRROR_IN;
	dp_port_del(A);
	A = fake_port_add_with("a2", &s);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, three_teardown)
	const struct CMUnitTest tests[] = {
		T(test_directions),
		T(test_before_judgement),
		T(test_tags),
		T(test_losses_are_the_mirrors),
		T(test_mbufs),
		T(test_offloads),
		T(test_pieces),
		T(test_mirror_is_a_port),
		T(test_refusals),
		T(test_deleted),
		T(test_added_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
