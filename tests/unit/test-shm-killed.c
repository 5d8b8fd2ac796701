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

#define SENT 5

static struct rig rig;
static uint8_t *held[RIG_PORTS]; /* by guest and buffer */
static unsigned int changes;

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

/* Each sends back what is in its rings. */
static void
guests_go_on(struct rig *r)
{
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
	/* And all goes on. */
	(void)shm_port_hop(next.guest[0].port, 0, next.guest[1].port, 64, &other);
	(void)shm_port_hop(next.guest[1].port, 0, next.guest[0].port, 64, &other);
	move(&next, 0, 1);
	rig_check(&next, (const uint8_t *const *)held);
	assert_int_equal(shm_port_violations(next.guest[0].port), 0);
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
run(void (*work)(void))
{
	const struct rig_config cfg = {.ports = 2,
		.pairs = 1,
		.entries = 64,
		.buffers = 320,
		.buffer_size = 512,
		.quota = 160};
	bool done;

	rig_open(&rig, &cfg);
	for (unsigned int i = 0; i < rig.ports; i++)
		held[i] = calloc(1, rig.pool->buffers);
	guests_begin();
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
	run(work_hop);
}

static void
test_move(void **state)
{
	run(work_move);
}

static void
test_copy(void **state)
{
	run(work_copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hop),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_copy),
	};

	rig_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
