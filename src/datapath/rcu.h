/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Grace periods. Workers read published tables (ports, settings, networks,
 * receive queues) without locks and report a quiescent state once per loop;
 * whoever unpublished something calls dp_rcu_synchronize() before freeing it.
 *
 * Threads: online, offline and quiescent belong to the worker that id names.
 * synchronize is for any other thread, several at a time.
 */
#ifndef NETVM_RCU_H
#define NETVM_RCU_H

#include <rte_rcu_qsbr.h>

extern struct rte_rcu_qsbr *dp_rcu; /* NULL while there are no workers */

int dp_rcu_start(unsigned int workers);
void dp_rcu_stop(void);

/* Waits until every worker that was online has passed a quiescent state. */
void dp_rcu_synchronize(void);

static inline void
dp_rcu_online(unsigned int id)
{
	rte_rcu_qsbr_thread_online(dp_rcu, id);
}

static inline void
dp_rcu_offline(unsigned int id)
{
	rte_rcu_qsbr_thread_offline(dp_rcu, id);
}

static inline void
dp_rcu_quiescent(unsigned int id)
{
	rte_rcu_qsbr_quiescent(dp_rcu, id);
}

#endif
