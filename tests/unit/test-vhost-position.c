/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where packed rings go on after a crash: when the file is believed, and when the
 * frontend.
 */
#include <string.h>

#include "tests/unit/position-env.h"

static void
test_resume(void **state)
{
	struct vhost_position *f;

	env_leave(VRING_PLACE_WRAP | 5);
	f = env_open();
	assert_string_equal(env_said, "");
	assert_int_equal(env_start(f, &env_key, env_key.base), VRING_PLACE_WRAP | 5);
	/* And again, as a daemon does that is killed at once. */
	vhost_position_close(f);
	f = env_open();
	assert_int_equal(env_start(f, &env_key, env_key.base), VRING_PLACE_WRAP | 5);
	vhost_position_close(f);
}

/* Each is another ring, or one whose place the frontend knows. */
static void
test_believe_the_frontend(void **state)
{
	struct vhost_position_key other[3] = {env_key, env_key, env_key};
	struct vhost_position *f;

	other[0].desc += 16;
	other[1].size--;
	other[2].base = 5;
	for (unsigned int i = 0; i < 3; i++) {
		env_leave(VRING_PLACE_WRAP | 5);
		f = env_open();
		assert_int_equal(env_start(f, &other[i], other[i].base), other[i].base);
		/* The entry is now about that ring. */
		vhost_position_close(f);
		f = env_open();
		assert_int_equal(env_start(f, &other[i], 9), other[i].base);
		vhost_position_forget(f, 3);
		vhost_position_close(f);
	}
	env_leave(VRING_PLACE_WRAP | 5);
	f = env_open();
	vhost_position_forget(f, 2);
	vhost_position_forget(f, 3);
	assert_int_equal(env_start(f, &env_key, 9), 9);
	vhost_position_close(f);
}

static void
test_fresh_ring(void **state)
{
	struct vhost_position_key later = env_key;
	struct vhost_position *f;

	env_leave(VRING_PLACE_WRAP | 5);
	for (unsigned int i = 0; i < ENV_SIZE; i++)
		env_ring[i].flags = i < 9 ? AVAIL : 0;
	f = env_open();
	assert_int_equal(env_start(f, &env_key, env_key.base), env_key.base);
	/* The frontend knows that the ring has run: it cannot be a fresh one. */
	later.base = VRING_PLACE_WRAP | 1;
	vhost_position_forget(f, 3);
	assert_int_equal(env_start(f, &later, later.base), later.base);
	assert_int_equal(env_start(f, &later, 0), later.base);
	vhost_position_close(f);
}

/* Killed with buffers 5 and 6 on their way back. */
static void
test_half_done(void **state)
{
	const struct vring_position_entry entry[2] = {{100, 5, 1}, {200, 6, 2}};
	const uint16_t count = 2;
	struct vhost_position *f;

	env_leave(VRING_PLACE_WRAP | 5);
	env_poke(AT_ENTRY, entry, sizeof(entry));
	env_poke(AT_COUNT, &count, sizeof(count));
	f = env_open();
	assert_int_equal(env_start(f, &env_key, env_key.base), VRING_PLACE_WRAP | 8);
	assert_int_equal(env_ring[5].flags & (AVAIL | USED), AVAIL | USED);
	assert_int_equal(env_ring[5].len, 100);
	assert_int_equal(env_ring[6].flags & (AVAIL | USED), AVAIL | USED);
	assert_int_equal(env_ring[6].len, 200);
	assert_int_equal(env_ring[8].flags & (AVAIL | USED), AVAIL);
	vhost_position_close(f);
}

/*
 * While no daemon was there QEMU, which knows the old base only, has given back
 * slots 0 and 1 unread; 70 slots before them were under way. The ring is longer
 * here, so that it takes more than one give-back.
 */
static void
test_catch_up(void **state)
{
	static struct vring_packed_desc big[128];
	const struct vhost_position_key before = {
		.desc = env_key.desc, .size = 128, .base = VRING_PLACE_START};
	struct vhost_position_key after = before;
	vring_place place = before.base;
	struct vhost_position *f = env_open();
	struct vring_position *p = vhost_position_start(f, 3, &before, big, &place);

	vring_position_set(p, 58, 0); /* slot 58, wrap counter 0 */
	for (unsigned int i = 0; i < 128; i++)
		big[i] = (struct vring_packed_desc){.id = (uint16_t)(i + 7),
			.flags = i < 2    ? AVAIL | USED
				 : i < 58 ? 0
					  : USED};
	/* A chain of three. */
	big[60].flags |= VRING_DESC_F_NEXT;
	big[61].flags |= VRING_DESC_F_NEXT;
	after.base = place = VRING_PLACE_WRAP | 2;
	p = vhost_position_start(f, 3, &after, big, &place);
	assert_int_equal(place, VRING_PLACE_WRAP | 2);
	assert_int_equal(p->at, VRING_PLACE_WRAP | 2);
	for (unsigned int i = 58; i < 128; i++) {
		if (i == 61 || i == 62)
			continue;
		assert_int_equal(big[i].flags & (AVAIL | USED), 0);
		assert_int_equal(big[i].id, i == 60 ? 62 + 7 : i + 7);
		assert_int_equal(big[i].len, 0);
	}
	/* It is the entry's base from now on. */
	vring_position_set(p, VRING_PLACE_WRAP | 9, 0);
	place = after.base;
	(void)vhost_position_start(f, 3, &after, big, &place);
	assert_int_equal(place, VRING_PLACE_WRAP | 9);
	/* Another base for another reason: nothing in the ring is touched. */
	after.base = place = VRING_PLACE_WRAP | 100;
	big[100].flags = AVAIL;
	(void)vhost_position_start(f, 3, &after, big, &place);
	assert_int_equal(place, VRING_PLACE_WRAP | 100);
	assert_int_equal(big[9].flags, 0);
	vhost_position_close(f);
}

static void
test_keep(void **state)
{
	struct vhost_position_key moved = env_key;
	struct vhost_position *f;
	struct vring_position *p;

	env_leave(VRING_PLACE_WRAP | 5);
	f = env_open();
	assert_int_equal(env_start(f, &env_key, env_key.base), VRING_PLACE_WRAP | 5);
	p = vhost_position_keep(f, 3, &env_key, VRING_PLACE_WRAP | 5);
	assert_int_equal(p->at, VRING_PLACE_WRAP | 5);
	moved.desc += 4096;
	p = vhost_position_keep(f, 3, &moved, VRING_PLACE_WRAP | 5);
	assert_int_equal(p->at, VRING_PLACE_WRAP | 5);
	assert_int_equal(env_start(f, &moved, env_key.base), VRING_PLACE_WRAP | 5);
	/* A place that the ring does not have never gets into the file. */
	moved.base = ENV_SIZE;
	(void)env_start(f, &moved, ENV_SIZE);
	assert_int_equal(env_start(f, &moved, 1), 1);
	vhost_position_close(f);
	f = env_open();
	assert_string_equal(env_said, "");
	vhost_position_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_resume, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_believe_the_frontend, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_fresh_ring, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_half_done, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_catch_up, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_keep, env_setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
