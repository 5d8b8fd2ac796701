/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path in memory: trust groups; see fake-datapath.h. The test's thread.
 */
#include <errno.h>
#include <string.h>

#include "tests/unit/fake-datapath.h"

struct dp_group {
	struct dp_group_config config;
	bool used;
};

static struct dp_group group[DP_GROUPS_MAX];
static unsigned int settled;
static bool memory_short;

void
fake_groups_reset(void)
{
	memset(group, 0, sizeof(group));
}

unsigned int
fake_groups(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < DP_GROUPS_MAX; i++)
		n += group[i].used;
	return n;
}

int
dp_group_add(const struct dp_group_config *cfg, struct dp_group **added, struct dp_error *err)
{
	if (fake_refused(err))
		return -ENOMEM;
	if (memory_short && cfg->pool_size > 64 << 20)
		return fake_refuse(err, -ENOMEM, "group %s: there is no memory", cfg->name);
	for (unsigned int i = 0; i < DP_GROUPS_MAX; i++) {
		if (group[i].used)
			continue;
		group[i] = (struct dp_group){.config = *cfg, .used = true};
		*added = &group[i];
		return 0;
	}
	return fake_refuse(err, -ENOSPC, "there are %d groups already", DP_GROUPS_MAX);
}

int
dp_group_del(struct dp_group *g, struct dp_error *err)
{
	if (fake_refused(err))
		return -EBUSY;
	if (fake_group_users(g, false) + fake_group_users(g, true) != 0)
		return fake_refuse(err, -EBUSY, "ports are in it");
	g->used = false;
	return 0;
}

void
dp_group_status(struct dp_group *g, struct dp_group_status *st)
{
	*st = (struct dp_group_status){.nics = fake_group_users(g, true),
		.pool = {.size = g->config.pool_size,
			.page = 4096,
			.buffers = 100,
			.buffer_size = g->config.buffer_size,
			.free = 90,
			.guests = 7,
			.ports = fake_group_users(g, false)}};
}

void
dp_groups_settle(bool (*exists)(const char *kind, const char *name, void *user), void *user)
{
	settled++;
}

const struct dp_group_config *
fake_group_config(const char *name)
{
	for (unsigned int i = 0; i < DP_GROUPS_MAX; i++)
		if (group[i].used && strcmp(group[i].config.name, name) == 0)
			return &group[i].config;
	return NULL;
}

const char *
fake_port_group(const char *name)
{
	const struct dp_group *g = fake_port_config(name)->trust;

	return g != NULL ? g->config.name : "";
}

void
fake_memory_short(bool is)
{
	memory_short = is;
}

unsigned int
fake_settled(void)
{
	return settled;
}
