/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small netvmd around src/shm; see shm-host.h.
 */
#include "tests/unit/shm-host.h"

#include <dirent.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct host host;
char host_err[320];

static struct shm_port *_Atomic served[HOST_PORTS];
static uint16_t queues[HOST_PORTS]; /* of them; written before they are served */
static _Atomic uint64_t rounds;     /* the worker's quiescent states */
static _Atomic bool quit;
static _Atomic unsigned int kicks;
static pthread_t worker;
static bool own_dir;

int64_t
host_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

unsigned int
host_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

unsigned int
host_kicks(void)
{
	return atomic_load_explicit(&kicks, memory_order_relaxed);
}

/* --- the worker ------------------------------------------------------------------- */

static void
forward(struct shm_port *from, struct shm_port *to, uint16_t queues)
{
	static struct packet_burst b;

	for (uint16_t qp = 0; qp < queues; qp++) {
		struct packet *pkts[PACKET_BURST];
		uint16_t n;

		shm_port_rx(from, qp, &b);
		/* Not before: a guest may send when it has seen the other side come up. */
		n = to ? shm_port_tx_queues(to) : 0;
		for (uint16_t i = 0; i < b.count; i++)
			pkts[i] = &b.pkt[i];
		if (b.count > 0 && n > 0)
			shm_port_tx(to, qp % n, pkts, b.count);
		shm_port_rx_complete(from, qp, &b);
		/* As an adaptive worker does around a sleep. */
		if (b.count == 0 && !shm_port_rx_arm(from, qp))
			shm_port_rx_disarm(from, qp);
		shm_signal();
	}
}

static void *
work(void *unused)
{
	while (!atomic_load_explicit(&quit, memory_order_acquire)) {
		struct shm_port *p[HOST_PORTS];

		for (unsigned int i = 0; i < HOST_PORTS; i++)
			p[i] = atomic_load_explicit(&served[i], memory_order_acquire);
		for (unsigned int i = 0; i < HOST_PORTS; i++) {
			if (p[i])
				forward(p[i], p[i ^ 1], queues[i]);
		}
		atomic_fetch_add_explicit(&rounds, 1, memory_order_acq_rel);
		sched_yield();
	}
	return NULL;
}

static void
synchronize(void)
{
	uint64_t now = atomic_load_explicit(&rounds, memory_order_acquire);

	/* The round that runs now has begun before; the next one has not. */
	while (atomic_load_explicit(&rounds, memory_order_acquire) < now + 2 &&
		!atomic_load_explicit(&quit, memory_order_acquire))
		sched_yield();
}

static void
kick_changed(void *user, uint16_t qp, int old_fd, int new_fd)
{
	atomic_fetch_add_explicit(&kicks, 1, memory_order_relaxed);
}

static pthread_mutex_t warned = PTHREAD_MUTEX_INITIALIZER;
static char warning[400];
static unsigned int warnings;

static void
warn(const char *sentence)
{
	pthread_mutex_lock(&warned);
	snprintf(warning, sizeof(warning), "%s", sentence);
	warnings++;
	pthread_mutex_unlock(&warned);
}

unsigned int
host_warnings(void)
{
	unsigned int n;

	pthread_mutex_lock(&warned);
	n = warnings;
	pthread_mutex_unlock(&warned);
	return n;
}

bool
host_wait_warning(const char *word, char text[400])
{
	for (int64_t end = host_ms() + 20000; host_ms() < end; usleep(500)) {
		pthread_mutex_lock(&warned);
		memcpy(text, warning, sizeof(warning));
		pthread_mutex_unlock(&warned);
		if (strstr(text, word))
			return true;
	}
	return false;
}

static void
serve(unsigned int i, struct shm_port *p)
{
	atomic_store_explicit(&served[i], p, memory_order_release);
	if (!p)
		synchronize();
}

/* --- begin and end ------------------------------------------------------------------ */

static bool
eal(void)
{
	char prefix[64];
	const char *argv[] = {"test", "--no-huge", "--no-pci", "-m", "128", "--lcores", "0@0",
		"--no-telemetry", "--log-level", "lib.eal:error", "--file-prefix", prefix};
	static bool started;

	if (started)
		return true;
	snprintf(prefix, sizeof(prefix), "netvm-shm-%d", (int)getpid());
	started = rte_eal_init(sizeof(argv) / sizeof(argv[0]), (char **)(uintptr_t)argv) >= 0;
	if (!started)
		fprintf(stderr, "EAL: %s\n", rte_strerror(rte_errno));
	return started;
}

bool
host_start(const char *dir)
{
	static const struct shm_env env = {
		.synchronize = synchronize,
		.kick_changed = kick_changed,
		.warn = warn,
	};

	if (!eal())
		return false;
	memset(&host, 0, sizeof(host));
	own_dir = dir == NULL;
	snprintf(host.dir, sizeof(host.dir), "%s", dir ? dir : "/tmp/netvm-shm-XXXXXX");
	if (own_dir && !mkdtemp(host.dir))
		return false;
	snprintf(host.shm, sizeof(host.shm), "%s/shm", host.dir);
	for (unsigned int i = 0; i < HOST_PORTS; i++)
		snprintf(host.name[i], sizeof(host.name[i]), "p%u", i);
	if (shm_init(&env, host.dir, host_err, sizeof(host_err)) != 0) {
		fprintf(stderr, "shm_init: %s\n", host_err);
		return false;
	}
	atomic_store(&quit, false);
	return pthread_create(&worker, NULL, work, NULL) == 0;
}

bool
host_pool(uint64_t size)
{
	struct shm_pool_config cfg = {
		.name = "blue",
		.size = size ? size : 4 << 20,
		.buffer_size = 2048,
		.numa = -1,
	};

	host.pool = shm_pool_create(&cfg, host_err, sizeof(host_err));
	if (!host.pool)
		fprintf(stderr, "pool: %s\n", host_err);
	return host.pool != NULL;
}

struct shm_port_config
host_config(unsigned int i)
{
	struct shm_port_config cfg = {
		.pool = host.pool,
		.number = (uint16_t)i,
		.queues = 1,
		.vectors = 1,
		.rx_entries = 256,
		.tx_entries = 256,
		.fill_entries = 128,
		.mtu = 1500,
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
		.mode = 0600,
	};

	snprintf(cfg.name, sizeof(cfg.name), "%s", host.name[i]);
	return cfg;
}

struct shm_port *
host_port(unsigned int i, const struct shm_port_config *cfg)
{
	struct shm_port_config usual = host_config(i);

	host.port[i] = shm_port_create(cfg ? cfg : &usual, host_err, sizeof(host_err));
	queues[i] = (cfg ? cfg : &usual)->queues;
	if (host.port[i])
		serve(i, host.port[i]);
	return host.port[i];
}

void
host_port_gone(unsigned int i)
{
	if (!host.port[i])
		return;
	serve(i, NULL);
	shm_port_destroy(host.port[i]);
	host.port[i] = NULL;
}

bool
host_pool_gone(void)
{
	struct shm_pool_status st;

	shm_pool_status(host.pool, &st);
	shm_pool_destroy(host.pool);
	host.pool = NULL;
	if (st.free == st.buffers && st.guests == 0)
		return true;
	fprintf(stderr, "%u of %u buffers are free, guests have %u\n", st.free, st.buffers,
		st.guests);
	return false;
}

bool
host_stop(void)
{
	char path[128];
	bool ok = true;

	for (unsigned int i = 0; i < HOST_PORTS; i++)
		host_port_gone(i);
	if (host.pool)
		ok = host_pool_gone();
	atomic_store(&quit, true);
	pthread_join(worker, NULL);
	shm_stop();
	if (own_dir) {
		/* The keeper takes its name away when it ends. */
		snprintf(path, sizeof(path), "%s/keeper.sock", host.dir);
		for (unsigned int i = 0; i < 2000 && access(path, F_OK) == 0; i++)
			usleep(5000);
		ok = rmdir(host.shm) == 0 && rmdir(host.dir) == 0 && ok;
	}
	return ok;
}

/* --- what a port is -------------------------------------------------------------------- */

struct shm_port_status
host_status(unsigned int i)
{
	struct shm_port_status st;

	shm_port_status(host.port[i], &st);
	return st;
}

bool
host_wait(unsigned int i, enum shm_port_state state)
{
	for (int64_t end = host_ms() + 20000; host_ms() < end; usleep(500)) {
		if (host_status(i).state == state)
			return true;
	}
	return false;
}

bool
host_wait_owned(unsigned int i, uint32_t owned)
{
	for (int64_t end = host_ms() + 20000; host_ms() < end; usleep(500)) {
		if (host_status(i).owned == owned)
			return true;
	}
	return false;
}
