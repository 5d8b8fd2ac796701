/* SPDX-License-Identifier: BSD-3-Clause */
/* See shm-rig.h. */
#include "tests/unit/shm-rig.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/packet/bell.h"
#include "src/shm/shm-keeper.h"

unsigned int rig_faults, rig_synchronized;

/* --- what the data side calls ------------------------------------------------------ */

static void
synchronize(void)
{
	__atomic_fetch_add(&rig_synchronized, 1, __ATOMIC_SEQ_CST);
}

static const struct shm_env env = {.synchronize = synchronize};
const struct shm_env *shm_env = &env;

void
shm_server_fault(struct shm_port *p)
{
	__atomic_fetch_add(&rig_faults, 1, __ATOMIC_SEQ_CST);
}

/* Descriptors that are there for who asks next. */
static struct {
	char name[SHM_KEEPER_NAME];
	int fd;
} kept[2];

int
shm_keeper_hold(const char *name, const int *fd, unsigned int n)
{
	return -ENOTCONN;
}

int
shm_keeper_get(const char *name, int fd[SHM_KEEPER_FDS])
{
	for (unsigned int i = 0; i < 2; i++) {
		if (strcmp(kept[i].name, name) != 0)
			continue;
		fd[0] = kept[i].fd;
		kept[i].name[0] = '\0';
		return 1;
	}
	return 0;
}

void
shm_keeper_drop(const char *prefix)
{
}

/* --- pools and ports ----------------------------------------------------------------- */

static char run_dir[] = "/tmp/shm-rig-XXXXXX";
static pid_t owner;

static void
clean(void)
{
	char cmd[64];

	if (getpid() != owner)
		return; /* a child of a test */
	(void)rte_eal_cleanup();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", run_dir);
	(void)!system(cmd);
}

void
rig_eal(void)
{
	/* EAL keeps the pointers and writes to argv, not to the strings. */
	const char *const args[] = {"test", "--no-huge", "--no-pci", "-m", "128", "-l", "0",
		"--no-telemetry", "--no-shconf", "--log-level=error"};
	cpu_set_t cpus;
	char *argv[16];
	int argc = 0;

	for (; argc < (int)(sizeof(args) / sizeof(args[0])); argc++)
		argv[argc] = (char *)(uintptr_t)args[argc];
	argv[argc] = NULL;
	sched_getaffinity(0, sizeof(cpus), &cpus);
	owner = getpid();
	if (!mkdtemp(run_dir) || setenv("RUNTIME_DIRECTORY", run_dir, 1) != 0 ||
		rte_eal_init(argc, argv) < 0) {
		printf("SKIP: EAL does not start here: %s\n", rte_strerror(rte_errno));
		exit(77);
	}
	(void)atexit(clean);
	/* EAL has bound this thread to its core; threads of a test want both. */
	sched_setaffinity(0, sizeof(cpus), &cpus);
	bell_init();
}

static void
guest_open(struct guest *g, struct shm_port *p)
{
	g->port = p;
	for (unsigned int q = 0; q < p->cfg.queues; q++)
		for (unsigned int k = 0; k < SHM_RING_KINDS; k++)
			g->pair[q].ring[k] = p->pair[q].ring[k].shared;
}

void
rig_guest_reset(struct guest *g)
{
	for (unsigned int q = 0; q < NETVM_PAIRS_MAX; q++)
		memset(g->pair[q].at, 0, sizeof(g->pair[q].at));
}

static uint64_t
rings_bytes(const struct shm_port_config *c)
{
	const struct netvm_device d = {.queue_pairs = c->queues,
		.rx_entries = c->rx_entries,
		.tx_entries = c->tx_entries,
		.fill_entries = c->fill_entries};

	return netvm_ring_memory(&d);
}

static struct shm_port *
port_new(struct shm_pool *pool, const struct shm_port_config *c)
{
	struct shm_port *p = aligned_alloc(64, (sizeof(*p) + 63) & ~(size_t)63);
	int owner = shm_pool_attach(pool, c->name);

	want(p != NULL);
	memset(p, 0, sizeof(*p));
	want(owner > 0);
	p->cfg = *c;
	p->pool = pool;
	p->owner = (uint8_t)owner;
	atomic_store(&p->max_frame, c->mtu + 18u);
	for (unsigned int v = 0; v < NETVM_VECTORS_MAX; v++)
		p->bell[v] = p->kick[v] = -1;
	return p;
}

static void
memory_new(struct shm_memory *m, uint64_t bytes)
{
	char err[160];

	want(shm_memory_create(m, "rig", bytes, false, -1, err, sizeof(err)) == 0);
}

void
rig_open(struct rig *rig, const struct rig_config *cfg)
{
	struct shm_pool_config pc = {.name = "blue",
		.size = 4096 + (uint64_t)cfg->buffers * cfg->buffer_size,
		.buffer_size = cfg->buffer_size,
		.numa = -1};
	char err[160] = "";

	memset(rig, 0, sizeof(*rig));
	rig->pool = shm_pool_create(&pc, err, sizeof(err));
	want(err[0] == 0);
	want(rig->pool != NULL);
	rig->ports = cfg->ports;
	for (unsigned int i = 0; i < cfg->ports; i++) {
		struct shm_port_config c = {.pool = rig->pool,
			.number = (uint16_t)(10 + i),
			.queues = (uint16_t)cfg->pairs,
			.vectors = 1,
			.rx_entries = cfg->entries,
			.tx_entries = cfg->entries,
			.fill_entries = cfg->entries,
			.quota = cfg->quota,
			.mtu = 1500};
		struct shm_port *p;

		snprintf(c.name, sizeof(c.name), "port%u", i);
		p = port_new(rig->pool, &c);
		memory_new(&p->memory, rings_bytes(&c));
		memory_new(&p->private, shm_port_book_bytes());
		p->device = (void *)p->memory.at;
		p->book = (void *)p->private.at;
		want(shm_port_rings_init(p) == 0);
		shm_port_publish(p, 0, cfg->features);
		guest_open(&rig->guest[i], p);
	}
}

static void
memory_copy(struct shm_memory *to, const struct shm_memory *from)
{
	memory_new(to, from->size);
	memcpy(to->at, from->at, from->size);
}

void
rig_resume(struct rig *next, const struct rig *rig, void (*between)(struct rig *))
{
	const struct shm_pool *pool = rig->pool;
	struct shm_memory copy[2];
	char err[160] = "";

	memset(next, 0, sizeof(*next));
	memory_copy(&copy[0], &pool->memory);
	memory_copy(&copy[1], &pool->private);
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(kept[i].name, sizeof(kept[i].name), "pool/%s/%s", pool->cfg.name,
			i == 0 ? "memory" : "book");
		kept[i].fd = dup(copy[i].fd);
		shm_memory_free(&copy[i]);
	}
	next->pool = shm_pool_create(&pool->cfg, err, sizeof(err));
	want(err[0] == 0);
	want(next->pool->resumed);
	next->ports = rig->ports;
	for (unsigned int i = 0; i < rig->ports; i++) {
		/* In another order, as a restart may have it. */
		unsigned int k = rig->ports - 1 - i;
		const struct shm_port *was = rig->guest[k].port;
		struct shm_port *p = port_new(next->pool, &was->cfg);

		memory_copy(&p->memory, &was->memory);
		memory_copy(&p->private, &was->private);
		p->device = (void *)p->memory.at;
		p->book = (void *)p->private.at;
		want(shm_port_rings_fit(p));
		want(shm_port_rings_init(p) == 0);
		next->guest[k] = rig->guest[k];
		guest_open(&next->guest[k], p);
	}
	if (between != NULL)
		between(next);
	for (unsigned int i = 0; i < rig->ports; i++) {
		const struct shm_port *was = rig->guest[i].port;

		shm_port_rings_resume(next->guest[i].port);
		shm_port_publish(next->guest[i].port, was->pairs, was->guest_features);
	}
	shm_pool_settle(next->pool);
}

void
rig_close(struct rig *rig)
{
	struct shm_pool_status st;

	shm_signal(); /* as a worker before it is quiescent */
	for (unsigned int i = 0; i < rig->ports; i++) {
		struct shm_port *p = rig->guest[i].port;

		shm_port_unpublish(p);
		shm_pool_detach(p->pool, p->owner);
		shm_port_rings_free(p);
		shm_memory_free(&p->memory);
		shm_memory_free(&p->private);
		free(p);
	}
	shm_pool_status(rig->pool, &st);
	want(st.free == st.buffers);
	want(st.guests == 0);
	shm_pool_destroy(rig->pool);
}
