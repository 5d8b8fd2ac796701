/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon is killed at every instruction. A child moves packets between two ports,
 * one instruction at a time (ptrace). Whenever it has changed anything that survives
 * it, the next daemon starts on a copy of that, and all buffers are counted, as the
 * guests see it: none is lost, none is in two places. Twice for each copy: the
 * guests have slept meanwhile, or they went on and sent back what they got.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/shm-rig.h"

#define SENT   5
#define PIECES 3

static struct rig rig;
static uint8_t *held[RIG_PORTS]; /* by guest and buffer */
static unsigned int changes;
static unsigned int cut; /* packets without an end that a guest has sent */

/* --- guests ----------------------------------------------------------------------------- */

/* Guest 0 takes empty buffers, sends some packets, and keeps what is left. */
static void
guests_begin(void)
{
	struct guest *g = &rig.guest[0];
	uint32_t buffer[16];
	unsigned int n;

	shm_fill(g->port, 0, 1);
	shm_fill(rig.guest[1].port, 0, 1);
	n = guest_fill(g, 0, buffer, 12);
	assert_int_equal(n, 12);
	for (unsigned int i = 0; i < n; i++) {
		struct netvm_desc d = guest_packet(g, buffer[i], 100);

		held[0][buffer[i]] = i >= SENT;
		d.action = i == 1 ? NETVM_ACTION_DROP : NETVM_ACTION_NEXT;
		if (i < SENT)
			assert_true(guest_tx(g, 0, &d, 1));
	}
}

/* The same in packets of several pieces, but for the last one, whose sender was killed
 * between its pieces and left it without an end. */
static void
guests_begin_pieces(void)
{
	struct guest *g = &rig.guest[0];
	struct netvm_desc d[PIECES];
	uint32_t buffer[PIECES];

	cut = 1;
	shm_fill(g->port, 0, 1);
	shm_fill(rig.guest[1].port, 0, 1);
	for (unsigned int n = 0; n <= SENT; n++) {
		assert_int_equal(guest_fill(g, 0, buffer, PIECES), PIECES);
		for (unsigned int i = 0; i < PIECES; i++) {
			d[i] = guest_packet(g, buffer[i], 100);
			d[i].action = NETVM_ACTION_NEXT;
			d[i].flags = i + 1 < PIECES ? NETVM_DESC_F_MORE : 0;
		}
		assert_true(guest_tx(g, 0, d, n < SENT ? PIECES : PIECES - 1));
	}
	held[0][buffer[PIECES - 1]] = 1;
}

/* What a guest finds in its ring ends with the end of a packet, whenever we died. */
static void
check_whole(const struct rig *r)
{
	for (unsigned int i = 0; i < r->ports; i++) {
		const struct shm_ring *rx = &r->guest[i].port->pair[0].ring[NETVM_RX];
		uint32_t end = __atomic_load_n(&rx->shared->produced, __ATOMIC_ACQUIRE);

		if (end != r->guest[i].pair[0].at[NETVM_RX])
			assert_false(rx->desc[(end - 1) & rx->mask].flags & NETVM_DESC_F_MORE);
	}
}

/* Each sends back what is in its rings. */
static void
guests_go_on(struct rig *r)
{
	check_whole(r);
	for (unsigned int i = 0; i < r->ports; i++) {
		struct guest *g = &r->guest[i];
		struct netvm_desc d;
		uint32_t buffer;

		while (guest_rx(g, 0, &d, 1) == 1) {
			d.action = NETVM_ACTION_DROP;
			if (!guest_tx(g, 0, &d, 1))
				held[i][d.buffer] = 1;
		}
		while (guest_fill(g, 0, &buffer, 1) == 1) {
			d = guest_packet(g, buffer, 60);
			if (!guest_tx(g, 0, &d, 1))
				held[i][buffer] = 1;
		}
	}
}

/* --- the daemon ---------------------------------------------------------------------------- */

static struct packet_burst burst;

static void
move(struct rig *r, unsigned int from, unsigned int to)
{
	struct packet *list[PACKET_BURST];

	shm_port_rx(r->guest[from].port, 0, &burst);
	for (unsigned int i = 0; i < burst.count; i++)
		list[i] = &burst.pkt[i];
	shm_port_tx(r->guest[to].port, 0, list, burst.count);
	shm_port_rx_complete(r->guest[from].port, 0, &burst);
}

static void
work_hop(void)
{
	bool other;

	/* The second is this port's own: buffers go back to who sent them. */
	(void)shm_port_hop(rig.guest[0].port, 0, rig.guest[1].port, 3, &other);
	(void)shm_port_hop(rig.guest[0].port, 0, rig.guest[0].port, 3, &other);
}

static void
work_move(void)
{
	move(&rig, 0, 1);
}

/* Copied into several buffers. */
static void
work_copy_long(void)
{
	static uint8_t frame[1400] = {2, 2, 2, 2, 2, 2, 2};
	struct packet p[3], *list[3];

	for (unsigned int i = 0; i < 3; i++) {
		p[i] = (struct packet){.hdr = frame,
			.hdr_len = 100,
			.len = sizeof(frame),
			.rest = frame + 100,
			.rest_len = sizeof(frame) - 100};
		list[i] = &p[i];
	}
	(void)shm_port_tx(rig.guest[1].port, 0, list, 3);
}

/* Copied, as it comes from elsewhere. */
static void
work_copy(void)
{
	static uint8_t frame[PACKET_HEADER_MAX] = {2, 2, 2, 2, 2, 2, 2};
	struct packet p[5], *list[5];

	for (unsigned int i = 0; i < 5; i++) {
		p[i] = (struct packet){.hdr = frame, .hdr_len = 100, .len = 100};
		list[i] = &p[i];
	}
	(void)shm_port_tx(rig.guest[1].port, 0, list, 5);
}

/* --- kills ---------------------------------------------------------------------------------- */

struct image {
	size_t size;
	const uint8_t *at;
	uint8_t *last;
};
static struct image image[1 + 2 * RIG_PORTS];
static unsigned int images;

static void
image_add(const struct shm_memory *m, size_t size)
{
	struct image *i = &image[images++];

	i->size = size < m->size ? size : m->size;
	i->at = m->at;
	i->last = malloc(i->size);
	memcpy(i->last, i->at, i->size);
}

static bool
changed(void)
{
	bool is = false;

	for (unsigned int i = 0; i < images; i++) {
		if (memcmp(image[i].last, image[i].at, image[i].size) == 0)
			continue;
		memcpy(image[i].last, image[i].at, image[i].size);
		is = true;
	}
	return is;
}

static void
resume(bool went_on)
{
	const unsigned int ports = rig.ports;
	uint8_t *before[RIG_PORTS];
	struct rig next;
	bool other;

	for (unsigned int i = 0; i < ports; i++) {
		before[i] = malloc(rig.pool->buffers);
		assert_non_null(before[i]);
		memcpy(before[i], held[i], rig.pool->buffers);
	}
	rig_resume(&next, &rig, went_on ? guests_go_on : NULL);
	rig_check(&next, (const uint8_t *const *)held);
	check_whole(&next);
	/* And all goes on. */
	(void)shm_port_hop(next.guest[0].port, 0, next.guest[1].port, 64, &other);
	(void)shm_port_hop(next.guest[1].port, 0, next.guest[0].port, 64, &other);
	move(&next, 0, 1);
	rig_check(&next, (const uint8_t *const *)held);
	assert_in_range(shm_port_violations(next.guest[0].port), 0, cut);
	assert_int_equal(shm_port_violations(next.guest[1].port), 0);
	rig_close(&next);
	for (unsigned int i = 0; i < ports; i++) {
		memcpy(held[i], before[i], rig.pool->buffers);
		free(before[i]);
	}
}

/* Runs work in a child, instruction by instruction. False: not allowed here. */
static bool
kill_everywhere(void (*work)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(77);
		(void)raise(SIGSTOP);
		work();
		_exit(0);
	}
	changes = 0;
	for (;;) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			break;
		if (changed()) {
			resume(false);
			resume(true);
			changes++;
		}
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0)
			break;
	}
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		return false;
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void
run(void (*begin)(void), void (*work)(void))
{
	const struct rig_config cfg = {.ports = 2,
		.pairs = 1,
		.entries = 64,
		.buffers = 320,
		.features = NETVM_GUEST_SEGS,
		.buffer_size = 512,
		.quota = 160};
	bool done;

	rig_open(&rig, &cfg);
	for (unsigned int i = 0; i < rig.ports; i++)
		held[i] = calloc(1, rig.pool->buffers);
	cut = 0;
	begin();
	images = 0;
	image_add(&rig.pool->private, rig.pool->private.size);
	for (unsigned int i = 0; i < rig.ports; i++) {
		struct shm_port *p = rig.guest[i].port;

		image_add(&p->memory, p->memory.size);
		image_add(&p->private, offsetof(struct shm_port_book, journal[1]));
	}
	done = kill_everywhere(work);
	rig_close(&rig);
	for (unsigned int i = 0; i < rig.ports; i++)
		free(held[i]);
	for (unsigned int i = 0; i < images; i++)
		free(image[i].last);
	if (!done)
		skip(); /* no ptrace: a container without the right */
	/* Each packet changed something at least once. */
	assert_true(changes > 12);
}

static void
test_hop(void **state)
{
	run(guests_begin, work_hop);
}

static void
test_move(void **state)
{
	run(guests_begin, work_move);
}

static void
test_copy(void **state)
{
	run(guests_begin, work_copy);
}

static void
test_hop_pieces(void **state)
{
	run(guests_begin_pieces, work_hop);
}

static void
test_move_pieces(void **state)
{
	run(guests_begin_pieces, work_move);
}

static void
test_copy_pieces(void **state)
{
	run(guests_begin_pieces, work_copy_long);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hop),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_hop_pieces),
		cmocka_unit_test(test_move_pieces),
		cmocka_unit_test(test_copy_pieces),
	};

	rig_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
