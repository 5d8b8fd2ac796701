/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path in memory; see fake-datapath.h. The test's thread.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-datapath.h"

struct dp_port {
	struct dp_port_config config;
	struct dp_port_status status;
	bool used;
};

static struct {
	struct dp_config config;
	struct dp_port port[DP_PORTS_MAX];
	unsigned int adds, ticks;
	char forgotten[DP_NAME_MAX];
	bool refuse, plugged;
} fake;

int
fake_refuse(struct dp_error *err, int rc, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	return rc;
}

bool
fake_refused(struct dp_error *err)
{
	bool r = fake.refuse;

	fake.refuse = false;
	if (r)
		fake_refuse(err, 0, "the test wants this to be refused");
	return r;
}

/* --- what tests do ------------------------------------------------------- */

struct dp_port *
fake_port(const char *name)
{
	for (unsigned int i = 0; i < DP_PORTS_MAX; i++)
		if (fake.port[i].used && strcmp(fake.port[i].config.name, name) == 0)
			return &fake.port[i];
	return NULL;
}

void
fake_port_state(const char *name, enum dp_port_state state, const char *error)
{
	struct dp_port *p = fake_port(name);

	p->status.state = state;
	snprintf(p->status.error, sizeof(p->status.error), "%s", error);
	fake.config.changed(fake.config.changed_arg);
}

const struct dp_port_settings *
fake_port_settings(const char *name)
{
	struct dp_port *p = fake_port(name);

	return p != NULL ? &p->config.settings : NULL;
}

const char *
fake_port_mirror(const char *name)
{
	const struct dp_port *to = fake_port_settings(name)->mirror;

	return to != NULL ? to->config.name : "";
}

unsigned int
fake_group_users(const struct dp_group *g, bool nics)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < DP_PORTS_MAX; i++)
		n += fake.port[i].used && fake.port[i].config.trust == g &&
		     (fake.port[i].config.type == DP_PORT_NIC) == nics;
	return n;
}

const char *
fake_port_forward(const char *name)
{
	const struct dp_port_settings *s = fake_port_settings(name);

	if (!s->cross)
		return "none";
	return s->forward != NULL ? s->forward->config.name : "";
}

const struct dp_port_config *
fake_port_config(const char *name)
{
	struct dp_port *p = fake_port(name);

	return p != NULL ? &p->config : NULL;
}

unsigned int
fake_port_adds(void)
{
	return fake.adds;
}

void
fake_plug_missing(bool there)
{
	fake.plugged = there;
}

unsigned int
fake_ticks(void)
{
	return fake.ticks;
}

enum dp_poll
fake_poll(uint32_t *idle_us)
{
	*idle_us = fake.config.idle_us;
	return fake.config.poll;
}

void
fake_refuse_next(void)
{
	fake.refuse = true;
}

/* --- the whole ----------------------------------------------------------- */

int
dp_check(const struct dp_config *cfg, struct dp_error *err)
{
	for (uint16_t i = 0; i < cfg->ncpus; i++)
		if (cfg->cpu[i] > 1023)
			return fake_refuse(err, -EINVAL, "there is no CPU %u", cfg->cpu[i]);
	return 0;
}

int
dp_start(const struct dp_config *cfg, struct dp_error *err)
{
	fake_networks_reset();
	fake_groups_reset();
	memset(&fake.port, 0, sizeof(fake.port));
	fake.config = *cfg;
	return fake_refused(err) ? -ENOMEM : dp_check(cfg, err);
}

void
dp_stop(void)
{
	for (unsigned int i = 0; i < DP_PORTS_MAX; i++)
		if (fake.port[i].used)
			abort();
	if (fake_networks() != 0 || fake_groups() != 0)
		abort();
}

void
dp_info(struct dp_info *info)
{
	*info = (struct dp_info){
		.packet_memory = 64 << 20, .workers = 2, .simd = "none", .dpdk = "no DPDK"};
}

void
dp_set_poll(enum dp_poll poll, uint32_t idle_us)
{
	fake.config.poll = poll;
	fake.config.idle_us = idle_us;
}

void
dp_tick(void)
{
	fake.ticks++;
}

/* --- ports --------------------------------------------------------------- */

const char *
dp_port_state_name(enum dp_port_state s)
{
	static const char *const names[] = {"down", "waiting", "up", "error"};

	return names[s];
}

const char *
dp_member_state_name(enum dp_member_state s)
{
	static const char *const names[] = {"down", "active", "backup", "negotiating"};

	return names[s];
}

int
dp_port_add(const struct dp_port_config *cfg, struct dp_port **port, struct dp_error *err)
{
	struct dp_port *p = fake.port;

	if (cfg->type == DP_PORT_NIC && strcmp(cfg->device, "missing") == 0 && !fake.plugged)
		return fake_refuse(
			err, -ENODEV, "port \"%s\": device missing is not there", cfg->name);
	while (p < fake.port + DP_PORTS_MAX && p->used)
		p++;
	if (p == fake.port + DP_PORTS_MAX)
		return fake_refuse(err, -ENOSPC, "there are %d ports already", DP_PORTS_MAX);
	*p = (struct dp_port){.config = *cfg, .used = true};
	p->status.state = cfg->settings.enabled ? DP_PORT_WAITING : DP_PORT_DOWN;
	p->status.vhost.features = 1ULL << 15 | 1ULL << 63;
	p->status.vhost.protocol_features = 1 | 1 << 4;
	snprintf(p->status.driver, sizeof(p->status.driver), "net_fake");
	p->status.rx_offloads = 2;
	p->status.shm.guest_features = 9;
	p->status.shm.owned = 11;
	if (cfg->bond != DP_BOND_NONE) {
		p->status.members = 2;
		snprintf(p->status.member[0].device, 64, "one");
		snprintf(p->status.member[1].device, 64, "two");
		p->status.member[0].state = DP_MEMBER_ACTIVE;
		p->status.member[1].state = DP_MEMBER_BACKUP;
	}
	fake_network_join(NULL, cfg->settings.network);
	fake.adds++;
	*port = p;
	return 0;
}

void
dp_port_del(struct dp_port *port)
{
	fake_network_join(port->config.settings.network, NULL);
	fake_capture_port_gone(port);
	port->used = false;
	for (unsigned int i = 0; i < DP_PORTS_MAX; i++) {
		if (fake.port[i].config.settings.mirror == port)
			fake.port[i].config.settings.mirror = NULL;
		if (fake.port[i].config.settings.forward == port)
			fake.port[i].config.settings.forward = NULL;
	}
}

void
dp_port_reserve(const char *name, uint16_t number)
{
	(void)name;
	(void)number;
}

int
dp_port_number(const char *name)
{
	for (int i = 0; i < DP_PORTS_MAX; i++)
		if (fake.port[i].used && strcmp(fake.port[i].config.name, name) == 0)
			return i;
	return -1;
}

void
dp_port_forget(const char *name)
{
	snprintf(fake.forgotten, sizeof(fake.forgotten), "%s", name);
}

const char *
fake_port_forgotten(void)
{
	return fake.forgotten;
}

int
dp_port_set(struct dp_port *port, const struct dp_port_settings *s, struct dp_error *err)
{
	if (fake_refused(err))
		return -EIO;
	fake_network_join(port->config.settings.network, s->network);
	port->config.settings = *s;
	port->status.state = s->enabled ? DP_PORT_WAITING : DP_PORT_DOWN;
	return 0;
}

uint16_t
dp_port_index(const struct dp_port *port)
{
	return (uint16_t)(port - fake.port);
}

const char *
dp_port_name(uint16_t index)
{
	return index < DP_PORTS_MAX && fake.port[index].used ? fake.port[index].config.name : "";
}

void
dp_port_status(struct dp_port *port, struct dp_port_status *st)
{
	*st = port->status;
}

const char *
dp_offload_name(bool rx, unsigned int bit)
{
	return bit == 1 ? (rx ? "ipv4_cksum" : "ipv4_cksum_tx") : NULL;
}

void
dp_port_counters(struct dp_port *port, struct dp_port_counters *c)
{
	*c = (struct dp_port_counters){.queues = port->config.queues};
	c->total.rx_packets = 7;
	c->drop[DROP_STORM] = 5;
	c->nic_missed = 4;
}

void
dp_port_counters_reset(struct dp_port *port)
{
}
