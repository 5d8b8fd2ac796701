/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path in memory: networks; see fake-datapath.h. The test's thread.
 */
#include <errno.h>
#include <string.h>

#include "tests/unit/fake-datapath.h"

struct dp_network {
	struct dp_network_config config;
	unsigned int ports;
	bool used;
};

static struct dp_network network[DP_NETWORKS_MAX];

void
fake_networks_reset(void)
{
	memset(network, 0, sizeof(network));
}

unsigned int
fake_networks(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < DP_NETWORKS_MAX; i++)
		n += network[i].used;
	return n;
}

void
fake_network_join(struct dp_network *old, struct dp_network *new)
{
	if (old != NULL)
		old->ports--;
	if (new != NULL)
		new->ports++;
}

int
dp_network_add(const struct dp_network_config *cfg, struct dp_network **net, struct dp_error *err)
{
	for (unsigned int i = 0; i < DP_NETWORKS_MAX; i++) {
		if (network[i].used)
			continue;
		network[i] = (struct dp_network){.config = *cfg, .used = true};
		*net = &network[i];
		return 0;
	}
	return fake_refuse(err, -ENOSPC, "there are %d networks already", DP_NETWORKS_MAX);
}

int
dp_network_del(struct dp_network *net, struct dp_error *err)
{
	if (net->ports != 0)
		return fake_refuse(err, -EBUSY, "%u ports are in it", net->ports);
	net->used = false;
	return 0;
}

int
dp_network_set(struct dp_network *net, const struct dp_network_config *cfg, struct dp_error *err)
{
	if (net->ports != 0 && cfg->max_macs != net->config.max_macs)
		return fake_refuse(
			err, -EBUSY, "max_macs cannot change while ports are in the network");
	net->config = *cfg;
	return 0;
}

void
dp_network_fdb(
	struct dp_network *net, void (*cb)(const struct dp_fdb_entry *e, void *arg), void *arg)
{
	/* As many as the test makes room for, so that long answers are tried too. */
	for (uint32_t i = 0; i < net->config.max_macs && net->ports != 0; i++) {
		struct dp_fdb_entry e = {.mac = {2, 0, (uint8_t)(i >> 24), (uint8_t)(i >> 16),
						 (uint8_t)(i >> 8), (uint8_t)i},
			.vlan = 4094,
			.age_s = i};

		cb(&e, arg);
	}
}

void
dp_network_stats(struct dp_network *net, struct dp_network_stats *st)
{
	*st = (struct dp_network_stats){.macs = 3, .moves = 1, .full = 2, .flooded = 9};
}
