/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: the transport of virtual machines, pci:RING[,POOL]. Two ivshmem
 * devices; the magic numbers tell the ring device from the pool device, and the
 * ring device's page says which pool it needs. A lock on the ring device's BAR 2
 * keeps other processes of the machine away. Threads: see struct netvm_transport.
 *
 * The doorbell to the host is a register. That of the guest is an interrupt, which
 * only a kernel driver can receive: with uio_pci_generic (a device without MSI) its
 * file is waited for, else a wait is a series of naps.
 *
 * QEMU keeps the memory for as long as the device is plugged in. When it is unplugged
 * our mappings stay (Linux 6.1 does not revoke them) and show zeroes, later what is plugged
 * in at the same place. So what we look after is whether both devices are still there.
 */
#include "guest-pmd/pci.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DEVICES_MAX 64
#define RETRY_NS    5000000
#define BAR0_MASK   0 /* of INTx, devices of revision 0 only */
#define BAR0_STATUS 4

struct pci_link {
	struct netvm_pci ring, pool;
	struct netvm_memory map; /* of BAR 0 */
	volatile uint32_t *registers;
	int uio[NETVM_VECTORS_MAX]; /* each with events of its own; -1: none */
};

/* --- finding ------------------------------------------------------------------------ */

/* Opens the ring device at this address and locks it. */
static int
open_ring(struct pci_link *p, const char *bdf)
{
	int err = netvm_pci_open(&p->ring, bdf);

	if (!err)
		err = netvm_pci_lock(&p->ring);
	return err;
}

/* The first ring device that nobody uses. */
static int
find_ring(const struct netvm_link *link, struct pci_link *p)
{
	char bdf[DEVICES_MAX][NETVM_PCI_NAME];
	int n = netvm_pci_scan(bdf, DEVICES_MAX), busy = 0, rings = 0;

	for (int i = 0; i < n; i++) {
		if (netvm_pci_open(&p->ring, bdf[i]) == 0 &&
			netvm_pci_magic(&p->ring) == NETVM_DEVICE_MAGIC) {
			rings++;
			if (netvm_pci_lock(&p->ring) == 0)
				return 0;
			busy++;
		}
		netvm_pci_close(&p->ring);
	}
	return netvm_fail(rings && busy == rings ? EBUSY : ENODEV,
		"%s: no free NetVM device: of %d ivshmem devices %d are a port's, %d of them in "
		"use",
		link->name, n, rings, busy);
}

static bool
is_pool(const struct netvm_pci *dev, uint64_t id)
{
	const struct netvm_pool *head = (const struct netvm_pool *)dev->memory.base;

	return netvm_pci_magic(dev) == NETVM_POOL_MAGIC &&
	       __atomic_load_n(&head->id, __ATOMIC_RELAXED) == id;
}

/* Opens the first device with this pool, and with this ID when it is not negative. */
static bool
open_pool(struct pci_link *p, char (*bdf)[NETVM_PCI_NAME], int n, uint64_t pool, int64_t id)
{
	for (int i = 0; i < n; i++) {
		if (strcmp(bdf[i], p->ring.bdf) != 0 && netvm_pci_open(&p->pool, bdf[i]) == 0 &&
			is_pool(&p->pool, pool) && (id < 0 || netvm_pci_id(&p->pool) == id))
			return true;
		netvm_pci_close(&p->pool);
	}
	return false;
}

/* The device whose pool the port's page names. There can be several, one for each port of
 * the group: the port's own is taken, which leaves when the port does and not before.
 * Any will do where the domain has but one. */
static int
find_pool(const struct netvm_link *link, struct pci_link *p)
{
	const struct netvm_device *page = (const struct netvm_device *)p->ring.memory.base;
	uint64_t id = __atomic_load_n(&page->pool_id, __ATOMIC_RELAXED);
	char bdf[DEVICES_MAX][NETVM_PCI_NAME];
	int n = netvm_pci_scan(bdf, DEVICES_MAX);

	if (open_pool(p, bdf, n, id, netvm_pci_id(&p->ring)) || open_pool(p, bdf, n, id, -1))
		return 0;
	return netvm_fail(ENODEV,
		"%s: none of this machine's %d ivshmem devices is the pool of pci:%s (pool ID "
		"%016" PRIx64 "); has the domain both devices?",
		link->name, n, p->ring.bdf, id);
}

/* Tries until the deadline: a device that was just plugged in has no page yet. */
static int
find(const struct netvm_link *link, struct pci_link *p, const char *pool, uint64_t deadline)
{
	int err;

	for (;;) {
		err = p->ring.file >= 0 ? 0 : find_ring(link, p);
		if (!err && netvm_pci_magic(&p->ring) == NETVM_POOL_MAGIC)
			return netvm_fail(ENODEV,
				"%s: pci:%s is a pool; expected the port's ring device first",
				link->name, p->ring.bdf);
		if (!err && pool)
			return netvm_pci_open(&p->pool, pool);
		if (!err)
			err = find_pool(link, p);
		if (!err || err == -EBUSY || netvm_nf_now_ns() >= deadline)
			return err;
		nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
	}
}

/* --- the transport -------------------------------------------------------------------- */

static int
pci_open(struct netvm_link *link, const char *where, uint64_t deadline)
{
	char ring[NETVM_PCI_NAME], pool[NETVM_PCI_NAME];
	const char *comma = strchr(where, ',');
	size_t n = comma ? (size_t)(comma - where) : strlen(where);
	struct pci_link *p = calloc(1, sizeof(*p));
	int err = 0;

	if (!p)
		return netvm_fail(ENOMEM, "%s: no memory", link->name);
	p->ring.file = p->pool.file = -1;
	memset(p->uio, 0xff, sizeof(p->uio));
	link->state = p;
	if ((n && netvm_pci_address(where, n, ring)) ||
		(comma && netvm_pci_address(comma + 1, strlen(comma + 1), pool)))
		return netvm_fail(EINVAL,
			"\"%s\" is no PCI address; expected pci:0000:00:05.0, or two such "
			"addresses with a comma between them, or just pci:",
			link->name);
	if (n)
		err = open_ring(p, ring);
	if (!err)
		err = find(link, p, comma ? pool : NULL, deadline);
	link->ring = p->ring.memory;
	link->pool = p->pool.memory;
	return err;
}

static int
pci_bells(struct netvm_link *link, uint16_t vectors, uint64_t deadline)
{
	struct pci_link *p = link->state;
	volatile uint32_t *registers;
	int err;

	if (p->registers)
		return 0;
	err = netvm_pci_registers(&p->ring, &p->map, &registers);
	if (err)
		return err;
	p->registers = registers;
	for (uint16_t i = 0; i < vectors; i++)
		p->uio[i] = netvm_pci_uio(&p->ring);
	if (p->uio[0] >= 0)
		registers[BAR0_MASK / sizeof(uint32_t)] = UINT32_MAX;
	return 0;
}

static int
pci_reopen(struct netvm_link *link, uint64_t deadline)
{
	return 0;
}

static int
pci_service(struct netvm_link *link)
{
	const struct pci_link *p = link->state;

	return netvm_pci_present(&p->ring) && netvm_pci_present(&p->pool) ? 0 : -ENODEV;
}

static void
pci_ring(struct netvm_link *link, uint16_t vector)
{
	struct pci_link *p = link->state;

	p->registers[NETVM_BAR0_BELL / sizeof(uint32_t)] = NETVM_HOST_PEER << 16 | vector;
}

static int
pci_fd(const struct netvm_link *link, uint16_t vector)
{
	return ((struct pci_link *)link->state)->uio[vector];
}

/* Reading the status makes the device let go of its interrupt line; then the
 * kernel, which masked it, may listen again. */
static void
pci_rest(const struct netvm_link *link, uint16_t vector)
{
	struct pci_link *p = link->state;
	uint32_t count, on = 1;

	if (p->uio[vector] < 0)
		return;
	if (read(p->uio[vector], &count, sizeof(count)) < 0)
		return; /* nothing came */
	count = p->registers[BAR0_STATUS / sizeof(uint32_t)];
	if (write(p->uio[vector], &on, sizeof(on)) < 0)
		return; /* waits end by their time limits then */
}

/* A nap ends by itself, and so does a wait for an interrupt. */
static void
pci_wake(const struct netvm_link *link, uint16_t vector)
{
}

static void
pci_close(struct netvm_link *link)
{
	struct pci_link *p = link->state;

	if (!p)
		return;
	for (int i = 0; i < NETVM_VECTORS_MAX; i++)
		if (p->uio[i] >= 0)
			close(p->uio[i]);
	if (p->map.base)
		munmap(p->map.base, p->map.size);
	netvm_pci_close(&p->pool);
	netvm_pci_close(&p->ring);
	free(p);
	link->state = NULL;
}

const struct netvm_transport netvm_transport_pci = {
	.prefix = "pci:",
	.open = pci_open,
	.bells = pci_bells,
	.reopen = pci_reopen,
	.service = pci_service,
	.ring = pci_ring,
	.fd = pci_fd,
	.rest = pci_rest,
	.wake = pci_wake,
	.close = pci_close,
};
