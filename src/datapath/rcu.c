/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Grace periods over rte_rcu_qsbr. start and stop: control thread, while no
 * worker runs. Neighbours: worker.c reports, whoever unpublishes waits.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/datapath/rcu.h"

/* A worker's loop takes microseconds, so a short spin nearly always suffices;
 * past that the wait must not take CPU time from a worker on the same core. */
#define SPINS    64
#define SLEEP_US 20

struct rte_rcu_qsbr *dp_rcu;

int
dp_rcu_start(unsigned int workers)
{
	size_t size = rte_rcu_qsbr_get_memsize(workers);

	size = (size + 63) & ~(size_t)63;
	dp_rcu = aligned_alloc(64, size);
	if (dp_rcu == NULL)
		return -ENOMEM;
	if (rte_rcu_qsbr_init(dp_rcu, workers) != 0) {
		dp_rcu_stop();
		return -EINVAL;
	}
	for (unsigned int i = 0; i < workers; i++)
		rte_rcu_qsbr_thread_register(dp_rcu, i);
	return 0;
}

void
dp_rcu_stop(void)
{
	free(dp_rcu);
	dp_rcu = NULL;
}

void
dp_rcu_synchronize(void)
{
	uint64_t token;

	if (dp_rcu == NULL)
		return;
	token = rte_rcu_qsbr_start(dp_rcu);
	for (unsigned int i = 0; rte_rcu_qsbr_check(dp_rcu, token, false) == 0; i++) {
		if (i < SPINS)
			rte_pause();
		else
			usleep(SLEEP_US);
	}
}
