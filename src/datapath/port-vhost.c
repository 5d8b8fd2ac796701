/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost ports: dp_vhost_ops over vhost/vhost-port.h. Nearly all of it is
 * translation; what is decided here is which of the guest's receive rings a
 * frame goes to.
 * Threads: as port.h says. Callbacks come on rte_vhost's fd thread.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/datapath/nic.h"
#include "src/datapath/rcu.h"
#include "src/datapath/table.h"
#include "src/datapath/worker.h"

static int
kick_fd(int fd)
{
	if (fd >= 0)
		return fd;
	return fd == VHOST_KICK_TIMER ? DP_FD_TIMER : DP_FD_LATER;
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

/* Where packed rings keep their places (vhost-position.c). */
static char position_dir[PATH_MAX];

static int
make_position_dir(const char *run_dir, struct dp_error *err)
{
	struct stat st;
	int n = snprintf(position_dir, sizeof(position_dir), "%s/rings", run_dir);

	if (n < 0 || (size_t)n >= sizeof(position_dir))
		return dp_fail(err, -ENAMETOOLONG, "the path %s/rings is too long", run_dir);
	if (mkdir(position_dir, 0700) != 0 && errno != EEXIST)
		return dp_fail(err, -errno, "cannot create %s: %s", position_dir, strerror(errno));
	/* Who can write there decides where rings go on. */
	if (lstat(position_dir, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 022) != 0)
		return dp_fail(err, -EPERM,
			"%s must be a folder that only this user can write to; remove it",
			position_dir);
	return 0;
}

void
dp_port_forget(const char *name)
{
	vhost_port_forget(position_dir, name);
	port_number_forget(name);
}

int
port_vhost_init(const char *run_dir, struct dp_error *err)
{
	static const struct vhost_env env = {
		.synchronize = dp_rcu_synchronize,
		.kick_changed = on_kick_changed,
		.changed = on_changed,
		.revoke = nic_revoke,
		.forget = nic_dma_forget,
	};

	int rc = make_position_dir(run_dir, err);

	if (rc != 0)
		return rc;
	rc = vhost_init(&env);
	return rc == 0 ? 0 : dp_fail(err, rc, "vhost-user did not start: %s", strerror(-rc));
}

static int
vhost_open(struct dp_port *p, const struct dp_port_config *cfg, struct dp_error *err)
{
	struct vhost_port_config vc = {
		.client = cfg->client,
		.disabled = !cfg->settings.enabled,
		.queues = cfg->queues,
		.mtu = cfg->settings.mtu,
		.owner = cfg->owner,
		.group = cfg->group,
		.mode = cfg->mode,
		.position_dir = position_dir[0] != '\0' ? position_dir : NULL,
		.user = p,
	};

	_Static_assert(sizeof(vc.name) == sizeof(cfg->name), "names fit");
	_Static_assert(sizeof(vc.socket) == sizeof(cfg->socket), "socket paths fit");
	memcpy(vc.name, cfg->name, sizeof(vc.name));
	memcpy(vc.socket, cfg->socket, sizeof(vc.socket));
	p->rx_queues = cfg->queues;
	p->dev = vhost_port_create(&vc, err->text, sizeof(err->text));
	if (p->dev == NULL)
		return errno != 0 ? -errno : -EIO;
	return 0;
}

static void
vhost_close(struct dp_port *p)
{
	vhost_port_destroy(p->dev);
	p->dev = NULL;
}

/* Of the MTU the workers judge exactly; the ring bounds what it looks at. */
static int
vhost_apply(struct dp_port *p, const struct dp_port_settings *s, struct dp_error *err)
{
	int rc = vhost_port_enable(p->dev, s->enabled, err->text, sizeof(err->text));

	if (rc == 0)
		vhost_port_set_mtu(p->dev, s->mtu);
	return rc;
}

static void
vhost_status(struct dp_port *p, struct dp_port_status *st)
{
	static const enum dp_port_state states[] = {
		[VHOST_DOWN] = DP_PORT_DOWN,
		[VHOST_WAITING] = DP_PORT_WAITING,
		[VHOST_UP] = DP_PORT_UP,
		[VHOST_ERROR] = DP_PORT_ERROR,
	};

	vhost_port_status(p->dev, &st->vhost);
	st->state = states[st->vhost.state];
	st->queues = st->vhost.queues;
	memcpy(st->error, st->vhost.error, sizeof(st->error));
	st->error[sizeof(st->error) - 1] = '\0';
}

static void
vhost_counters(struct dp_port *p, struct dp_port_counters *c)
{
	uint64_t drop[DROP_REASONS] = {0};

	c->queues = p->rx_queues;
	for (uint16_t i = 0; i < c->queues; i++)
		vhost_port_counters(p->dev, i, &c->queue[i]);
	vhost_port_drops(p->dev, drop);
	for (unsigned int r = 0; r < DROP_REASONS; r++)
		c->drop[r] += drop[r];
}

static void
vhost_rx(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	vhost_port_rx(p->dev, queue, b);
	/* The back end knows of no other ports, and so not which of them it is. */
	for (unsigned int i = 0; i < b->count; i++)
		b->pkt[i].from = p->index;
}

static void
vhost_rx_complete(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	vhost_port_rx_complete(p->dev, queue);
}

static bool
vhost_rx_held(struct dp_port *p, uint16_t queue)
{
	return vhost_port_rx_held(p->dev, queue);
}

static bool
vhost_tx_ready(struct dp_port *p)
{
	return vhost_port_tx_queues(p->dev) != 0;
}

static struct dp_tx_caps
vhost_tx_caps(struct dp_port *p)
{
	struct vhost_tx_caps caps = vhost_port_tx_caps(p->dev);

	return (struct dp_tx_caps){.csum = caps.csum, .tso4 = caps.tso4, .tso6 = caps.tso6};
}

/*
 * Several rings: a flow always goes to the same one, so that a guest's CPU
 * finds it in its cache and no frame overtakes another of its flow. One lock
 * per ring and burst: the frames are sorted by ring first.
 */
static uint16_t
vhost_tx_spread(struct vhost_port *v, struct packet *const *pkts, uint16_t n, uint16_t rings)
{
	struct packet *sorted[PACKET_BURST];
	uint8_t ring_of[PACKET_BURST];
	uint16_t next[VHOST_QUEUE_PAIRS_MAX] = {0}, count[VHOST_QUEUE_PAIRS_MAX] = {0};
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
			taken += vhost_port_tx(v, r, sorted + at, count[r]);
		at += count[r];
	}
	/* Only the number matters: a ring copies, it keeps no view. */
	return taken;
}

static uint16_t
vhost_tx(struct dp_port *p, uint16_t worker, struct packet *const *pkts, uint16_t n)
{
	uint16_t rings = vhost_port_tx_queues(p->dev);

	if (__builtin_expect(rings <= 1, 1))
		return vhost_port_tx(p->dev, 0, pkts, n);
	return vhost_tx_spread(p->dev, pkts, n, rings);
}

static int
vhost_rx_fd(struct dp_port *p, uint16_t queue)
{
	return kick_fd(vhost_port_kick_fd(p->dev, queue));
}

static bool
vhost_rx_arm(struct dp_port *p, uint16_t queue)
{
	return vhost_port_rx_arm(p->dev, queue);
}

static void
vhost_rx_disarm(struct dp_port *p, uint16_t queue)
{
	vhost_port_rx_disarm(p->dev, queue);
}

const struct dp_port_ops dp_vhost_ops = {
	.name = "vhost",
	.full = DROP_RING_FULL,
	.open = vhost_open,
	.close = vhost_close,
	.apply = vhost_apply,
	.status = vhost_status,
	.counters = vhost_counters,
	.rx = vhost_rx,
	.rx_complete = vhost_rx_complete,
	.rx_held = vhost_rx_held,
	.tx_ready = vhost_tx_ready,
	.tx_caps = vhost_tx_caps,
	.tx = vhost_tx,
	.rx_fd = vhost_rx_fd,
	.rx_arm = vhost_rx_arm,
	.rx_disarm = vhost_rx_disarm,
};
