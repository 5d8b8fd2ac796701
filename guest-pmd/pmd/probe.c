/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver as EAL sees it: --vdev net_netvmN,transport=...; probe and remove, on the
 * program's main thread or EAL's hot-plug thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_kvargs.h>
#include <rte_log.h>
#include <rte_malloc.h>

#include "guest-pmd/pmd/buffers.h"
#include "guest-pmd/pmd/pmd.h"

#define TIMEOUT_MS     5000
#define TIMEOUT_MS_MAX 3600000

RTE_LOG_REGISTER(pmd_log_type, pmd.net.netvm, NOTICE);

static const char *const keys[] = {"transport", "pool", "pairs", "timeout", NULL};

struct arguments {
	char transport[256];
	char pool[64];
	uint32_t pairs;
	uint32_t timeout_ms;
};

/* A number from 1 to max. */
static int
parse_number(const char *key, const char *value, uint32_t max, uint32_t *number)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || errno || !n || n > max) {
		PMD_LOG(ERR, "%s=%s: expected a number from 1 to %u", key, value, max);
		return -EINVAL;
	}
	*number = n;
	return 0;
}

static int
parse_text(const char *key, const char *value, char *text, size_t size)
{
	if (!*value || (size_t)snprintf(text, size, "%s", value) >= size) {
		PMD_LOG(ERR, "%s=%s: expected 1 to %zu characters", key, value, size - 1);
		return -EINVAL;
	}
	return 0;
}

static int
parse_one(const char *key, const char *value, void *arguments)
{
	struct arguments *a = arguments;

	if (!value)
		value = "";
	if (!strcmp(key, "transport"))
		return parse_text(key, value, a->transport, sizeof(a->transport));
	if (!strcmp(key, "pool"))
		return parse_text(key, value, a->pool, sizeof(a->pool));
	if (!strcmp(key, "pairs"))
		return parse_number(key, value, NETVM_PAIRS_MAX, &a->pairs);
	return parse_number(key, value, TIMEOUT_MS_MAX, &a->timeout_ms);
}

static int
parse(const char *name, const char *text, struct arguments *a)
{
	struct rte_kvargs *kv = rte_kvargs_parse(text, keys);
	size_t n;
	int error;

	if (!kv) {
		PMD_LOG(ERR,
			"%s: cannot read \"%s\"; expected transport=unix:DIR/PORT or "
			"transport=pci:RING[,pool=POOL], and pairs=N, timeout=MS",
			name, text);
		return -EINVAL;
	}
	error = rte_kvargs_process(kv, NULL, parse_one, a);
	rte_kvargs_free(kv);
	if (error || !a->pool[0])
		return error ? -EINVAL : 0;
	/* Arguments are split at commas, so the pool's address has a key of its own. */
	n = strlen(a->transport);
	if (strncmp(a->transport, "pci:", 4) != 0 ||
		n + strlen(a->pool) + 2 > sizeof(a->transport)) {
		PMD_LOG(ERR, "%s: pool=%s goes with transport=pci:RING", name, a->pool);
		return -EINVAL;
	}
	snprintf(a->transport + n, sizeof(a->transport) - n, ",%s", a->pool);
	return 0;
}

static int
make_pairs(struct pmd_device *d, int socket)
{
	uint16_t i;

	for (i = 0; i < NETVM_PAIRS_MAX; i++)
		d->bell[i] = d->nudge[i] = -1;
	for (i = 0; i < d->max_pairs; i++) {
		struct pmd_pair *pair =
			rte_zmalloc_socket("netvm-pair", sizeof(*pair), PMD_LINE, socket);

		if (!pair)
			return -ENOMEM;
		pair->device = d;
		pair->number = i;
		rte_spinlock_init(&pair->rx_lock);
		rte_spinlock_init(&pair->tx_lock);
		d->pair[i] = pair;
	}
	return 0;
}

static int
set_mac(struct rte_eth_dev *dev, const struct netvm_info *info)
{
	struct rte_ether_addr *mac = rte_zmalloc("netvm-mac", sizeof(*mac), 0);

	if (!mac)
		return -ENOMEM;
	memcpy(mac->addr_bytes, info->mac, sizeof(mac->addr_bytes));
	if (!rte_is_valid_assigned_ether_addr(mac))
		rte_eth_random_addr(mac->addr_bytes);
	dev->data->mac_addrs = mac;
	return 0;
}

static int
set_up(struct rte_eth_dev *dev, struct netvm_port *port, const struct netvm_options *options)
{
	struct pmd_device *d = pmd_of(dev);
	int error;

	d->dev = dev;
	d->port = port;
	d->options = *options;
	d->timeout_ms = options->timeout_ms;
	netvm_get_info(port, &d->info);
	d->pairs = d->max_pairs = d->options.pairs = d->info.pairs;
	error = make_pairs(d, dev->data->numa_node);
	if (!error)
		error = set_mac(dev, &d->info);
	if (error)
		return error;
	d->buffers = pmd_buffers_new(d->info.pool, d->info.buffer_size, d->info.buffers);
	if (!d->buffers)
		return -ENOMEM;
	dev->dev_ops = &pmd_ops;
	dev->rx_pkt_burst = pmd_rx;
	dev->tx_pkt_burst = pmd_tx;
	dev->tx_pkt_prepare = pmd_tx_prepare;
	dev->data->dev_flags |=
		RTE_ETH_DEV_INTR_LSC | RTE_ETH_DEV_INTR_RMV | RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
	dev->data->promiscuous = 1;
	dev->data->all_multicast = 1;
	return 0;
}

static void
undo(struct rte_eth_dev *dev)
{
	struct pmd_device *d = pmd_of(dev);
	uint16_t i;

	for (i = 0; i < NETVM_PAIRS_MAX; i++)
		rte_free(d->pair[i]);
	pmd_buffers_retire(d->buffers, 0);
	rte_eth_dev_release_port(dev);
}

static int
pmd_probe(struct rte_vdev_device *vdev)
{
	const char *name = rte_vdev_device_name(vdev);
	struct arguments a = {.transport = "pci:", .timeout_ms = TIMEOUT_MS};
	struct netvm_options options;
	struct netvm_port *port;
	struct rte_eth_dev *dev;
	int error;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		PMD_LOG(ERR, "%s: a port belongs to one process; secondary processes cannot use it",
			name);
		return -ENOTSUP;
	}
	error = parse(name, rte_vdev_device_args(vdev), &a);
	if (error)
		return error;
	/* All of it, as it is compared with memcmp(). */
	memset(&options, 0, sizeof(options));
	options.timeout_ms = a.timeout_ms;
	options.pairs = a.pairs;
	port = netvm_open(a.transport, &options);
	if (!port) {
		PMD_LOG(ERR, "%s: %s", name, netvm_error());
		return -ENODEV;
	}
	dev = rte_eth_vdev_allocate(vdev, sizeof(struct pmd_device));
	error = dev ? set_up(dev, port, &options) : -ENOMEM;
	if (error) {
		PMD_LOG(ERR, "%s: no memory for a device", name);
		if (dev)
			undo(dev);
		netvm_close(port);
		return error;
	}
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int
pmd_remove(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	/* Closed already. */
	if (!dev)
		return 0;
	if (dev->data->dev_started)
		rte_eth_dev_stop(dev->data->port_id);
	return rte_eth_dev_close(dev->data->port_id);
}

static struct rte_vdev_driver pmd_driver = {
	.probe = pmd_probe,
	.remove = pmd_remove,
};

RTE_PMD_REGISTER_VDEV(net_netvm, pmd_driver);
RTE_PMD_REGISTER_PARAM_STRING(
	net_netvm, "transport=<string> pool=<string> pairs=<int> timeout=<int>");
