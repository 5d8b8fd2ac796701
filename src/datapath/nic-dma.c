/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port: guests' memory and groups' pools for devices that read memory themselves.
 *
 * Theory of operation. A device behind an IOMMU reaches only what VFIO was told
 * of; all of a process' devices share one list of that (the default container).
 * As long as there is such a NIC, the control thread adds the peers' memory
 * tables to it, once a second: telling pins the guest's memory, which may take
 * long, and nobody else waits for it. A table's `reach` says how far it has come,
 * and a NIC borrows only from one that is TOLD (nic-lent.c); until then frames
 * are copied. When a table is refused, no such NIC borrows any more.
 *
 *	UNKNOWN -> TOLD      nic_dma_tick() while there is a NIC
 *	UNKNOWN -> REFUSED   likewise
 *	TOLD -> UNKNOWN      the last NIC has gone
 *	any -> (unmapped)    nic_dma_forget()
 *
 * A group's pool is one more such memory, with a `reach` of its own. A device that
 * receives into it is told before it starts; others are with the next tick, and get
 * copies until then. What was told stays so until the pool goes: DPDK tells devices
 * that come later, and a pool is one mapping, not hundreds.
 *
 * None of this has met hardware: there is none where it was written.
 *
 * Addresses are our own (RTE_IOVA_VA), so physical ones never matter.
 *
 * Threads: the control thread; nic_dma_forget() also rte_vhost's fd thread, which
 * touches no state of ours.
 */
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <rte_vfio.h>

#include "src/datapath/group.h"
#include "src/datapath/nic.h"
#include "src/datapath/table.h"

enum reach { UNKNOWN, REFUSED, TOLD };

static struct nic *nics[DP_PORTS_MAX];
static unsigned int nnics;

static uint64_t
number(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static void
tell_not(const struct vhost_stretch *s, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		(void)rte_vfio_container_dma_unmap(
			RTE_VFIO_DEFAULT_CONTAINER_FD, number(s[i].at), number(s[i].at), s[i].len);
		(void)rte_extmem_unregister(s[i].at, s[i].len);
	}
}

static bool
tell(const struct vhost_stretch *s, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		bool registered = rte_extmem_register(s[i].at, s[i].len, NULL,
					  (unsigned int)(s[i].len / s[i].page), s[i].page) == 0;

		if (registered && rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD,
					  number(s[i].at), number(s[i].at), s[i].len) == 0)
			continue;
		if (registered)
			(void)rte_extmem_unregister(s[i].at, s[i].len);
		tell_not(s, i);
		return false;
	}
	return true;
}

static uint32_t
visit_tell(const struct vhost_stretch *s, unsigned int n, uint32_t reach, void *arg)
{
	if (reach != UNKNOWN)
		return reach;
	if (tell(s, n))
		return TOLD;
	for (unsigned int i = 0; i < nnics; i++)
		nic_lent_refuse(nics[i], "the IOMMU has no room for the guests' memory");
	return REFUSED;
}

/* --- pools ------------------------------------------------------------------- */

static struct vhost_stretch
pool_stretch(const struct shm_pool *pool)
{
	struct vhost_stretch s;
	void *at;

	shm_pool_memory(pool, &at, &s.len, &s.page);
	s.at = at;
	return s;
}

static bool
pool_tell(struct shm_pool *pool)
{
	if (shm_pool_reach(pool) == UNKNOWN) {
		const struct vhost_stretch s = pool_stretch(pool);

		shm_pool_set_reach(pool, tell(&s, 1) ? TOLD : REFUSED);
	}
	return shm_pool_reach(pool) == TOLD;
}

static void
visit_pool(const char *name, struct dp_group *group, void *arg)
{
	/* Refused: what is sent from it is copied. */
	(void)pool_tell(group->pool);
}

void
nic_dma_forget_pool(struct shm_pool *pool)
{
	const struct vhost_stretch s = pool_stretch(pool);

	if (shm_pool_reach(pool) == TOLD)
		tell_not(&s, 1);
	shm_pool_set_reach(pool, UNKNOWN);
}

/* --- devices ----------------------------------------------------------------- */

void
nic_dma_tick(void)
{
	if (nnics == 0)
		return;
	vhost_memory_walk(visit_tell, NULL);
	dp_group_walk(visit_pool, NULL);
}

void
nic_dma_forget(const struct vhost_stretch *s, unsigned int n, uint32_t reach)
{
	if (reach == TOLD)
		tell_not(s, n);
}

static bool
has_dma(const struct rte_device *device)
{
	return strcmp(rte_bus_name(rte_dev_bus(device)), "vdev") != 0;
}

/* Why it cannot be told of memory; NULL: it can. */
static const char *
cannot_tell(const struct rte_device *device)
{
	if (strcmp(rte_bus_name(rte_dev_bus(device)), "pci") == 0 &&
		rte_eal_iova_mode() == RTE_IOVA_VA && rte_vfio_is_enabled("vfio_pci"))
		return NULL;
	return "the device reads memory itself, and not through VFIO and an IOMMU";
}

const char *
nic_dma_join(const struct rte_device *device, struct shm_pool *pool)
{
	const char *why;

	if (!has_dma(device))
		return NULL;
	why = cannot_tell(device);
	if (why == NULL && !pool_tell(pool))
		why = "the IOMMU has no room for the pool";
	return why;
}

const char *
nic_dma_open(struct nic *nic)
{
	const char *why;

	if (!has_dma(nic->info.device))
		return NULL;
	why = cannot_tell(nic->info.device);
	if (why != NULL)
		return why;
	nic->dma = TOLD;
	nics[nnics++] = nic;
	return NULL;
}

static uint32_t
visit_tell_not(const struct vhost_stretch *s, unsigned int n, uint32_t reach, void *arg)
{
	if (reach == TOLD)
		tell_not(s, n);
	return UNKNOWN;
}

void
nic_dma_close(struct nic *nic)
{
	unsigned int at = 0;

	while (at < nnics && nics[at] != nic)
		at++;
	if (at == nnics)
		return;
	nics[at] = nics[--nnics];
	/* What it still holds it reads until it stops. */
	(void)rte_eth_dev_stop(nic->port_id);
	if (nnics == 0)
		vhost_memory_walk(visit_tell_not, NULL);
}
