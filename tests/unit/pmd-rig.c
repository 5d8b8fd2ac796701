/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EAL, host and device for tests of the DPDK driver; see pmd-rig.h.
 */
#include "tests/unit/pmd-rig.h"

#include <dlfcn.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>

const struct fake_host_config pmd_rig_config = {
	.pairs = 2,
	.entries = 256,
	.fill = 128,
	.buffers = 1024,
	.buffer_size = 2048,
	.mtu = 9000,
};

#ifdef __SANITIZE_THREAD__
/* The driver's watch runs in an alarm of EAL's: what orders it and the one who sets and
 * cancels it is a lock in DPDK's library, which ThreadSanitizer does not see. */
const char *__tsan_default_suppressions(void);
const char *
__tsan_default_suppressions(void)
{
	return "race:librte_eal.so\n";
}
#endif

static char runtime[64];

int
pmd_rig_eal(void **state)
{
	static char prefix[64];
	const char *const args[] = {"test-pmd", "--no-huge", "--no-pci", "-m", "128", "-l", "0",
		"--no-telemetry", "--log-level=error", prefix};
	char *argv[RTE_DIM(args) + 1];
	unsigned int i;

	snprintf(prefix, sizeof(prefix), "--file-prefix=pmd%d", (int)getpid());
	snprintf(runtime, sizeof(runtime), "/tmp/test-pmd-XXXXXX");
	if (!mkdtemp(runtime))
		return -1;
	/* Not -d, for which EAL wants a folder that only root can write. */
	if (!dlopen(NETVM_PMD, RTLD_NOW)) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	setenv("RUNTIME_DIRECTORY", runtime, 1);
	for (i = 0; i < RTE_DIM(args); i++)
		argv[i] = (char *)(uintptr_t)args[i];
	argv[i] = NULL;
	return rte_eal_init(i, argv) < 0 ? -1 : 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int
pmd_rig_eal_end(void **state)
{
	rte_eal_cleanup();
	return nftw(runtime, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void
pmd_rig_plug(struct pmd_rig *r, const char *arguments)
{
	char text[256], name[32];

	snprintf(name, sizeof(name), "net_netvm%u", r->number);
	snprintf(text, sizeof(text), "transport=%s%s", r->host.fake->transport,
		arguments ? arguments : "");
	assert_int_equal(rte_eal_hotplug_add("vdev", name, text), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(name, &r->port), 0);
}

void
pmd_rig_unplug(struct pmd_rig *r)
{
	char name[32];

	snprintf(name, sizeof(name), "net_netvm%u", r->number);
	assert_int_equal(rte_eal_hotplug_remove("vdev", name), 0);
}

void
pmd_rig_up(struct pmd_rig *r, const struct fake_host_config *c, const char *arguments)
{
	unsigned int number = r->number;
	char name[32];

	memset(r, 0, sizeof(*r));
	r->number = number;
	snprintf(name, sizeof(name), "rig%u", number);
	pmd_host_start(&r->host, c ? c : &pmd_rig_config);
	r->pool = rte_pktmbuf_pool_create(name, RIG_MBUFS, 32, 16, 2048, 0);
	assert_non_null(r->pool);
	pmd_rig_plug(r, arguments);
}

void
pmd_rig_down(struct pmd_rig *r)
{
	unsigned int i;

	pmd_rig_unplug(r);
	assert_int_equal(rte_mempool_avail_count(r->pool), RIG_MBUFS);
	rte_mempool_free(r->pool);
	/* The host takes everything back when the socket closes; soon. */
	for (i = 0; i < 2000 && fake_host_owned(r->host.fake); i++)
		usleep(1000);
	assert_int_equal(fake_host_owned(r->host.fake), 0);
	assert_int_equal(r->host.fake->violations, 0);
	pmd_host_end(&r->host);
}

int
pmd_rig_try_start(
	struct pmd_rig *r, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf)
{
	static const struct rte_eth_conf plain;
	uint16_t i;

	assert_int_equal(
		rte_eth_dev_configure(r->port, rx_queues, tx_queues, conf ? conf : &plain), 0);
	for (i = 0; i < rx_queues; i++)
		assert_int_equal(rte_eth_rx_queue_setup(r->port, i, 128, 0, NULL, r->pool), 0);
	for (i = 0; i < tx_queues; i++)
		assert_int_equal(rte_eth_tx_queue_setup(r->port, i, 128, 0, NULL), 0);
	return rte_eth_dev_start(r->port);
}

void
pmd_rig_start(
	struct pmd_rig *r, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf)
{
	assert_int_equal(pmd_rig_try_start(r, rx_queues, tx_queues, conf), 0);
}

uint16_t
pmd_rig_receive(struct pmd_rig *r, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	unsigned int tries;
	uint16_t got = 0;

	for (tries = 0; tries < 1000 && got < n; tries++) {
		got += rte_eth_rx_burst(r->port, queue, m + got, n - got);
		if (got < n)
			usleep(1000);
	}
	return got;
}

uint64_t
pmd_rig_xstat(struct pmd_rig *r, const char *name)
{
	uint64_t id, value;

	assert_int_equal(rte_eth_xstats_get_id_by_name(r->port, name, &id), 0);
	assert_int_equal(rte_eth_xstats_get_by_id(r->port, &id, &value, 1), 1);
	return value;
}

void
pmd_rig_frame(uint8_t *bytes, uint32_t n, uint32_t number)
{
	static const uint8_t head[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	uint32_t i;

	for (i = 0; i < n; i++)
		bytes[i] = i < sizeof(head) ? head[i] : (uint8_t)(number * 7 + i);
	if (n >= 18)
		memcpy(bytes + 14, &number, 4);
}

bool
pmd_rig_is_frame(const uint8_t *bytes, uint32_t n, uint32_t number)
{
	static uint8_t want[70000];

	pmd_rig_frame(want, n, number);
	return !memcmp(bytes, want, n);
}

void
pmd_rig_send(struct pmd_rig *r, uint16_t queue, uint32_t first, uint16_t n, uint32_t size)
{
	uint8_t bytes[2048];
	uint16_t i;

	for (i = 0; i < n; i++) {
		pmd_rig_frame(bytes, size, first + i);
		assert_true(pmd_host_send(
			&r->host, queue, bytes, size, 1, NETVM_DESC_F_HASH, first + i));
	}
}

struct rte_mbuf *
pmd_rig_foreign(struct pmd_rig *r, uint32_t number, uint32_t size, uint16_t pieces)
{
	struct rte_mbuf *head = NULL, *m;
	static uint8_t bytes[70000];
	uint32_t part, done = 0;
	uint16_t i;

	pmd_rig_frame(bytes, size, number);
	for (i = 0; i < pieces; i++) {
		part = i + 1 == pieces ? size - done : size / pieces;
		m = rte_pktmbuf_alloc(r->pool);
		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, part), bytes + done, part);
		done += part;
		if (head)
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		else
			head = m;
	}
	return head;
}
