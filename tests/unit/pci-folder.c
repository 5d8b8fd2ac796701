/* SPDX-License-Identifier: BSD-3-Clause */
/* See pci-folder.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/pci-folder.h"

char pci_folder[64];

void
pci_folder_write(const char *bdf, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", pci_folder, bdf, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

void
pci_folder_read(const char *bdf, const char *name, long at, void *to, size_t n)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/%s", pci_folder, bdf, name);
	file = fopen(path, "r");
	assert_non_null(file);
	fseek(file, at, SEEK_SET);
	assert_int_equal(fread(to, 1, n, file), n);
	fclose(file);
}

void
pci_folder_add(const char *bdf, const char *device, int fd)
{
	char path[256], to[64], page[4097];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", pci_folder, bdf);
	assert_int_equal(mkdir(path, 0700), 0);
	pci_folder_write(bdf, "vendor", "0x1af4\n");
	pci_folder_write(bdf, "device", device);
	pci_folder_write(bdf, "enable", "0\n");
	pci_folder_write(bdf, "uevent", "PCI_ID=1AF4:1110\n");
	snprintf(page, sizeof(page), "0x%016x 0x%016x 0x0\n", 0xfebf0000 + PCI_FOLDER_BAR0,
		0xfebf0000 + PCI_FOLDER_BAR0 + 255);
	pci_folder_write(bdf, "resource", page);
	memset(page, 'x', sizeof(page) - 1);
	page[sizeof(page) - 1] = 0;
	pci_folder_write(bdf, "resource0", page);
	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/resource2", pci_folder, bdf);
	snprintf(to, sizeof(to), "/proc/%d/fd/%d", getpid(), fd);
	assert_int_equal(symlink(to, path), 0);
}

void
pci_folder_begin(void)
{
	char path[128];

	strcpy(pci_folder, "/tmp/test-netvm-pci-XXXXXX");
	assert_non_null(mkdtemp(pci_folder));
	for (const char *p = "/sys\0/sys/bus\0/sys/bus/pci\0/sys/bus/pci/devices\0"; *p;
		p += strlen(p) + 1) {
		snprintf(path, sizeof(path), "%s%s", pci_folder, p);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	setenv("NETVM_SYSFS", pci_folder, 1);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	return remove(path);
}

void
pci_folder_end(void)
{
	nftw(pci_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
