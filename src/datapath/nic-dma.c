/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port: guest memory for devices that read memory themselves.
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

#include "src/datapath/nic.h"

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

void
nic_dma_tick(void)
{
	if (nnics != 0)
		vhost_memory_walk(visit_tell, NULL);
}

void
nic_dma_forget(const struct vhost_stretch *s, unsigned int n, uint32_t reach)
{
	if (reach == TOLD)
		tell_not(s, n);
}

const char *
nic_dma_open(struct nic *nic)
{
	const char *bus = rte_bus_name(rte_dev_bus(nic->info.device));

	if (strcmp(bus, "vdev") == 0)
		return NULL;
	if (strcmp(bus, "pci") != 0 || rte_eal_iova_mode() != RTE_IOVA_VA ||
		!rte_vfio_is_enabled("vfio_pci"))
		return "the device reads memory itself, and not through VFIO and an IOMMU";
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
