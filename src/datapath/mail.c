/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of guests on their way to the control thread; see mail.h.
 *
 * Theory of operation. A box is a ring of slots. Several workers may serve a port's
 * queue pairs, so they take turns (one copy of 1 KiB at most); the control thread
 * takes no lock, it only moves `tail`. A rate bounds how often it is woken, the
 * slots how much waits. Nothing in a message is looked at here but what says that it
 * is one, and how long: its type is the control thread's affair.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_pause.h>

#include "src/datapath/bucket.h"
#include "src/datapath/mail.h"

#define SLOTS NETVM_TELL_BURST /* a power of two */

_Static_assert((SLOTS & (SLOTS - 1)) == 0, "indices wrap");
_Static_assert(NETVM_PORT_MANAGER >= DP_PORTS_MAX, "no port has this number");
_Static_assert(NETVM_MESSAGE_HEAD <= PACKET_HEADER_MAX, "the head is private");

struct mailbox {
	struct bucket rate;
	atomic_flag lock; /* of workers */
	_Atomic uint32_t head, tail;
	struct dp_message slot[SLOTS];
};

struct mailbox *
mailbox_new(void)
{
	static const struct bucket_limit limit = {
		.rate = NETVM_TELL_RATE, .weight = 1, .unit_max = 1, .burst = NETVM_TELL_BURST};
	struct mailbox *m = calloc(1, sizeof(*m));

	if (m != NULL)
		bucket_set(&m->rate, &limit);
	return m;
}

void
mailbox_free(struct dp_port *p)
{
	free(p->mailbox);
	p->mailbox = NULL;
}

/* Bytes of data; -1: it is no message. The head is the view's private copy. */
static int
message_length(const struct packet *p)
{
	static const uint8_t type[] = {0x88, 0xb5, 'N', 'V', 'M', 'S'};
	uint32_t n;

	if (p->len < NETVM_MESSAGE_HEAD || memcmp(p->hdr + 12, type, sizeof(type)) != 0)
		return -1;
	n = (uint32_t)p->hdr[18] << 8 | p->hdr[19];
	return n > NETVM_MESSAGE_MAX || n > p->len - NETVM_MESSAGE_HEAD ? -1 : (int)n;
}

static bool
put(struct mailbox *m, uint64_t now, const struct packet *p, uint16_t n)
{
	static const uint32_t one = 1;
	uint32_t head = atomic_load_explicit(&m->head, memory_order_relaxed);
	struct dp_message *to = &m->slot[head % SLOTS];

	/* Acquire, pairs with dp_port_message(): the slot was read before. */
	if (head - atomic_load_explicit(&m->tail, memory_order_acquire) >= SLOTS ||
		bucket_admit(&m->rate, now, &one, 1) == 0)
		return false;
	to->length = n;
	packet_copy_out(p, NETVM_MESSAGE_HEAD, to->data, n);
	/* Release, pairs with dp_port_message(). */
	atomic_store_explicit(&m->head, head + 1, memory_order_release);
	return true;
}

void
mail_put(struct worker *w, struct dp_port *p, const struct packet *frame)
{
	struct mailbox *m = p->mailbox;
	int n = message_length(frame);
	bool taken;

	if (m == NULL || n < 0) {
		worker_drop(w, p, DROP_MESSAGE, 1);
		return;
	}
	/* Acquire, pairs with the release below. */
	while (atomic_flag_test_and_set_explicit(&m->lock, memory_order_acquire))
		rte_pause();
	taken = put(m, w->now, frame, (uint16_t)n);
	atomic_flag_clear_explicit(&m->lock, memory_order_release);
	if (taken)
		dp_port_changed(p);
	else
		worker_drop(w, p, DROP_MESSAGE, 1);
}

bool
dp_port_message(struct dp_port *p, struct dp_message *to)
{
	struct mailbox *m = p->mailbox;
	const struct dp_message *from;
	uint32_t tail;

	if (m == NULL)
		return false;
	tail = atomic_load_explicit(&m->tail, memory_order_relaxed);
	/* Acquire, pairs with put(). */
	if (tail == atomic_load_explicit(&m->head, memory_order_acquire))
		return false;
	from = &m->slot[tail % SLOTS];
	to->length = from->length;
	memcpy(to->data, from->data, from->length);
	/* Release, pairs with put(). */
	atomic_store_explicit(&m->tail, tail + 1, memory_order_release);
	return true;
}
