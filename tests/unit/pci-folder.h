/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A folder that looks like sysfs, with ivshmem devices, for cmocka tests: BAR 2 are links to
 * memories, the other files are texts. libnetvm finds it by $NETVM_SYSFS.
 */
#ifndef NETVM_PCI_FOLDER_H
#define NETVM_PCI_FOLDER_H

#include <stddef.h>

#define PCI_FOLDER_BAR0 0x840 /* where BAR 0 lies in its page */

extern char pci_folder[64]; /* its path */

void pci_folder_begin(void);
void pci_folder_end(void);
/* A device whose BAR 2 is the memory behind fd; -1: it has none. `device` is its ID. */
void pci_folder_add(const char *bdf, const char *device, int fd);
/* A device's small files; read from `at` on. */
void pci_folder_write(const char *bdf, const char *name, const char *text);
void pci_folder_read(const char *bdf, const char *name, long at, void *to, size_t n);

#endif
