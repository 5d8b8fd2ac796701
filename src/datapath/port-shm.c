/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shm ports: dp_shm_ops over src/shm/shm-port.h. What is decided here is which of
 * the guest's receive rings a frame goes to.
 * Threads: as port.h says. Callbacks come on the thread of src/shm.
 */
#include <errno.h>
#include <string.h>

#include "src/datapath/group.h"
#include "src/datapath/mail.h"
#include "src/datapath/rcu.h"
#include "src/datapath/table.h"
#include "src/datapath/worker.h"

static int
kick_fd(int fd)
{
	if (fd >= 0)
		return fd;
	return fd == SHM_KICK_TIMER ? DP_FD_TIMER : DP_FD_LATER;
}

static void
on_kick_changed(void *user, uint16_t qp, int old_fd, int new_fd)
{
	dp_port_kick_changed(user, qp, old_fd, kick_fd(new_fd));
}

static void
on_changed(void *user)
{
	dp_port_changed(user);
}

int
port_shm_init(const char *run_dir, void (*warn)(const char *sentence), struct dp_error *err)
{
	const struct shm_env env = {
		.synchronize = dp_rcu_synchronize,
		.changed = on_changed,
		.kick_changed = on_kick_changed,
		.warn = warn,
	};

	return shm_init(&env, run_dir, err->text, sizeof(err->text));
}

static int
shm_open_port(struct dp_port *p, const struct dp_port_config *cfg, struct dp_error *err)
{
	struct shm_port_config sc = {
		.number = p->index,
		.queues = cfg->queues,
		.vectors = cfg->vectors != 0 ? cfg->vectors : cfg->queues,
		.rx_entries = cfg->rx_entries,
		.tx_entries = cfg->tx_entries,
		.fill_entries = cfg->fill_entries,
		.mtu = cfg->settings.mtu,
		.heartbeat_ms = cfg->heartbeat_ms,
		.disabled = !cfg->settings.enabled,
		.owner = cfg->owner,
		.group = cfg->group,
		.mode = cfg->mode,
		.user = p,
	};

	if (cfg->trust == NULL)
		return dp_fail(err, -EINVAL, "port %s: an shm port needs a group", cfg->name);
	_Static_assert(sizeof(sc.name) == sizeof(cfg->name), "names fit");
	memcpy(sc.name, cfg->name, sizeof(sc.name));
	sc.pool = cfg->trust->pool;
	p->rx_queues = cfg->queues;
	p->mailbox = mailbox_new();
	if (p->mailbox == NULL)
		return dp_fail(err, -ENOMEM, "port %s: out of memory", cfg->name);
	p->dev = shm_port_create(&sc, err->text, sizeof(err->text));
	if (p->dev == NULL) {
		int rc = errno != 0 ? -errno : -EIO;

		mailbox_free(p);
		return rc;
	}
	cfg->trust->ports++;
	return 0;
}

static void
shm_close_port(struct dp_port *p)
{
	shm_port_destroy(p->dev);
	p->dev = NULL;
	mailbox_free(p);
	p->config.trust->ports--;
}

static int
shm_apply(struct dp_port *p, const struct dp_port_settings *s, struct dp_error *err)
{
	int rc = shm_port_enable(p->dev, s->enabled, err->text, sizeof(err->text));

	if (rc == 0)
		shm_port_set_mtu(p->dev, s->mtu);
	return rc;
}

static void
shm_status(struct dp_port *p, struct dp_port_status *st)
{
	static const enum dp_port_state states[] = {
		[SHM_DOWN] = DP_PORT_DOWN,
		[SHM_WAITING] = DP_PORT_WAITING,
		[SHM_UP] = DP_PORT_UP,
		[SHM_ERROR] = DP_PORT_ERROR,
	};

	shm_port_status(p->dev, &st->shm);
	st->state = states[st->shm.state];
	st->queues = st->shm.queues;
	memcpy(st->mac, st->shm.mac, sizeof(st->mac));
	memcpy(st->error, st->shm.error, sizeof(st->error));
	st->error[sizeof(st->error) - 1] = '\0';
}

static void
shm_counters(struct dp_port *p, struct dp_port_counters *c)
{
	uint64_t drop[DROP_REASONS] = {0};

	c->queues = p->rx_queues;
	for (uint16_t i = 0; i < c->queues; i++)
		shm_port_counters(p->dev, i, &c->queue[i]);
	shm_port_drops(p->dev, drop);
	for (unsigned int r = 0; r < DROP_REASONS; r++)
		c->drop[r] += drop[r];
}

static void
shm_rx(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	shm_port_rx(p->dev, queue, b);
}

static void
shm_rx_complete(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	shm_port_rx_complete(p->dev, queue, b);
}

static bool
shm_rx_held(struct dp_port *p, uint16_t queue)
{
	return shm_port_rx_held(p->dev, queue);
}

static bool
shm_tx_ready(struct dp_port *p)
{
	return shm_port_tx_queues(p->dev) != 0;
}

static struct dp_tx_caps
shm_tx_caps(struct dp_port *p)
{
	struct dp_tx_caps caps;

	shm_port_tx_caps(p->dev, &caps.csum, &caps.tso4, &caps.tso6);
	return caps;
}

/* Several rings: by flow, so that no frame overtakes another of its flow. The
 * frames are sorted by ring first, so a ring's lock is taken once. */
static uint16_t
shm_tx_spread(struct shm_port *s, struct packet *const *pkts, uint16_t n, uint16_t rings)
{
	struct packet *sorted[PACKET_BURST];
	uint8_t ring_of[PACKET_BURST];
	uint16_t next[NETVM_PAIRS_MAX] = {0}, count[NETVM_PAIRS_MAX] = {0};
	uint16_t taken = 0, at = 0;

	for (uint16_t i = 0; i < n; i++) {
		ring_of[i] = (uint8_t)(packet_flow_hash(pkts[i]) % rings);
		count[ring_of[i]]++;
	}
	for (uint16_t r = 1; r < rings; r++)
		next[r] = next[r - 1] + count[r - 1];
	for (uint16_t i = 0; i < n; i++)
		sorted[next[ring_of[i]]++] = pkts[i];
	for (uint16_t r = 0; r < rings; r++) {
		if (count[r] != 0)
			taken += shm_port_tx(s, r, sorted + at, count[r]);
		at += count[r];
	}
	/* Only the number matters: what was taken says so itself (packet.loan). */
	return taken;
}

static uint16_t
shm_tx(struct dp_port *p, uint16_t worker, struct packet *const *pkts, uint16_t n)
{
	uint16_t rings = shm_port_tx_queues(p->dev);

	if (__builtin_expect(rings <= 1, 1))
		return shm_port_tx(p->dev, 0, pkts, n);
	return shm_tx_spread(p->dev, pkts, n, rings);
}

/* A pool of their own, and a ring for each of the sender's: a hop does not look
 * at a packet, so it cannot spread flows either. */
static bool
shm_may_hop(const struct dp_port *p, const struct dp_port *to)
{
	return shm_port_pool(p->dev) == shm_port_pool(to->dev);
}

static uint16_t
shm_hop(struct dp_port *p, uint16_t queue, struct dp_port *to, uint16_t max, bool *whole)
{
	bool other = false;
	uint16_t n = shm_port_hop(p->dev, queue, to->dev, max, &other);

	*whole = !other;
	return n;
}

static int
shm_rx_fd(struct dp_port *p, uint16_t queue)
{
	return kick_fd(shm_port_kick_fd(p->dev, queue));
}

static bool
shm_rx_arm(struct dp_port *p, uint16_t queue)
{
	return shm_port_rx_arm(p->dev, queue);
}

static void
shm_rx_disarm(struct dp_port *p, uint16_t queue)
{
	shm_port_rx_disarm(p->dev, queue);
}

const struct dp_port_ops dp_shm_ops = {
	.name = "shm",
	.full = DROP_RING_FULL,
	.open = shm_open_port,
	.close = shm_close_port,
	.apply = shm_apply,
	.status = shm_status,
	.counters = shm_counters,
	.rx = shm_rx,
	.rx_complete = shm_rx_complete,
	.rx_held = shm_rx_held,
	.tx_ready = shm_tx_ready,
	.tx_caps = shm_tx_caps,
	.tx = shm_tx,
	.directs = true,
	.may_hop = shm_may_hop,
	.hop = shm_hop,
	.rx_fd = shm_rx_fd,
	.rx_arm = shm_rx_arm,
	.rx_disarm = shm_rx_disarm,
};
