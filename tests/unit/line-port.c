/* SPDX-License-Identifier: BSD-3-Clause */
/* See line-port.h. The ops run on workers and on the control thread. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/line-port.h"

static int
line_open(struct dp_port *p, const struct dp_port_config *cfg, struct dp_error *err)
{
	struct line *l = calloc(1, sizeof(*l));

	l->no_fd = strncmp(cfg->name, "timer", 5) == 0;
	l->kick_fd = eventfd(0, EFD_CLOEXEC);
	memset(l->frame, 0xff, 6);
	memset(l->frame + 6, 0, sizeof(l->frame) - 6);
	l->frame[6] = 2;
	l->frame[11] = (uint8_t)p->index;
	p->dev = l;
	p->rx_queues = cfg->queues;
	return 0;
}

static void
line_close(struct dp_port *p)
{
	struct line *l = p->dev;

	close(l->kick_fd);
	free(l);
}

static int
line_apply(struct dp_port *p, const struct dp_port_settings *s, struct dp_error *err)
{
	return 0;
}

static void
line_status(struct dp_port *p, struct dp_port_status *st)
{
	st->state = DP_PORT_UP;
}

static void
line_counters(struct dp_port *p, struct dp_port_counters *c)
{
}

static bool
line_has_work(const struct line *l)
{
	return __atomic_load_n(&l->published, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&l->taken, __ATOMIC_RELAXED);
}

static void
line_rx(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	struct line *l = p->dev;

	while (queue == 0 && line_has_work(l) && b->count < PACKET_BURST) {
		struct packet *pkt = &b->pkt[b->count];

		*pkt = (struct packet){
			.hdr = packet_burst_header(b, b->count), .hdr_len = 60, .len = 60};
		memcpy(pkt->hdr, l->frame, 60);
		b->count++;
		__atomic_store_n(&l->taken, l->taken + 1, __ATOMIC_RELAXED);
	}
}

static void
line_rx_complete(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
}

static bool
line_tx_ready(struct dp_port *p)
{
	return true;
}

static struct dp_tx_caps
line_tx_caps(struct dp_port *p)
{
	return (struct dp_tx_caps){true, true, true};
}

static uint16_t
line_tx(struct dp_port *p, uint16_t worker, struct packet *const *pkts, uint16_t n)
{
	struct line *l = p->dev;

	__atomic_fetch_add(&l->sent, n, __ATOMIC_RELEASE);
	return n;
}

static int
line_rx_fd(struct dp_port *p, uint16_t queue)
{
	struct line *l = p->dev;

	return l->no_fd ? DP_FD_TIMER : queue == 0 ? l->kick_fd : DP_FD_LATER;
}

static bool
line_rx_arm(struct dp_port *p, uint16_t queue)
{
	struct line *l = p->dev;

	if (queue != 0)
		return false; /* another worker's, and never any work */
	/* Full fence between asking and looking; pairs with line_produce(). */
	__atomic_exchange_n(&l->kick_wanted, 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&l->published, __ATOMIC_SEQ_CST) != l->taken;
}

static void
line_rx_disarm(struct dp_port *p, uint16_t queue)
{
	struct line *l = p->dev;

	if (queue == 0)
		__atomic_store_n(&l->kick_wanted, 0, __ATOMIC_RELAXED);
}

const struct dp_port_ops line_ops = {
	.name = "line",
	.full = DROP_RING_FULL,
	.open = line_open,
	.close = line_close,
	.apply = line_apply,
	.status = line_status,
	.counters = line_counters,
	.rx = line_rx,
	.rx_complete = line_rx_complete,
	.tx_ready = line_tx_ready,
	.tx_caps = line_tx_caps,
	.tx = line_tx,
	.rx_fd = line_rx_fd,
	.rx_arm = line_rx_arm,
	.rx_disarm = line_rx_disarm,
};

void
line_produce(struct line *l)
{
	uint64_t one = 1;

	__atomic_fetch_add(&l->published, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&l->kick_wanted, __ATOMIC_SEQ_CST) &&
		write(__atomic_load_n(&l->kick_fd, __ATOMIC_RELAXED), &one, sizeof(one)) < 0)
		abort();
}
