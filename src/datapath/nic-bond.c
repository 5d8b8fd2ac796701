/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port of several devices: DPDK's net_bonding, active-backup or LACP.
 *
 * Theory of operation. The members are devices like any other, opened here and
 * given to a bonding device, which is what port-nic.c and nic-io.c see. Who
 * carries traffic is net_bonding's affair, on DPDK's interrupt thread; it needs
 * help in two things.
 *
 * LACP frames leave only when somebody transmits: nic_bond_poll() does so for a
 * port that has nothing to send. It is called whenever the port is looked at,
 * which a sleeping worker does on the timer (sleep.c) as the bond has no
 * descriptor to wait on; 802.1AX wants a frame per second at most.
 *
 * net_af_packet and net_af_xdp say that their link is up whatever the kernel
 * interface does. watch() asks the kernel instead and stops or starts such a
 * member, which is the one way to make its driver report another link. A device
 * that stops must not be polled, so the port pauses: `started` is taken away,
 * and after a grace period no worker is in it; it comes back when net_bonding has
 * seen the change, some milliseconds later, or stays away while no member has a
 * link.
 *
 * Threads: nic_bond_poll() a worker; watch() DPDK's interrupt thread; the rest
 * the control thread. Neighbours: port-nic.c calls.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_dev.h>
#include <rte_eth_bond.h>
#include <rte_eth_bond_8023ad.h>
#include <rte_malloc.h>

#include "src/datapath/clock.h"
#include "src/datapath/nic.h"
#include "src/datapath/rcu.h"
#include "src/datapath/table.h"

#define MONITOR_MS  20    /* net_bonding's look at links that make no interrupt */
#define WATCH_US    50000 /* ours */
#define SETTLE_US   5000  /* ours, while net_bonding has still to see a change */
#define SETTLES_MAX 100
#define LACP_SHARE  50        /* of a second, between two looks for frames to send */
#define LACP_MEMORY (1 << 20) /* what net_bonding allocates per member, and more */

struct member {
	uint16_t port_id;
	unsigned int if_index; /* the kernel interface to watch; 0: its driver does */
	bool carrier;          /* as the driver was told */
	char name[RTE_ETH_NAME_MAX_LEN];
};

struct nic_bond {
	struct dp_port *port;
	bool lacp;
	bool watched;      /* some member is */
	int fd;            /* to ask the kernel with */
	unsigned int left; /* looks until we stop waiting for net_bonding; 0: settled */
	uint64_t next;     /* TSC of the next look for LACP frames; rx queue 0's worker */
	uint32_t shape;    /* who carries, as last told to the control plane */
	uint16_t count;
	struct member member[DP_MEMBERS_MAX];
};

/* --- worker -------------------------------------------------------------- */

void
nic_bond_poll(struct nic *nic)
{
	struct nic_txq *q = &nic->txq[0];
	uint64_t now = dp_clock_tsc();

	if (now < nic->bond->next || !rte_spinlock_trylock(&q->lock))
		return;
	nic->bond->next = now + dp_clock_hz / LACP_SHARE;
	rte_eth_tx_burst(nic->port_id, 0, NULL, 0);
	rte_spinlock_unlock(&q->lock);
}

/* --- who carries --------------------------------------------------------- */

static bool
is_active(const struct nic *nic, uint16_t port_id)
{
	uint16_t active[RTE_MAX_ETHPORTS];
	int n = rte_eth_bond_active_slaves_get(nic->port_id, active, RTE_MAX_ETHPORTS);

	for (int i = 0; i < n; i++)
		if (active[i] == port_id)
			return true;
	return false;
}

static enum dp_member_state
member_state(const struct nic *nic, const struct member *m)
{
	const uint8_t carries = STATE_COLLECTING | STATE_DISTRIBUTING;
	struct rte_eth_bond_8023ad_slave_info info;

	if (!is_active(nic, m->port_id))
		return DP_MEMBER_DOWN;
	if (!nic->bond->lacp)
		return rte_eth_bond_primary_get(nic->port_id) == m->port_id ? DP_MEMBER_ACTIVE
									    : DP_MEMBER_BACKUP;
	if (rte_eth_bond_8023ad_slave_info(nic->port_id, m->port_id, &info) == 0 &&
		(info.actor_state & carries) == carries)
		return DP_MEMBER_ACTIVE;
	return DP_MEMBER_NEGOTIATING;
}

bool
nic_bond_status(const struct nic *nic, struct dp_port_status *st)
{
	const struct nic_bond *b = nic->bond;
	bool carries = false;

	st->members = b->count;
	for (uint16_t i = 0; i < b->count; i++) {
		snprintf(st->member[i].device, sizeof(st->member[i].device), "%s",
			b->member[i].name);
		st->member[i].state = member_state(nic, &b->member[i]);
		carries |= st->member[i].state == DP_MEMBER_ACTIVE;
	}
	return carries;
}

/* --- links that only the kernel knows ------------------------------------ */

static bool
has_carrier(const struct nic_bond *b, const struct member *m)
{
	struct ifreq ifr = {0};

	return if_indextoname(m->if_index, ifr.ifr_name) != NULL &&
	       ioctl(b->fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) &&
	       (ifr.ifr_flags & IFF_RUNNING);
}

static void
set_started(struct nic *nic, bool started)
{
	__atomic_store_n(&nic->started, started, __ATOMIC_RELAXED);
	if (!started)
		dp_rcu_synchronize();
}

/* Brings to the drivers what changed; true: something did. */
static bool
tell_drivers(struct nic *nic)
{
	struct nic_bond *b = nic->bond;
	bool changed = false;

	for (uint16_t i = 0; i < b->count; i++) {
		struct member *m = &b->member[i];

		if (m->if_index == 0 || has_carrier(b, m) == m->carrier)
			continue;
		if (!changed)
			set_started(nic, false);
		changed = true;
		m->carrier = !m->carrier;
		if (m->carrier)
			rte_eth_dev_start(m->port_id);
		else
			rte_eth_dev_stop(m->port_id);
	}
	return changed;
}

/* net_bonding polls what it takes for active: nothing may be that is stopped.
 * An active-backup bond without a link polls its first member all the same. */
static bool
may_run(const struct nic *nic, bool *settled)
{
	const struct nic_bond *b = nic->bond;
	bool link = false;

	*settled = true;
	for (uint16_t i = 0; i < b->count; i++) {
		const struct member *m = &b->member[i];
		bool active = is_active(nic, m->port_id);

		link |= active;
		if (m->if_index != 0 && active != m->carrier)
			*settled = false;
	}
	return link && *settled;
}

static void
watch(void *arg)
{
	struct nic *nic = arg;
	struct nic_bond *b = nic->bond;
	struct dp_port_status st;
	uint32_t shape = 0;
	bool settled;

	if (tell_drivers(nic))
		b->left = SETTLES_MAX;
	if (b->left != 0) {
		bool run = may_run(nic, &settled);

		b->left = settled ? 0 : b->left - 1;
		if (run)
			set_started(nic, true);
	}
	nic_bond_status(nic, &st);
	for (uint16_t i = 0; i < st.members; i++)
		shape |= (uint32_t)st.member[i].state << 2 * i;
	if (shape != b->shape)
		dp_port_changed(b->port);
	b->shape = shape;
	rte_eal_alarm_set(b->left != 0 ? SETTLE_US : WATCH_US, watch, nic);
}

/* --- open and close ------------------------------------------------------ */

static int
member_open(struct nic_bond *b, const struct dp_port_config *bond, const char *device,
	struct dp_error *err)
{
	struct member *m = &b->member[b->count];
	struct dp_port_config cfg = *bond;
	struct rte_eth_dev_info info;
	int rc;

	snprintf(cfg.device, sizeof(cfg.device), "%s", device);
	rc = nic_probe(&cfg, &m->port_id, err);
	if (rc != 0)
		return rc;
	b->count++;
	if (rte_eth_dev_info_get(m->port_id, &info) != 0 ||
		rte_eth_dev_get_name_by_port(m->port_id, m->name) != 0)
		return dp_fail(err, -EIO, "port \"%s\": device \"%.80s\" does not describe itself",
			cfg.name, device);
	/* Drivers that do not look; see the head. */
	if (strcmp(info.driver_name, "net_af_packet") == 0 ||
		strcmp(info.driver_name, "net_af_xdp") == 0)
		m->if_index = info.if_index;
	m->carrier = true;
	b->watched |= m->if_index != 0;
	return nic_check_alone(m->port_id, cfg.name, err);
}

static int
members_open(struct nic_bond *b, const struct dp_port_config *cfg, struct dp_error *err)
{
	char list[sizeof(cfg->device)], *save = NULL;
	int rc = 0;

	snprintf(list, sizeof(list), "%s", cfg->device);
	for (char *d = strtok_r(list, " ", &save); d != NULL; d = strtok_r(NULL, " ", &save)) {
		if (b->count == DP_MEMBERS_MAX)
			break;
		rc = member_open(b, cfg, d, err);
		if (rc != 0)
			return rc;
		if (b->count == DP_MEMBERS_MAX && strtok_r(NULL, " ", &save) != NULL)
			return dp_fail(err, -EINVAL,
				"port \"%s\": a bond has %u devices at most, separated by spaces",
				cfg->name, DP_MEMBERS_MAX);
	}
	if (b->count < 2)
		return dp_fail(err, -EINVAL,
			"port \"%s\": device names %u device; a bond has 2 to %u, separated by "
			"spaces",
			cfg->name, b->count, DP_MEMBERS_MAX);
	return 0;
}

/* net_bonding ends the process when it finds no memory for a member's LACP. */
static int
check_memory(const struct nic_bond *b, const struct dp_port_config *cfg, struct dp_error *err)
{
	void *p = rte_malloc(NULL, (size_t)b->count * LACP_MEMORY, 0);

	if (p == NULL)
		return dp_fail(err, -ENOMEM,
			"port \"%s\": packet memory is used up: LACP takes up to %u MiB for %u "
			"devices; raise packet-memory= in [memory]",
			cfg->name, b->count * (LACP_MEMORY >> 20), b->count);
	rte_free(p);
	return 0;
}

static int
bond_create(struct nic *nic, const struct dp_port_config *cfg, struct dp_error *err)
{
	struct nic_bond *b = nic->bond;
	uint8_t mode = b->lacp ? BONDING_MODE_8023AD : BONDING_MODE_ACTIVE_BACKUP;
	int socket = rte_eth_dev_socket_id(b->member[0].port_id);
	char name[RTE_ETH_NAME_MAX_LEN];
	int id;

	snprintf(name, sizeof(name), "net_bonding%u", b->port->index);
	id = rte_eth_bond_create(name, mode, socket < 0 ? 0 : (uint8_t)socket);
	if (id < 0)
		return dp_fail(err, -EIO,
			"port \"%s\": DPDK made no bond (%s); its log has the reason", cfg->name,
			rte_strerror(-id));
	nic->port_id = (uint16_t)id;
	for (uint16_t i = 0; i < b->count; i++)
		if (rte_eth_bond_slave_add(nic->port_id, b->member[i].port_id) != 0)
			return dp_fail(err, -EINVAL,
				"port \"%s\": device \"%.80s\" cannot be in a bond with \"%.80s\" "
				"(netvmd's log has DPDK's reason)",
				cfg->name, b->member[i].name, b->member[0].name);
	rte_eth_bond_primary_set(nic->port_id, b->member[0].port_id);
	rte_eth_bond_link_monitoring_set(nic->port_id, MONITOR_MS);
	if (b->lacp)
		rte_eth_bond_xmit_policy_set(nic->port_id, BALANCE_XMIT_POLICY_LAYER34);
	return 0;
}

int
nic_bond_open(struct nic *nic, struct dp_port *port, const struct dp_port_config *cfg,
	struct dp_error *err)
{
	struct nic_bond *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL)
		return dp_fail(err, -ENOMEM, "port \"%s\": no memory", cfg->name);
	nic->bond = b;
	b->port = port;
	b->fd = -1;
	nic->lacp = b->lacp = cfg->bond == DP_BOND_LACP;
	rc = members_open(b, cfg, err);
	if (rc == 0 && b->lacp)
		rc = check_memory(b, cfg, err);
	return rc == 0 ? bond_create(nic, cfg, err) : rc;
}

int
nic_bond_watch(struct nic *nic, struct dp_error *err)
{
	struct nic_bond *b = nic->bond;

	if (b->watched) {
		b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (b->fd < 0)
			return dp_fail(
				err, -errno, "port \"%s\": %s", b->port->name, strerror(errno));
	}
	if (rte_eal_alarm_set(WATCH_US, watch, nic) != 0)
		return dp_fail(err, -ENOMEM, "port \"%s\": no memory", b->port->name);
	return 0;
}

void
nic_bond_unwatch(struct nic *nic)
{
	rte_eal_alarm_cancel(watch, nic);
}

void
nic_bond_close(struct nic *nic)
{
	struct nic_bond *b = nic->bond;

	for (uint16_t i = 0; i < b->count; i++)
		nic_remove(b->member[i].port_id);
	if (b->fd >= 0)
		close(b->fd);
	free(b);
	nic->bond = NULL;
}

/* --- what port-nic.c asks of each device --------------------------------- */

uint16_t
nic_members(const struct nic *nic, uint16_t *port_id)
{
	if (nic->bond == NULL) {
		port_id[0] = nic->port_id;
		return 1;
	}
	for (uint16_t i = 0; i < nic->bond->count; i++)
		port_id[i] = nic->bond->member[i].port_id;
	return nic->bond->count;
}
