/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port: guest memory as part of an mbuf chain, without a copy.
 *
 * Theory of operation. A large frame from a guest goes out as one mbuf with the
 * private headers and one "shell", an mbuf without memory of its own, for each
 * piece of the payload where it lies. The shells share the loan's reference
 * count; when the driver frees the last of them, on whichever thread, the loan
 * is back.
 *
 * Which devices may borrow. A guest's buffer, and every one behind it in its
 * ring, waits until the driver frees the mbuf. So a driver must free what it
 * sent without waiting for the next frame:
 *
 *	- packet sockets, tap and the like copy inside tx_burst and free there;
 *	- others must have tx_done_cleanup. The worker that sent calls it in each
 *	  round (tx_reap) until all is back, and does not sleep long meanwhile.
 *	  Such drivers look at a completion only every tx_rs_thresh descriptors,
 *	  so that is set to 1.
 *	- a driver with neither gets copies.
 *
 * A device that makes no progress with what it borrowed (its link is down, say)
 * would keep a guest from sending to anybody: after a second it is restarted,
 * which ends its hold, and gets copies from then on. nic_revoke() does the same
 * at once when a ring stopped and its loans did not come back.
 *
 * Threads: nic_borrow() and nic_reap() workers, revoke the fd thread and the
 * control thread, the rest the control thread. nic_device_lock keeps the last two
 * apart where they touch a device.
 */
#include <pthread.h>
#include <string.h>

#include <rte_mbuf.h>

#include "src/datapath/nic.h"
#include "src/datapath/rcu.h"
#include "src/datapath/worker.h"

#define SEGS_MAX 17 /* of a frame, the headers' included: more are not worth it */

static_assert(sizeof(struct rte_mbuf_ext_shared_info) + sizeof(void *) <=
		      sizeof(((struct packet_loan *)0)->taker),
	"a loan has room for DPDK's record and one pointer");

/* Loans of a queue of a port, atomic: they outlive the port, so these do too. */
struct lent {
	uint64_t given, back;
};
static struct lent lent[DP_PORTS_MAX][DP_QUEUES_MAX];

pthread_mutex_t nic_device_lock = PTHREAD_MUTEX_INITIALIZER;
static struct dp_port
	*lazy[DP_PORTS_MAX]; /* devices that have to be reaped; under nic_device_lock */

/* --- workers ---------------------------------------------------------------- */

static void
loan_back(void *addr, void *loan)
{
	packet_loan_return(loan);
}

/* The queue's count after the loan's own end: it may be lent again at once. */
static void
lazy_loan_back(void *addr, void *loan)
{
	uint64_t *back = ((struct packet_loan *)loan)->taker[3];

	packet_loan_return(loan);
	/* Relaxed: a count, nothing hangs on it but how often the device is asked. */
	__atomic_fetch_add(back, 1, __ATOMIC_RELAXED);
}

static bool
may_borrow(const struct nic *nic, const struct packet *p)
{
	if (p->keep == PACKET_KEEP_MBUF || p->loan == NULL)
		return false;
	/* A pool's buffers are offered whatever their length, as ports of the group
	 * take them. */
	if (p->len - p->hdr_len < PACKET_LOAN_MIN)
		return false;
	/* Acquire, pairs with vhost_memory_walk(): the device was told of the memory
	 * before the number said so, or refused before (`borrows`, read after). */
	if (nic->dma != 0 && (p->loan->lender->dma == NULL || __atomic_load_n(p->loan->lender->dma,
								      __ATOMIC_ACQUIRE) < nic->dma))
		return false;
	if (!__atomic_load_n(&nic->borrows, __ATOMIC_RELAXED) || p->nmore + 2u > nic->segs_max ||
		p->rest_len > UINT16_MAX)
		return false;
	for (uint16_t i = 0; i < p->nmore; i++)
		if (p->more[i].len > UINT16_MAX)
			return false;
	return true;
}

static void
shell_fill(struct rte_mbuf *m, const struct packet_seg *s, struct rte_mbuf_ext_shared_info *info)
{
	/* Where a device needs an address of its own it is the same: nic-dma.c. */
	rte_pktmbuf_attach_extbuf(m, (void *)(uintptr_t)s->data, (rte_iova_t)(uintptr_t)s->data,
		(uint16_t)s->len, info);
	m->data_len = (uint16_t)s->len;
}

struct rte_mbuf *
nic_borrow(struct dp_port *port, uint16_t queue, struct packet *p)
{
	struct nic *nic = port->dev;
	struct rte_mbuf *shell[SEGS_MAX], *head;
	struct rte_mbuf_ext_shared_info *info;
	struct packet_loan *loan = p->loan;
	uint16_t n = (uint16_t)(p->nmore + 1);

	if (!may_borrow(nic, p))
		return NULL;
	if (unlikely(!packet_loan_take(p)))
		return NULL;
	head = rte_pktmbuf_alloc(nic->pool);
	if (unlikely(head == NULL || rte_pktmbuf_alloc_bulk(nic->shells, shell, n) != 0)) {
		rte_pktmbuf_free(head);
		packet_loan_return(loan);
		return NULL;
	}
	info = (void *)loan->taker;
	info->free_cb = loan_back;
	info->fcb_opaque = loan;
	if (nic->lazy) {
		info->free_cb = lazy_loan_back;
		loan->taker[3] = &lent[port->index][queue].back;
	}
	rte_mbuf_ext_refcnt_set(info, n);
	memcpy(rte_pktmbuf_mtod(head, void *), p->hdr, p->hdr_len);
	head->data_len = p->hdr_len;
	head->pkt_len = p->len;
	head->nb_segs = n + 1;
	head->next = shell[0];
	shell_fill(shell[0], &(struct packet_seg){.data = p->rest, .len = p->rest_len}, info);
	for (uint16_t i = 1; i < n; i++) {
		shell_fill(shell[i], &p->more[i - 1], info);
		shell[i - 1]->next = shell[i];
	}
	return head;
}

void
nic_lent(struct dp_port *port, uint16_t worker, uint16_t queue, uint16_t n)
{
	/* Relaxed: nic_lent_tick() looks now and then. Added, not stored: queues that
	 * workers share are not locked yet. */
	__atomic_fetch_add(&lent[port->index][queue].given, n, __ATOMIC_RELAXED);
	worker_reap_later(dp_worker[worker], port);
}

static uint64_t
outstanding(const struct lent *l)
{
	return __atomic_load_n(&l->given, __ATOMIC_RELAXED) -
	       __atomic_load_n(&l->back, __ATOMIC_RELAXED);
}

bool
nic_reap(struct dp_port *port, uint16_t worker)
{
	struct nic *nic = port->dev;
	uint16_t queue = worker % nic->ntxq;
	bool shared = nic->workers > nic->ntxq;

	if (!nic_tx_ready(port))
		return false;
	if (shared)
		rte_spinlock_lock(&nic->txq[queue].lock);
	(void)rte_eth_tx_done_cleanup(nic->port_id, queue, 0);
	if (shared)
		rte_spinlock_unlock(&nic->txq[queue].lock);
	return outstanding(&lent[port->index][queue]) == 0;
}

/* --- open and close ----------------------------------------------------------- */

/* Drivers that free an mbuf, or copy it, before tx_burst returns. */
static bool
frees_at_once(const char *driver)
{
	static const char *const names[] = {"net_af_packet", "net_tap", "net_null", "net_pcap"};

	for (unsigned int i = 0; i < RTE_DIM(names); i++)
		if (strcmp(driver, names[i]) == 0)
			return true;
	return false;
}

/* Before the queues are set up. */
void
nic_lent_tune(struct nic *nic, struct rte_eth_txconf *conf)
{
	/* A lone frame's completion must be seen without 31 more behind it. */
	if (nic->zero_copy && !frees_at_once(nic->info.driver_name) && conf->tx_rs_thresh > 1 &&
		conf->tx_thresh.wthresh == 0)
		conf->tx_rs_thresh = 1;
}

/* Why the device gets copies; NULL: it may borrow. The device runs. */
static const char *
why_not(struct nic *nic)
{
	uint16_t most = nic->info.tx_desc_lim.nb_mtu_seg_max;

	if (!nic->zero_copy)
		return "switched off";
	if (!nic->multi_seg)
		return "the driver takes no frames in pieces";
	nic->segs_max = most == 0 || most > SEGS_MAX ? SEGS_MAX : most;
	nic->lazy = !frees_at_once(nic->info.driver_name);
	if (nic->lazy && rte_eth_tx_done_cleanup(nic->port_id, 0, 0) == -ENOTSUP)
		return "the driver keeps what it sent until it sends more";
	return nic_dma_open(nic);
}

void
nic_lent_open(struct dp_port *port)
{
	struct nic *nic = port->dev;

	nic->no_borrow = why_not(nic);
	if (nic->no_borrow == NULL)
		nic_lent_allow(port);
}

void
nic_lent_allow(struct dp_port *port)
{
	struct nic *nic = port->dev;

	nic->no_borrow = NULL;
	if (nic_create_shells(nic) != 0) {
		nic->no_borrow = "packet memory is used up";
		return;
	}
	pthread_mutex_lock(&nic_device_lock);
	if (nic->lazy)
		lazy[port->index] = port;
	pthread_mutex_unlock(&nic_device_lock);
	vhost_lend(true);
	__atomic_store_n(&nic->borrows, true, __ATOMIC_RELAXED);
}

static void
stop_borrowing(struct nic *nic, const char *why)
{
	if (!__atomic_exchange_n(&nic->borrows, false, __ATOMIC_RELAXED))
		return;
	nic->no_borrow = why;
	vhost_lend(false);
}

void
nic_lent_refuse(struct nic *nic, const char *why)
{
	pthread_mutex_lock(&nic_device_lock);
	stop_borrowing(nic, why);
	pthread_mutex_unlock(&nic_device_lock);
}

void
nic_lent_close(struct dp_port *port)
{
	pthread_mutex_lock(&nic_device_lock);
	lazy[port->index] = NULL;
	stop_borrowing(port->dev, "the port is closing");
	pthread_mutex_unlock(&nic_device_lock);
	nic_dma_close(port->dev);
}

/* --- devices that keep what they borrowed ------------------------------------ */

static uint64_t
port_outstanding(uint16_t index)
{
	uint64_t n = 0;

	for (unsigned int q = 0; q < DP_QUEUES_MAX; q++)
		n += outstanding(&lent[index][q]);
	return n;
}

/* nic_device_lock held. A stopped device has freed its mbufs and reads nothing. */
static void
revoke(struct dp_port *port)
{
	struct nic *nic = port->dev;

	stop_borrowing(nic, "the device kept what it borrowed for too long");
	__atomic_store_n(&nic->started, false, __ATOMIC_RELAXED);
	dp_rcu_synchronize();
	(void)rte_eth_dev_stop(nic->port_id);
	if (rte_eth_dev_start(nic->port_id) == 0)
		__atomic_store_n(&nic->started, true, __ATOMIC_RELAXED);
	dp_port_changed(port);
}

void
nic_revoke(void)
{
	pthread_mutex_lock(&nic_device_lock);
	for (uint16_t i = 0; i < DP_PORTS_MAX; i++)
		if (lazy[i] != NULL && port_outstanding(i) != 0)
			revoke(lazy[i]);
	pthread_mutex_unlock(&nic_device_lock);
}

void
nic_lent_tick(void)
{
	static uint64_t back_before[DP_PORTS_MAX], out_before[DP_PORTS_MAX];

	pthread_mutex_lock(&nic_device_lock);
	for (uint16_t i = 0; i < DP_PORTS_MAX; i++) {
		uint64_t out, back = 0;

		if (lazy[i] == NULL)
			continue;
		out = port_outstanding(i);
		for (unsigned int q = 0; q < DP_QUEUES_MAX; q++)
			back += __atomic_load_n(&lent[i][q].back, __ATOMIC_RELAXED);
		if (out != 0 && out_before[i] != 0 && back == back_before[i])
			revoke(lazy[i]);
		out_before[i] = out;
		back_before[i] = back;
	}
	pthread_mutex_unlock(&nic_device_lock);
}
