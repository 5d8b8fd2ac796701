/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Message hooks: what happens around the library's own message handlers.
 *
 * Theory of operation. One table says for each request which payload it must
 * have, which ring it names, and what it changes under us. Before the library
 * handles a message, pre() refuses everything that is not in the table or does
 * not fit, and takes the rings that it changes away from workers. After the
 * library has handled it *successfully*, post() fetches everything again and
 * lets them run. The library skips post() when a message failed; the rings then
 * stay paused until a later message for them succeeds, and `unfinished` lets the
 * next event say which message it was.
 *
 * What is refused here although the library would take it, and why:
 *   POSTCOPY_*       a userfaultfd of the peer's over guest memory stops any
 *                    thread that touches it for as long as the peer likes
 *   *_INFLIGHT_FD    the library writes into a mapping of a file that the peer
 *                    sized, whether or not it was negotiated
 *   IOTLB_MSG, SET_SLAVE_REQ_FD, *_CONFIG, CRYPTO_*   not offered
 * SET_LOG_BASE never gets to the library: see vhost-log.c.
 *
 * Runs on the fd thread, some under the library's ring locks. A refusal closes
 * the message's descriptors: the library does not, and a peer could use all of
 * ours up.
 */
#include <poll.h>
#include <rte_vhost.h>
#include <unistd.h>

#include "vhost/vhost-msg.h"
#include "vhost/vhost-private.h"

enum msg_effect {
	MSG_NONE,      /* changes nothing that a ring stands on */
	MSG_PAUSE,     /* the ring it names */
	MSG_PAUSE_ALL, /* every ring */
	MSG_STOP,      /* the ring it names: its position is set by the peer */
	MSG_STOP_ALL,  /* every ring: the library stops the device */
};

enum msg_ring { RING_NONE, RING_STATE, RING_ADDR, RING_FD };

struct msg_rule {
	const char *name;  /* NULL: refused */
	uint16_t min, max; /* bytes of payload */
	enum msg_ring ring;
	enum msg_effect effect;
};

#define U64 8, 8
static const struct msg_rule rules[VHOST_MSG_END] = {
	[VHOST_MSG_GET_FEATURES] = {"GET_FEATURES", 0, 8, RING_NONE, MSG_NONE},
	[VHOST_MSG_SET_FEATURES] = {"SET_FEATURES", U64, RING_NONE, MSG_PAUSE_ALL},
	[VHOST_MSG_SET_OWNER] = {"SET_OWNER", 0, 8, RING_NONE, MSG_NONE},
	[VHOST_MSG_RESET_OWNER] = {"RESET_OWNER", 0, 8, RING_NONE, MSG_STOP_ALL},
	[VHOST_MSG_SET_MEM_TABLE] = {"SET_MEM_TABLE", 8, 8 + 32 * VHOST_MSG_REGIONS, RING_NONE,
		MSG_PAUSE_ALL},
	[VHOST_MSG_SET_LOG_BASE] = {"SET_LOG_BASE", 16, 16, RING_NONE, MSG_PAUSE_ALL},
	/* An eventfd that nobody has a use for; the library closes it. */
	[VHOST_MSG_SET_LOG_FD] = {"SET_LOG_FD", 0, 8, RING_NONE, MSG_NONE},
	[VHOST_MSG_SET_VRING_NUM] = {"SET_VRING_NUM", U64, RING_STATE, MSG_PAUSE},
	[VHOST_MSG_SET_VRING_ADDR] = {"SET_VRING_ADDR", 40, 40, RING_ADDR, MSG_PAUSE},
	[VHOST_MSG_SET_VRING_BASE] = {"SET_VRING_BASE", U64, RING_STATE, MSG_STOP},
	[VHOST_MSG_GET_VRING_BASE] = {"GET_VRING_BASE", U64, RING_STATE, MSG_STOP_ALL},
	[VHOST_MSG_SET_VRING_KICK] = {"SET_VRING_KICK", U64, RING_FD, MSG_PAUSE},
	/* No pause: guests mask and unmask interrupts under traffic, and a pause
	 * drops packets. vhost_ring_swap_call() does it in flight. */
	[VHOST_MSG_SET_VRING_CALL] = {"SET_VRING_CALL", U64, RING_FD, MSG_NONE},
	[VHOST_MSG_SET_VRING_ERR] = {"SET_VRING_ERR", U64, RING_FD, MSG_NONE},
	[VHOST_MSG_GET_PROTOCOL_FEATURES] = {"GET_PROTOCOL_FEATURES", 0, 8, RING_NONE, MSG_NONE},
	[VHOST_MSG_SET_PROTOCOL_FEATURES] = {"SET_PROTOCOL_FEATURES", U64, RING_NONE, MSG_NONE},
	[VHOST_MSG_GET_QUEUE_NUM] = {"GET_QUEUE_NUM", 0, 8, RING_NONE, MSG_NONE},
	[VHOST_MSG_SET_VRING_ENABLE] = {"SET_VRING_ENABLE", U64, RING_STATE, MSG_PAUSE},
	[VHOST_MSG_SEND_RARP] = {"SEND_RARP", U64, RING_NONE, MSG_NONE},
	[VHOST_MSG_NET_SET_MTU] = {"NET_SET_MTU", U64, RING_NONE, MSG_NONE},
	/* 0 does not reset rings: the frontend stops them with GET_VRING_BASE. */
	[VHOST_MSG_SET_STATUS] = {"SET_STATUS", U64, RING_NONE, MSG_NONE},
	[VHOST_MSG_GET_STATUS] = {"GET_STATUS", 0, 8, RING_NONE, MSG_NONE},
};

const char *
vhost_request_name(uint32_t request)
{
	if (request >= VHOST_MSG_END || !rules[request].name)
		return "an unknown message";
	return rules[request].name;
}

/* The ring that the message names. */
static uint32_t
msg_ring(const struct msg_rule *rule, const struct vhost_message *m)
{
	switch (rule->ring) {
	case RING_STATE:
		return m->payload.state.index;
	case RING_ADDR:
		return m->payload.addr.index;
	case RING_FD:
		return (uint32_t)(m->payload.u64 & VHOST_MSG_RING_MASK);
	case RING_NONE:
		break;
	}
	return 0;
}

static uint32_t
msg_mask(const struct msg_rule *rule, const struct vhost_message *m)
{
	switch (rule->effect) {
	case MSG_PAUSE:
	case MSG_STOP:
		return UINT32_C(1) << msg_ring(rule, m);
	case MSG_PAUSE_ALL:
	case MSG_STOP_ALL:
		return VHOST_ALL_RINGS;
	case MSG_NONE:
		break;
	}
	return 0;
}

static void
msg_close_fds(struct vhost_message *m)
{
	for (int i = 0; i < m->nfds && i < VHOST_MSG_REGIONS; i++) {
		if (m->fds[i] >= 0)
			close(m->fds[i]);
		m->fds[i] = -1;
	}
	m->nfds = 0;
}

static enum rte_vhost_msg_result
msg_refuse(struct vhost_message *m)
{
	msg_close_fds(m);
	return RTE_VHOST_MSG_RESULT_ERR;
}

/*
 * A peer that does not read its replies would block the fd thread in sendmsg(),
 * up to the timeout, at every message: the library ignores that sends fail.
 */
static bool
msg_peer_reads(struct vhost_port *p, struct vhost_message *m)
{
	struct pollfd pfd = {
		.fd = atomic_load_explicit(&p->connfd, memory_order_relaxed), .events = POLLOUT};

	if (poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLOUT))
		return true;
	/* Without this flag the library ends the connection. */
	m->flags &= ~VHOST_MSG_NEED_REPLY;
	vhost_error(p, -1, "the peer does not read our replies");
	return false;
}

/* What can be said about the message itself. */
static bool
msg_well_formed(struct vhost_port *p, const struct vhost_message *m)
{
	const struct msg_rule *rule = &rules[m->request < VHOST_MSG_END ? m->request : 0];

	if (!rule->name) {
		vhost_error(p, -1, "the peer sent request %u, which was not offered", m->request);
		return false;
	}
	if (m->size < rule->min || m->size > rule->max) {
		vhost_error(p, -1, "the peer sent %s with %u bytes, %u to %u were expected",
			rule->name, m->size, rule->min, rule->max);
		return false;
	}
	if (rule->ring != RING_NONE && msg_ring(rule, m) >= vhost_rings(p)) {
		vhost_error(p, -1,
			"the peer sent %s for ring %u, but the port has %u queue pairs (rings "
			"0 to %u)",
			rule->name, msg_ring(rule, m), p->cfg.queues, vhost_rings(p) - 1);
		return false;
	}
	return true;
}

/* The guest's MTU is set in its domain; ours is the limit that it must keep. */
static bool
msg_mtu_ok(struct vhost_port *p, const struct vhost_message *m)
{
	uint16_t mtu = atomic_load_explicit(&p->mtu, memory_order_relaxed);

	if (m->payload.u64 >= 68 && m->payload.u64 <= mtu)
		return true;
	vhost_error(p, -1, "the guest's MTU is %" PRIu64 ", this port allows 68 to %u",
		m->payload.u64, mtu);
	return false;
}

/* An earlier message whose post-hook did not come: the library refused it. */
static void
msg_explain_failure(struct vhost_port *p)
{
	if (p->unfinished)
		vhost_error(p, -1, "the peer's %s was malformed and has been refused",
			vhost_request_name(p->unfinished));
	p->unfinished = 0;
}

static enum rte_vhost_msg_result
msg_queue_num(struct vhost_port *p, struct vhost_message *m)
{
	/* The library would say 128 whatever the port has. */
	msg_close_fds(m);
	m->payload.u64 = p->cfg.queues;
	m->size = sizeof(m->payload.u64);
	return RTE_VHOST_MSG_RESULT_REPLY;
}

/* A new dirty log; the rings have been left. The answer has no payload. */
static enum rte_vhost_msg_result
msg_log_base(struct vhost_port *p, struct vhost_message *m)
{
	bool ok = vhost_log_map(p, m);

	/* Not in post(), which runs after the answer is out, or not at all. */
	vhost_rings_start(p, VHOST_ALL_RINGS);
	if (!ok) {
		/* It has been said why. */
		p->unfinished = 0;
		return msg_refuse(m);
	}
	vhost_log_check(p);
	msg_close_fds(m);
	m->size = 0;
	return RTE_VHOST_MSG_RESULT_REPLY;
}

static bool
msg_sensible(struct vhost_port *p, const struct vhost_message *m)
{
	if (m->request == VHOST_MSG_NET_SET_MTU)
		return msg_mtu_ok(p, m);
	if (m->request == VHOST_MSG_SET_MEM_TABLE)
		return vhost_memory_check(p, m);
	if (m->request == VHOST_MSG_SET_LOG_BASE)
		return vhost_log_message_ok(p, m);
	return true;
}

static enum rte_vhost_msg_result
msg_pre(int vid, void *data)
{
	struct vhost_port *p = vhost_port_by_vid(vid);
	struct vhost_message *m = data;
	const struct msg_rule *rule;

	vhost_fault_blame(-1);
	if (!p || atomic_load_explicit(&p->closing, memory_order_acquire))
		return msg_refuse(m);
	msg_explain_failure(p);
	if (!msg_peer_reads(p, m) || !msg_well_formed(p, m) || !msg_sensible(p, m)) {
		p->fatal = !(m->flags & VHOST_MSG_NEED_REPLY);
		return msg_refuse(m);
	}
	rule = &rules[m->request];
	if (m->request == VHOST_MSG_GET_QUEUE_NUM)
		return msg_queue_num(p, m);
	vhost_rings_leave(p, msg_mask(rule, m),
		rule->effect == MSG_STOP || rule->effect == MSG_STOP_ALL ? RING_STOPPED
									 : RING_PAUSED);
	p->unfinished = m->request;
	p->fatal = !(m->flags & VHOST_MSG_NEED_REPLY);
	if (m->request == VHOST_MSG_RESET_OWNER) {
		/* Deprecated; the specification wants it to disable rings. The
		 * library would drop the memory table and leak its rings' tables. */
		for (unsigned int i = 0; i < vhost_rings(p); i++)
			p->ring[i].reset = true;
		msg_close_fds(m);
		return RTE_VHOST_MSG_RESULT_OK;
	}
	if (m->request == VHOST_MSG_SET_LOG_BASE)
		return msg_log_base(p, m);
	/* The library would not map a ring whose log it cannot find, and has no use
	 * for it. */
	if (m->request == VHOST_MSG_SET_VRING_ADDR)
		m->payload.addr.flags &= ~(1u << VHOST_VRING_F_LOG);
	if (m->request == VHOST_MSG_GET_VRING_BASE)
		vhost_ring_base_asked(p, m->payload.state.index);
	if (m->request == VHOST_MSG_SET_MEM_TABLE)
		vhost_memory_begin(p, m);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static void
msg_show_features(struct vhost_port *p)
{
	bool logged = p->features >> VHOST_F_LOG_ALL & 1;

	/* From the library, not from the message: it may have cleared some. */
	(void)rte_vhost_get_negotiated_features(p->vid, &p->features);
	/* The end of a migration; the next one brings a log of its own. */
	if (logged && !(p->features >> VHOST_F_LOG_ALL & 1))
		vhost_log_forget(p);
	atomic_store_explicit(&p->tx_caps, vhost_caps(p->features), memory_order_relaxed);
	pthread_mutex_lock(&p->lock);
	p->shown.features = p->features;
	p->shown.protocol_features = p->protocol_features;
	pthread_mutex_unlock(&p->lock);
}

static void
msg_rarp(struct vhost_port *p, const struct vhost_message *m)
{
	uint64_t mac = m->payload.u64 & UINT64_C(0xffffffffffff);

	/* A group address cannot be a source. Release, pairs with the exchange
	 * in vhost_port_rx(). */
	if (!mac || (mac & 1))
		return;
	atomic_store_explicit(&p->rarp, mac | VHOST_RARP_DUE, memory_order_release);
	/* A guest that has just arrived may be silent for long. */
	vhost_rings_wake(p);
}

static void
msg_remember(struct vhost_port *p, struct vhost_message *m)
{
	switch (m->request) {
	case VHOST_MSG_SET_FEATURES:
		msg_show_features(p);
		break;
	case VHOST_MSG_SET_PROTOCOL_FEATURES:
		p->protocol_features = m->payload.u64;
		msg_show_features(p);
		break;
	case VHOST_MSG_SET_MEM_TABLE:
		vhost_memory_done(p, m);
		vhost_log_check(p);
		break;
	case VHOST_MSG_SET_VRING_ADDR: {
		const struct vhost_vring_addr addr = m->payload.addr;

		p->ring[addr.index].address = (struct vhost_ring_address){
			addr.desc_user_addr, addr.avail_user_addr, addr.used_user_addr, true};
		break;
	}
	case VHOST_MSG_SET_VRING_BASE:
		vhost_ring_base_set(p, m->payload.state.index, (uint16_t)m->payload.state.num);
		break;
	case VHOST_MSG_GET_VRING_BASE:
		vhost_ring_base_told(p, m->payload.state.index);
		break;
	case VHOST_MSG_SET_VRING_ENABLE:
		p->ring[m->payload.state.index].reset = false;
		break;
	case VHOST_MSG_SET_VRING_KICK:
		p->ring[msg_ring(&rules[m->request], m)].reset = false;
		/* The library translates the addresses now, and says nothing when
		 * it cannot. */
		(void)vhost_ring_explain_parts(p, msg_ring(&rules[m->request], m));
		break;
	case VHOST_MSG_SET_VRING_CALL:
		vhost_ring_swap_call(p, msg_ring(&rules[m->request], m));
		break;
	case VHOST_MSG_SEND_RARP:
		msg_rarp(p, m);
		break;
	case VHOST_MSG_NET_SET_MTU:
		pthread_mutex_lock(&p->lock);
		p->shown.guest_mtu = (uint16_t)m->payload.u64;
		pthread_mutex_unlock(&p->lock);
		break;
	default:
		break;
	}
}

static enum rte_vhost_msg_result
msg_post(int vid, void *data)
{
	struct vhost_port *p = vhost_port_by_vid(vid);
	struct vhost_message *m = data;
	const struct msg_rule *rule;

	if (!p || m->request >= VHOST_MSG_END)
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	rule = &rules[m->request];
	p->unfinished = 0;
	p->fatal = false;
	msg_remember(p, m);
	/* After "disable" the library calls the ring ready until it has told us
	 * otherwise; it must not run in between. */
	if (m->request == VHOST_MSG_SET_VRING_ENABLE && m->payload.state.num == 0)
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	if (rule->effect == MSG_PAUSE || rule->effect == MSG_PAUSE_ALL || rule->effect == MSG_STOP)
		vhost_rings_start(p, msg_mask(rule, m));
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

const struct rte_vhost_user_extern_ops vhost_message_hooks = {
	.pre_msg_handle = msg_pre,
	.post_msg_handle = msg_post,
};
