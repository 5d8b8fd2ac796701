/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLANs: who gets which frame with which tag, what is refused, and that nobody
 * gets into a VLAN that is not his.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vlan-ports.h"

#define IPV4 0x0800

static const uint8_t MA[6] = {2, 0, 0, 0, 0, 0xa}, MB[6] = {2, 0, 0, 0, 0, 0xb},
		     BCAST[6] = {255, 255, 255, 255, 255, 255};

static void
expect(int plain, int access5, int access6, int trunk56, int trunk05)
{
	fake_run();
	assert_int_equal(vlan_sent(port[PLAIN], 100), plain);
	assert_int_equal(vlan_sent(port[ACCESS5], 100), access5);
	assert_int_equal(vlan_sent(port[ACCESS6], 100), access6);
	assert_int_equal(vlan_sent(port[TRUNK56], 100), trunk56);
	assert_int_equal(vlan_sent(port[TRUNK05], 100), trunk05);
	vlan_clear();
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
	vlan_clear();
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
	vlan_clear();
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

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, vlan_setup, vlan_teardown)
	const struct CMUnitTest tests[] = {
		T(test_vlan_matrix),
		T(test_vlan_learning),
		T(test_vlan_hopping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
