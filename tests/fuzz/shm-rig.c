/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See shm-rig.h. What netvmd has around src/shm is here, too: an environment whose
 * workers are this thread, and a server that is told of faults.
 */
#include "tests/fuzz/shm-rig.h"

#include <errno.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rig rig;

void
rig_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz-shm: %s\n", what);
	abort();
}

/* --- what src/shm stands on ------------------------------------------------------ */

static void
synchronize(void)
{
}

static void
changed(void *user)
{
}

static void
kick_changed(void *user, uint16_t qp, int old_fd, int new_fd)
{
}

static const struct shm_env env = {
	.synchronize = synchronize,
	.changed = changed,
	.kick_changed = kick_changed,
};
const struct shm_env *shm_env = &env;

void
shm_server_fault(struct shm_port *p)
{
	rig_check(!atomic_load(&p->live), "a port with a fault is live");
}

/* --- making it --------------------------------------------------------------------- */

static void
make_pool(unsigned int i)
{
	/* Buffers of no power of two, so that a wrong product shows. */
	struct shm_pool_config cfg = {.name = {(char)('A' + i)},
		.size = 4096 + (i == 0 ? 448 : 64) * 576,
		.buffer_size = 576,
		.numa = -1};
	char err[200];

	rig.pool[i] = shm_pool_create(&cfg, err, sizeof(err));
	rig_check(rig.pool[i] != NULL, err);
}

static void
make_port(unsigned int i)
{
	struct shm_port *p = &rig.port[i];
	struct netvm_device d = {.queue_pairs = RIG_PAIRS,
		.rx_entries = RIG_ENTRIES,
		.tx_entries = RIG_ENTRIES,
		.fill_entries = RIG_ENTRIES};
	char err[200] = "";

	p->pool = rig.pool[i < RIG_HOSTILE ? 0 : 1];
	p->cfg = (struct shm_port_config){.name = {'p', (char)('0' + i)},
		.pool = p->pool,
		.number = (uint16_t)(i + 1),
		.queues = RIG_PAIRS,
		.vectors = 1,
		.rx_entries = RIG_ENTRIES,
		.tx_entries = RIG_ENTRIES,
		.fill_entries = RIG_ENTRIES,
		.mtu = 1500};
	p->owner = (uint8_t)shm_pool_attach(p->pool, p->cfg.name);
	rig_check(shm_memory_create(&p->memory, p->cfg.name, netvm_ring_memory(&d), false,
			  SHM_MEMORY_ANYWHERE, err, sizeof(err)) == 0 &&
			  shm_memory_create(&p->private, p->cfg.name, shm_port_book_bytes(), false,
				  SHM_MEMORY_ANYWHERE, err, sizeof(err)) == 0,
		err);
	p->device = (void *)p->memory.at;
	p->book = (void *)p->private.at;
	atomic_store(&p->max_frame, 1518);
	for (unsigned int v = 0; v < NETVM_VECTORS_MAX; v++) {
		atomic_store(&p->bell[v], -1);
		atomic_store(&p->kick[v], -1);
	}
	rig_check(shm_port_rings_init(p) == 0, "no memory for rings");
}

void
rig_start(void)
{
	static char args[][20] = {"fuzz-shm", "--no-huge", "--no-pci", "--no-shconf",
		"--no-telemetry", "-m", "64", "-l", "0", "--log-level=error"};
	char *argv[11];
	char dir[] = "/tmp/fuzz-shm-XXXXXX";

	rig_check(mkdtemp(dir) != NULL, "no temporary folder");
	setenv("RUNTIME_DIRECTORY", dir, 1);
	for (unsigned int i = 0; i < 10; i++)
		argv[i] = args[i];
	argv[10] = NULL;
	rig_check(rte_eal_init(10, argv) >= 0, "EAL does not start");
	for (unsigned int i = 0; i < 2; i++)
		make_pool(i);
	for (unsigned int i = 0; i < RIG_PORTS; i++)
		make_port(i);
	rig.owner = malloc(rig.pool[0]->buffers);
	rig.other[0] = malloc(rig.pool[1]->memory.size);
	for (unsigned int i = 0; i < 2; i++)
		rig.other[1 + i] = malloc(rig.port[RIG_HOSTILE + i].memory.size);
}

void
rig_open(unsigned int port, uint16_t pairs, uint32_t features)
{
	struct shm_port *p = &rig.port[port];

	shm_port_unpublish(p);
	shm_port_reclaim(p);
	shm_port_rings_reset(p);
	shm_port_publish(p, pairs, features);
	/* Its first poll fills FILL, so that the guest has buffers to send. */
	for (uint16_t q = 0; q < p->pairs; q++)
		shm_port_rx(p, q, &rig.burst);
}

/* --- what must hold ------------------------------------------------------------------ */

void
rig_before(void)
{
	memcpy(rig.owner, rig.pool[0]->owner, rig.pool[0]->buffers);
}

void
rig_after(int from, int to)
{
	const struct shm_pool *pool = rig.pool[0];
	uint8_t sender = from >= 0 && from < RIG_HOSTILE ? rig.port[from].owner : SHM_HOST;
	uint8_t target = to >= 0 && to < RIG_HOSTILE ? rig.port[to].owner : SHM_HOST;

	for (uint32_t i = 0; i < pool->buffers; i++) {
		uint8_t was = rig.owner[i], is = pool->owner[i];

		if (was == is)
			continue;
		rig_check(was == SHM_HOST || was == sender,
			"a buffer was taken from who did not send it");
		/* FILL of the sender's. */
		rig_check(is == SHM_HOST || is == target || is == sender,
			"a buffer was given to who does not get packets");
	}
}

static const struct shm_memory *
other_memory(unsigned int i)
{
	return i == 0 ? &rig.pool[1]->memory : &rig.port[RIG_HOSTILE + i - 1].memory;
}

void
rig_note_other(void)
{
	for (unsigned int i = 0; i < 3; i++)
		memcpy(rig.other[i], other_memory(i)->at, other_memory(i)->size);
}

void
rig_other_is_untouched(void)
{
	for (unsigned int i = 0; i < 3; i++)
		rig_check(memcmp(rig.other[i], other_memory(i)->at, other_memory(i)->size) == 0,
			"the other group's memory was written to");
}

static bool
in_pool(const struct shm_pool *pool, const uint8_t *at, uint32_t len)
{
	const uint8_t *end = pool->buffer0 + (size_t)pool->buffers * pool->buffer_size;
	uint64_t offset = (uint64_t)(at - pool->buffer0);

	return at >= pool->buffer0 && at + len <= end &&
	       offset / pool->buffer_size == (offset + len - 1) / pool->buffer_size;
}

void
rig_check_views(const struct shm_pool *pool)
{
	static volatile uint8_t sink;

	rig_check(rig.burst.count <= PACKET_BURST && rig.burst.nseg <= PACKET_SEGS_MAX,
		"a burst is too large");
	for (unsigned int i = 0; i < rig.burst.count; i++) {
		const struct packet *p = &rig.burst.pkt[i];
		uint32_t len = p->hdr_len + p->rest_len;

		rig_check(p->hdr == packet_burst_header(&rig.burst, i), "a header is not private");
		rig_check(p->hdr_len >= PACKET_LEN_MIN && p->hdr_len <= PACKET_HEADER_MAX,
			"a header's length is wrong");
		for (uint32_t k = 0; k < p->hdr_len; k++)
			sink = p->hdr[k];
		rig_check(p->rest_len == 0 || in_pool(pool, p->rest, p->rest_len),
			"a view leaves its buffer");
		for (uint32_t s = 0; s < p->nmore; s++) {
			rig_check(p->more[s].len != 0 &&
					  in_pool(pool, p->more[s].data, p->more[s].len),
				"a view's segment leaves its buffer");
			len += p->more[s].len;
		}
		rig_check(len == p->len && len <= PACKET_LEN_MAX, "a view's length is wrong");
	}
	(void)sink;
}

static void
count(struct shm_pool *pool)
{
	struct rte_mbuf **all = calloc(pool->buffers, sizeof(struct rte_mbuf *));
	uint8_t *seen = calloc(1, pool->buffers);

	rte_mempool_cache_flush(NULL, pool->mempool);
	rig_check(rte_mempool_avail_count(pool->mempool) == pool->buffers, "a buffer is lost");
	rig_check(rte_mempool_get_bulk(pool->mempool, (void **)all, pool->buffers) == 0,
		"a buffer is lost");
	for (uint32_t i = 0; i < pool->buffers; i++) {
		uint32_t buffer = shm_buffer_of_mbuf(pool, all[i]);

		rig_check(buffer < pool->buffers && !seen[buffer], "a buffer is free twice");
		rig_check(pool->owner[buffer] == SHM_HOST, "a free buffer has an owner");
		rig_check(all[i]->next == NULL && all[i]->nb_segs == 1 &&
				  rte_mbuf_refcnt_read(all[i]) == 1,
			"a free buffer's mbuf is not as it was");
		seen[buffer] = 1;
	}
	rte_mempool_put_bulk(pool->mempool, (void **)all, pool->buffers);
	free(all);
	free(seen);
}

void
rig_end(void)
{
	while (rig.nlent != 0)
		packet_loan_return(rig.lent[--rig.nlent]);
	for (unsigned int i = 0; i < RIG_PORTS; i++) {
		struct shm_port *p = &rig.port[i];

		shm_port_unpublish(p);
		for (uint16_t q = 0; q < RIG_PAIRS; q++) {
			shm_port_rx_complete(p, q, &rig.burst);
			rig_check(!shm_port_rx_held(p, q), "a loan is not taken back");
		}
		shm_port_reclaim(p);
		shm_port_rings_reset(p);
	}
	count(rig.pool[0]);
	count(rig.pool[1]);
}
