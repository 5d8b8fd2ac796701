/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon is killed at every instruction. A child runs a packed ring in shared
 * memory, one instruction at a time (ptrace). Whenever it has changed anything
 * there, we take a copy of what a kill would leave now, resume the ring in the
 * copy as the next daemon does, and look at it as the driver does: no buffer is
 * lost, none comes back twice, none out of order. Twice for each copy: the driver
 * has slept meanwhile, or it went on and filled anew what it got back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/virtio_config.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vhost/vring.h"

#define SIZE   13 /* slots; no power of two, and it is gone over */
#define ROOM   96 /* bytes for each slot's part of a buffer */
#define FRAME  60
#define HDR    12
#define GPA    0x10000
#define AVAIL  (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED   (1u << VRING_PACKED_DESC_F_USED)
#define FIRST2 100 /* number of the first frame that the second daemon sends */

/* What outlives the daemon: the guest's memory and the mapped file. */
struct shared {
	struct vring_packed_desc slot[SIZE];
	struct vring_packed_desc_event driver, device;
	struct vring_position position;
	uint8_t room[SIZE][ROOM];
};

/* The driver. Buffers come back in the order in which they were posted. */
struct driver {
	struct shared *s;
	bool receive;
	vring_place next, used;
	unsigned int free;
	uint32_t posted, back; /* buffers; buffer n has ID n % SIZE */
	uint8_t ndesc[SIZE];
	uint32_t frames; /* received */
	uint32_t parts;  /* buffers that the frame under way still has to have */
};

static struct shared *shared;
static unsigned int changes;

/* --- the driver ----------------------------------------------------------- */

static uint16_t
avail_flags(vring_place at)
{
	return at & VRING_PLACE_WRAP ? AVAIL : USED;
}

static void
post(struct driver *d, unsigned int ndesc)
{
	vring_place at = d->next;
	uint32_t n = d->posted++;

	d->ndesc[n % SIZE] = (uint8_t)ndesc;
	d->free -= ndesc;
	for (unsigned int i = 0; i < ndesc; i++) {
		unsigned int slot = at & VRING_PLACE_SLOT;
		uint32_t len = d->receive || ndesc == 1 ? ROOM : i == 0 ? HDR : FRAME;

		if (!d->receive) {
			memset(d->s->room[slot], 0, ROOM);
			memcpy(d->s->room[slot] + (ndesc == 1      ? HDR + 20
							  : i == 1 ? 20
								   : 0),
				&n, ndesc == 1 || i == 1 ? sizeof(n) : 0);
		}
		d->s->slot[slot] = (struct vring_packed_desc){
			.addr = GPA + offsetof(struct shared, room) + slot * ROOM,
			.len = len,
			.id = (uint16_t)(n % SIZE),
			.flags =
				(uint16_t)(avail_flags(at) | (d->receive ? VRING_DESC_F_WRITE : 0) |
					   (i + 1 < ndesc ? VRING_DESC_F_NEXT : 0))};
		at = vring_place_add(at, 1, SIZE);
	}
	d->next = at;
}

static void
fill(struct driver *d)
{
	unsigned int ndesc;

	while ((ndesc = d->receive ? 1 : 1 + d->posted % 3) <= d->free)
		post(d, ndesc);
}

/* A buffer of a received frame: frames are numbered from `frames` on, each part
 * comes with the others. */
static void
look(struct driver *d, unsigned int slot, uint32_t len)
{
	uint32_t number;
	uint16_t parts;

	if (d->parts != 0) {
		d->parts--;
		return;
	}
	assert_true(len >= HDR);
	memcpy(&parts, d->s->room[slot] + 10, sizeof(parts));
	memcpy(&number, d->s->room[slot] + HDR + 20, sizeof(number));
	assert_int_equal(len, parts == 1 ? HDR + FRAME : ROOM);
	if (d->frames < FIRST2 && number == FIRST2)
		d->frames = FIRST2;
	assert_int_equal(number, d->frames++);
	d->parts = parts - 1u;
}

static void
reap(struct driver *d)
{
	for (;;) {
		unsigned int slot = d->used & VRING_PLACE_SLOT;
		struct vring_packed_desc u = d->s->slot[slot];
		uint16_t want = d->used & VRING_PLACE_WRAP ? AVAIL | USED : 0;

		if (d->back == d->posted || (u.flags & (AVAIL | USED)) != want)
			break;
		assert_int_equal(u.id, d->back % SIZE);
		if (d->receive)
			look(d, slot, u.len);
		d->free += d->ndesc[u.id];
		d->used = vring_place_add(d->used, d->ndesc[u.id], SIZE);
		d->back++;
	}
	assert_int_equal(d->parts, 0);
}

/* --- the daemon ----------------------------------------------------------- */

static struct guest_mem memory;

static void
run_ring(struct vring_queue *vq, struct shared *s, vring_place at)
{
	struct vring_config cfg = {
		.slot = s->slot,
		.driver_event = &s->driver,
		.device_event = &s->device,
		.mem = &memory,
		.size = SIZE,
		.features = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_RING_PACKED |
			    1ull << VIRTIO_NET_F_MRG_RXBUF,
		.base = at,
		.used_at = at,
		.position = &s->position,
	};

	memory = (struct guest_mem){0};
	assert_int_equal(guest_mem_add(&memory, GPA, sizeof(*s), s), 0);
	memset(vq, 0, sizeof(*vq));
	assert_int_equal(vring_setup(vq, &cfg), 0);
}

static uint32_t
number_of(const struct packet *p)
{
	uint32_t n;

	memcpy(&n, p->hdr + 20, sizeof(n));
	return n;
}

/* Takes and completes what is there; frames have to be numbered from first on. */
static void
take(struct vring_queue *vq, uint32_t first, unsigned int bursts)
{
	static struct packet_burst b;

	while (bursts-- > 0) {
		vring_dequeue(vq, &b, 3);
		for (unsigned int i = 0; i < b.count; i++)
			assert_int_equal(number_of(&b.pkt[i]), first++);
		vring_complete(vq);
	}
}

/* Sends n frames in one burst; every third needs two buffers. */
static uint16_t
put(struct vring_queue *vq, uint32_t first, unsigned int n)
{
	static uint8_t header[3][PACKET_HEADER_MAX];
	struct packet p[3], *list[3];

	for (unsigned int i = 0; i < n; i++) {
		uint32_t number = first + i;

		memcpy(header[i] + 20, &number, sizeof(number));
		p[i] = (struct packet){.hdr = header[i],
			.hdr_len = FRAME,
			.len = FRAME,
			.rest = header[i],
			.more = NULL};
		if (number % 3 == 2)
			p[i].len = p[i].hdr_len = PACKET_HEADER_MAX;
		list[i] = &p[i];
	}
	return vring_enqueue(vq, list, (uint16_t)n);
}

/* --- kills ---------------------------------------------------------------- */

static struct driver at_start;

/* The next daemon, and the driver's view of it. */
static void
resume(bool driver_went_on)
{
	static struct shared copy;
	static struct vring_queue vq;
	struct driver d = at_start;

	memcpy(&copy, shared, sizeof(copy));
	d.s = &copy;
	if (driver_went_on) {
		reap(&d);
		fill(&d);
	}
	assert_true(vring_position_recover(&copy.position, copy.slot, SIZE));
	/* And a daemon that is killed before it has done anything. */
	assert_true(vring_position_recover(&copy.position, copy.slot, SIZE));
	reap(&d);
	/* The daemon and the driver agree about what was given back. */
	assert_int_equal(copy.position.at, d.used);
	if (d.used != VRING_PLACE_START)
		assert_false(vring_packed_is_fresh(copy.slot, SIZE));
	run_ring(&vq, &copy, copy.position.at);
	if (d.receive) {
		for (uint32_t n = FIRST2; put(&vq, n, 1) == 1; n++)
			;
	} else {
		take(&vq, d.back, SIZE);
	}
	reap(&d);
	/* A frame may need two buffers where one is left. */
	if (d.receive)
		assert_true(d.free >= SIZE - 1);
	else
		assert_int_equal(d.back, d.posted);
}

static void
on_change(void)
{
	resume(false);
	resume(true);
	changes++;
}

/* Runs work in a child, instruction by instruction. False: not allowed here. */
static bool
kill_everywhere(void (*work)(void))
{
	static struct shared last;
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
	memcpy(&last, shared, sizeof(last));
	changes = 0;
	for (;;) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			break;
		if (memcmp(&last, shared, sizeof(last)) != 0) {
			memcpy(&last, shared, sizeof(last));
			on_change();
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
begin(bool receive, vring_place start)
{
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	/* A ring that has run before: slots below start are of this round, used. */
	for (unsigned int i = 0; i < SIZE; i++)
		shared->slot[i].flags = i < (start & VRING_PLACE_SLOT) ? AVAIL | USED : 0;
	vring_position_set(&shared->position, start, 0);
	at_start = (struct driver){
		.s = shared, .receive = receive, .next = start, .used = start, .free = SIZE};
	fill(&at_start);
}

static struct vring_queue running;

static void
work_take(void)
{
	run_ring(&running, shared, at_start.used);
	take(&running, 0, 3);
}

static void
work_put(void)
{
	run_ring(&running, shared, at_start.used);
	(void)put(&running, 0, 2);
	(void)put(&running, 2, 3);
	(void)put(&running, 5, 3);
}

static void
end(bool done)
{
	munmap(shared, sizeof(*shared));
	if (!done)
		skip(); /* no ptrace: a container without the right */
	/* Each packet changed something at least once. */
	assert_true(changes > 12);
}

/* A ring that has run, and whose buffers go over its end; and a new one. */
static const vring_place starts[] = {VRING_PLACE_WRAP | 9, VRING_PLACE_START};

static void
test_transmit(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		begin(false, starts[i]);
		assert_int_equal(at_start.posted, 7);
		end(kill_everywhere(work_take));
	}
}

static void
test_receive(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		begin(true, starts[i]);
		assert_int_equal(at_start.posted, SIZE);
		end(kill_everywhere(work_put));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_receive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
