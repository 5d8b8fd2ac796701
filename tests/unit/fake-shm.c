/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake-shm.h. The test's thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-shm.h"

#define PORTS 8

struct shm_pool {
	struct shm_pool_config cfg;
	uint32_t ports;
};

struct shm_port {
	struct fake_shm f;
	bool used;
};

static struct shm_port ports[PORTS];
static unsigned int pools, signals, starts;
static uint32_t stuck;
static bool refuse;

struct fake_shm *
fake_shm_port(const char *name)
{
	for (unsigned int i = 0; i < PORTS; i++)
		if (ports[i].used && strcmp(ports[i].f.cfg.name, name) == 0)
			return &ports[i].f;
	return NULL;
}

void
fake_shm_send(const char *name, uint16_t n, uint8_t action, uint16_t out)
{
	struct fake_shm *f = fake_shm_port(name);

	f->queued = n;
	f->action = action;
	f->out = out;
}

unsigned int
fake_shm_pools(void)
{
	return pools;
}

unsigned int
fake_shm_signals(void)
{
	return signals;
}

unsigned int
fake_shm_starts(void)
{
	return starts;
}

void
fake_shm_stuck(uint32_t n)
{
	stuck = n;
}

void
fake_shm_refuse_pool(void)
{
	refuse = true;
}

/* --- pools --------------------------------------------------------------- */

struct shm_pool *
shm_pool_create(const struct shm_pool_config *cfg, char *err, size_t errlen)
{
	struct shm_pool *p = refuse ? NULL : calloc(1, sizeof(*p));

	refuse = false;
	if (p == NULL) {
		snprintf(err, errlen, "group %s: the test refuses it", cfg->name);
		errno = ENOMEM;
		return NULL;
	}
	p->cfg = *cfg;
	pools++;
	return p;
}

void
shm_pool_destroy(struct shm_pool *p)
{
	pools--;
	free(p);
}

void
shm_pool_settle(struct shm_pool *p)
{
}

void
shm_pool_status(struct shm_pool *p, struct shm_pool_status *st)
{
	uint32_t n = (uint32_t)(p->cfg.size / p->cfg.buffer_size);

	*st = (struct shm_pool_status){.size = p->cfg.size,
		.page = 4096,
		.buffers = n,
		.buffer_size = p->cfg.buffer_size,
		.free = n - stuck,
		.ports = p->ports};
}

void
shm_pool_memory(const struct shm_pool *p, void **at, uint64_t *len, uint64_t *page)
{
	*at = NULL;
	*len = *page = 0;
}

uint32_t
shm_pool_reach(const struct shm_pool *p)
{
	return 0;
}

void
shm_pool_set_reach(struct shm_pool *p, uint32_t reach)
{
}

struct rte_mempool *
shm_pool_mempool(struct shm_pool *p)
{
	return NULL;
}

/* --- ports --------------------------------------------------------------- */

void
shm_settle(bool (*exists)(const char *kind, const char *name, void *user), void *user)
{
}

void
shm_discard(const char *run_dir)
{
}

int
shm_init(const struct shm_env *env, const char *run_dir, char *err, size_t errlen)
{
	starts++;
	return 0;
}

void
shm_stop(void)
{
	starts--;
}

struct shm_port *
shm_port_create(const struct shm_port_config *cfg, char *err, size_t errlen)
{
	unsigned int i = 0;

	while (i < PORTS && ports[i].used)
		i++;
	if (i == PORTS) {
		snprintf(err, errlen, "port %s: the test has no more", cfg->name);
		errno = ENOSPC;
		return NULL;
	}
	ports[i] = (struct shm_port){.used = true, .f.cfg = *cfg};
	ports[i].f.status.state = SHM_UP;
	ports[i].f.status.queues = cfg->queues;
	cfg->pool->ports++;
	return &ports[i];
}

void
shm_port_destroy(struct shm_port *p)
{
	p->f.cfg.pool->ports--;
	p->used = false;
}

int
shm_port_enable(struct shm_port *p, bool on, char *err, size_t errlen)
{
	p->f.cfg.disabled = !on;
	return 0;
}

void
shm_port_set_mtu(struct shm_port *p, uint16_t mtu)
{
	p->f.cfg.mtu = mtu;
}

void
shm_port_status(struct shm_port *p, struct shm_port_status *st)
{
	*st = p->f.status;
}

struct shm_pool *
shm_port_pool(struct shm_port *p)
{
	return p->f.cfg.pool;
}

/* --- workers ------------------------------------------------------------- */

void
shm_port_rx(struct shm_port *p, uint16_t qp, struct packet_burst *b)
{
	for (; qp == 0 && p->f.queued != 0 && b->count < PACKET_BURST; p->f.queued--) {
		struct packet *pkt = &b->pkt[b->count];

		*pkt = (struct packet){.hdr = packet_burst_header(b, b->count),
			.hdr_len = 60,
			.len = 60,
			.action = p->f.action,
			.out = p->f.out};
		if (p->f.as != NULL) {
			uint8_t *hdr = pkt->hdr;

			*pkt = *p->f.as;
			pkt->hdr = memcpy(hdr, p->f.as->hdr, pkt->hdr_len);
			pkt->action = p->f.action;
			pkt->out = p->f.out;
			b->count++;
			continue;
		}
		memset(pkt->hdr, 0, 60);
		memset(pkt->hdr, 0xff, 6);
		pkt->hdr[6] = 2;
		pkt->hdr[11] = (uint8_t)p->f.source;
		b->count++;
	}
}

void
shm_port_rx_complete(struct shm_port *p, uint16_t qp, struct packet_burst *b)
{
}

bool
shm_port_rx_held(struct shm_port *p, uint16_t qp)
{
	return false;
}

uint16_t
shm_port_tx_queues(struct shm_port *p)
{
	return p->f.status.state == SHM_UP ? p->f.status.queues : 0;
}

void
shm_port_tx_caps(struct shm_port *p, bool *csum, bool *tso4, bool *tso6)
{
	*csum = *tso4 = *tso6 = true;
}

uint16_t
shm_port_tx(struct shm_port *p, uint16_t queue, struct packet *const *pkts, uint16_t n)
{
	p->f.sent += n;
	return n;
}

uint16_t
shm_port_hop(struct shm_port *p, uint16_t qp, struct shm_port *to, uint16_t max, bool *other)
{
	uint16_t n = p->f.queued < max ? p->f.queued : max;

	*other = p->f.action != PACKET_NEXT && p->f.queued != 0;
	if (*other || qp != 0)
		return 0;
	p->f.queued -= n;
	to->f.hops += n;
	return n;
}

void
shm_signal(void)
{
	signals++;
}

bool
shm_port_rx_arm(struct shm_port *p, uint16_t qp)
{
	p->f.armed = true;
	return false;
}

void
shm_port_rx_disarm(struct shm_port *p, uint16_t qp)
{
	p->f.armed = false;
}

int
shm_port_kick_fd(struct shm_port *p, uint16_t qp)
{
	return SHM_KICK_TIMER - 1;
}

void
shm_port_counters(struct shm_port *p, uint16_t qp, struct queue_counters *c)
{
	*c = (struct queue_counters){.tx_packets = p->f.sent + p->f.hops};
}

void
shm_port_drops(struct shm_port *p, uint64_t drop[DROP_REASONS])
{
}

void
shm_resume(void)
{
}
