/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ports and their worker, without a test framework: see vhost-rig.h. A
 * broken promise of vhost/ is abort().
 */
#include "tests/unit/vhost-rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct harness harness;

static struct vhost_port *_Atomic attached[HARNESS_PORTS];
static _Atomic uint64_t loops; /* the worker's quiescent states */
static _Atomic bool quit;
/* The test asks the worker to stand aside, and it does. */
static _Atomic bool taken, aside;
static _Atomic unsigned int kicks;
static pthread_t worker;
static struct sigaction sigbus;

int64_t
harness_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
forward(struct vhost_port *from, struct vhost_port *to)
{
	static struct packet_burst b;

	for (uint16_t qp = 0; qp < VHOST_QUEUE_PAIRS_MAX; qp++) {
		struct packet *pkts[PACKET_BURST];
		uint16_t n = to ? vhost_port_tx_queues(to) : 0;

		vhost_port_rx(from, qp, &b);
		for (uint16_t i = 0; i < b.count; i++)
			pkts[i] = &b.pkt[i];
		if (b.count > 0 && n > 0)
			vhost_port_tx(to, qp % n, pkts, b.count);
		/* As an adaptive worker does around a sleep. */
		if (b.count == 0 && !vhost_port_rx_arm(from, qp))
			vhost_port_rx_disarm(from, qp);
		vhost_port_rx_complete(from, qp);
		vhost_signal();
	}
}

static void *
work(void *arg)
{
	while (!atomic_load_explicit(&quit, memory_order_acquire)) {
		struct vhost_port *p[HARNESS_PORTS];

		while (atomic_load_explicit(&taken, memory_order_acquire)) {
			atomic_store_explicit(&aside, true, memory_order_release);
			sched_yield();
		}
		atomic_store_explicit(&aside, false, memory_order_release);
		for (unsigned int i = 0; i < HARNESS_PORTS; i++)
			p[i] = atomic_load_explicit(&attached[i], memory_order_acquire);
		for (unsigned int i = 0; i < HARNESS_PORTS; i++) {
			if (p[i])
				forward(p[i], p[i ^ 1]);
		}
		atomic_fetch_add_explicit(&loops, 1, memory_order_acq_rel);
		sched_yield();
	}
	return NULL;
}

void
harness_take_over(void)
{
	atomic_store_explicit(&taken, true, memory_order_release);
	while (!atomic_load_explicit(&aside, memory_order_acquire))
		sched_yield();
}

void
harness_give_back(void)
{
	atomic_store_explicit(&taken, false, memory_order_release);
	while (atomic_load_explicit(&aside, memory_order_acquire))
		sched_yield();
}

static void
synchronize(void)
{
	uint64_t from = atomic_load_explicit(&loops, memory_order_acquire);

	/* Twice: the loop that runs now may have begun before the call. */
	while (atomic_load_explicit(&loops, memory_order_acquire) - from < 2)
		sched_yield();
}

static void
kick_changed(void *user, uint16_t qp, int old_fd, int new_fd)
{
	struct vhost_port *p = user ? *(struct vhost_port **)user : NULL;
	struct vhost_port_status st;

	(void)qp;
	if ((old_fd >= 0 && fcntl(old_fd, F_GETFD) < 0) ||
		(new_fd >= 0 && fcntl(new_fd, F_GETFD) < 0))
		abort();
	/* A port that is up takes packets. */
	if (p) {
		vhost_port_status(p, &st);
		if (st.state == VHOST_UP && vhost_port_tx_queues(p) == 0)
			abort();
	}
	atomic_fetch_add(&kicks, 1);
}

uint64_t
harness_loops(void)
{
	return atomic_load_explicit(&loops, memory_order_acquire);
}

unsigned int
harness_kicks(void)
{
	return atomic_load(&kicks);
}

bool
harness_start(const char *name)
{
	static const struct vhost_env env = {
		.synchronize = synchronize,
		.kick_changed = kick_changed,
	};
	/* EAL keeps the pointers and writes to argv, not to the strings. */
	const char *const args[] = {"test", "--no-huge", "--no-pci", "-m", "64", "-l", "0",
		"--no-telemetry", "--log-level=error"};
	char prefix[64], *argv[16];
	int argc = 0;
	cpu_set_t cpus;

	for (; argc < (int)(sizeof(args) / sizeof(args[0])); argc++)
		argv[argc] = (char *)(uintptr_t)args[argc];
	argv[argc++] = prefix;
	argv[argc] = NULL;
	sched_getaffinity(0, sizeof(cpus), &cpus);
	snprintf(harness.dir, sizeof(harness.dir), "/tmp/%s-XXXXXX", name);
	if (!mkdtemp(harness.dir))
		return false;
	setenv("RUNTIME_DIRECTORY", harness.dir, 1);
	snprintf(prefix, sizeof(prefix), "--file-prefix=t%d", (int)getpid());
	if (rte_eal_init(argc, argv) < 0) {
		printf("SKIP: EAL does not start here: %s\n", rte_strerror(rte_errno));
		return false;
	}
	/* EAL has bound this thread to its core; worker and tests want both. */
	sched_setaffinity(0, sizeof(cpus), &cpus);
	if (vhost_init(&env) != 0 || pthread_create(&worker, NULL, work, NULL) != 0)
		abort();
	sigaction(SIGBUS, NULL, &sigbus);
	return true;
}

void
harness_sigbus(void)
{
	sigaction(SIGBUS, &sigbus, NULL);
}

void
harness_stop(void)
{
	char cmd[128];

	atomic_store_explicit(&quit, true, memory_order_release);
	pthread_join(worker, NULL);
	rte_eal_cleanup();
	snprintf(cmd, sizeof(cmd), "rm -rf %s", harness.dir);
	if (system(cmd) != 0)
		printf("%s was not removed\n", harness.dir);
}

struct vhost_port_config
harness_config(unsigned int n)
{
	struct vhost_port_config cfg = {
		.queues = 1,
		.mtu = 1500,
		.owner = (uid_t)-1,
		.group = (gid_t)-1,
		.mode = 0600,
		.user = n < HARNESS_PORTS ? &harness.port[n] : NULL,
	};

	snprintf(cfg.name, sizeof(cfg.name), "port%u", n);
	snprintf(cfg.socket, sizeof(cfg.socket), "%s/%u.sock", harness.dir, n);
	return cfg;
}

void
harness_attach(unsigned int n, struct vhost_port *p)
{
	atomic_store_explicit(&attached[n], p, memory_order_release);
	synchronize();
}

int
harness_ports_queues(uint16_t queues)
{
	for (unsigned int n = 0; n < HARNESS_PORTS; n++) {
		struct vhost_port_config cfg = harness_config(n);
		char err[320] = "";

		cfg.queues = queues;
		snprintf(harness.socket[n], sizeof(harness.socket[n]), "%s", cfg.socket);
		harness.port[n] = vhost_port_create(&cfg, err, sizeof(err));
		if (!harness.port[n]) {
			printf("%s\n", err);
			return -1;
		}
		harness_attach(n, harness.port[n]);
	}
	return 0;
}

int
harness_ports(void **state)
{
	(void)state;
	return harness_ports_queues(2);
}

int
harness_drop(void **state)
{
	(void)state;
	/* A test that failed in between. */
	harness_give_back();
	for (unsigned int n = 0; n < HARNESS_PORTS; n++) {
		harness_attach(n, NULL);
		if (harness.port[n])
			vhost_port_destroy(harness.port[n]);
		harness.port[n] = NULL;
	}
	return 0;
}

struct vhost_port_status
harness_status(unsigned int n)
{
	struct vhost_port_status st;

	vhost_port_status(harness.port[n], &st);
	return st;
}

static bool
wait_for(unsigned int n, enum vhost_port_state state, const char *text)
{
	int64_t end = harness_ms() + 5000;
	struct vhost_port_status st;

	do {
		st = harness_status(n);
		if (st.state == state && strstr(st.error, text))
			return true;
		usleep(1000);
	} while (harness_ms() < end);
	printf("port %u is in state %d, error \"%s\"\n", n, st.state, st.error);
	return false;
}

bool
harness_wait(unsigned int n, enum vhost_port_state state)
{
	return wait_for(n, state, "");
}

bool
harness_wait_error(unsigned int n, const char *text)
{
	return wait_for(n, VHOST_ERROR, text);
}

unsigned int
harness_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}
