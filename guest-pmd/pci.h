/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: one ivshmem PCI device of a virtual machine, through sysfs: its
 * memory (BAR 2), its registers (BAR 0), its interrupt where uio_pci_generic has
 * it. Used by transport-pci.c alone, on the thread that it is on.
 *
 * For tests $NETVM_SYSFS stands before /sys and /dev.
 */
#ifndef GUEST_PMD_PCI_H
#define GUEST_PMD_PCI_H

#include "guest-pmd/private.h"

#define NETVM_PCI_NAME 16 /* 0000:00:05.0 */

struct netvm_pci {
	char bdf[NETVM_PCI_NAME];
	int file; /* resource2, open, holds the lock; -1: none */
	struct netvm_memory memory;
};

/* Writes the address in its long form. -EINVAL: it is none. */
int netvm_pci_address(const char *text, size_t n, char bdf[NETVM_PCI_NAME]);
/* The addresses of all ivshmem devices, sorted, up to max. */
int netvm_pci_scan(char (*bdf)[NETVM_PCI_NAME], int max);
/* Enables the device and maps its memory. */
int netvm_pci_open(struct netvm_pci *dev, const char *bdf);
/* -EBUSY: another process has it. */
int netvm_pci_lock(struct netvm_pci *dev);
void netvm_pci_close(struct netvm_pci *dev);
/* False: it was unplugged, whatever is at its address now. */
bool netvm_pci_present(const struct netvm_pci *dev);
/* What the memory begins with. */
uint64_t netvm_pci_magic(const struct netvm_pci *dev);
/* Maps BAR 0; *map is what to unmap, *registers lies in it. */
int netvm_pci_registers(
	const struct netvm_pci *dev, struct netvm_memory *map, volatile uint32_t **registers);
/* The ID that its server gave it, the same for both devices of a port; -1: not to be read. */
int64_t netvm_pci_id(const struct netvm_pci *dev);
/* Opens the device's UIO file; -1: it has none. */
int netvm_pci_uio(const struct netvm_pci *dev);

#endif
