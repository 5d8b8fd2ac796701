/* SPDX-License-Identifier: BSD-3-Clause */
/* libnetvm: see pci.h. */
#include "guest-pmd/pci.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICES   "/sys/bus/pci/devices"
#define PATH_SIZE 512
#define BAR0_SIZE 256

static const char *
root(void)
{
	const char *r = secure_getenv("NETVM_SYSFS");

	return r ? r : "";
}

static void
device_path(char path[PATH_SIZE], const char *bdf, const char *file)
{
	snprintf(path, PATH_SIZE, "%s" DEVICES "/%s/%s", root(), bdf, file);
}

/* A device's small file as text; false: not readable. */
static bool
read_text(const char *bdf, const char *file, char *text, size_t size)
{
	char path[PATH_SIZE];
	ssize_t n;
	int fd;

	device_path(path, bdf, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	return n > 0;
}

int
netvm_pci_address(const char *text, size_t n, char bdf[NETVM_PCI_NAME])
{
	unsigned int domain = 0, bus, slot, function;
	char copy[NETVM_PCI_NAME];
	int end = 0;

	if (n >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, n);
	copy[n] = 0;
	if (sscanf(copy, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) != 4 ||
		copy[end]) {
		domain = 0;
		end = 0;
		if (sscanf(copy, "%2x:%2x.%1x%n", &bus, &slot, &function, &end) != 3 || copy[end])
			return -EINVAL;
	}
	snprintf(bdf, NETVM_PCI_NAME, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, slot & 0xff,
		function & 7);
	return 0;
}

static bool
is_ivshmem(const char *bdf)
{
	char vendor[16], device[16];

	return read_text(bdf, "vendor", vendor, sizeof(vendor)) &&
	       read_text(bdf, "device", device, sizeof(device)) &&
	       strtoul(vendor, NULL, 16) == NETVM_PCI_VENDOR &&
	       strtoul(device, NULL, 16) == NETVM_PCI_DEVICE;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
netvm_pci_scan(char (*bdf)[NETVM_PCI_NAME], int max)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s" DEVICES, root());
	dir = opendir(path);
	if (!dir)
		return 0;
	while (n < max && (entry = readdir(dir)))
		if (netvm_pci_address(entry->d_name, strlen(entry->d_name), bdf[n]) == 0 &&
			is_ivshmem(bdf[n]))
			n++;
	closedir(dir);
	qsort(bdf, n, sizeof(*bdf), by_name);
	return n;
}

/* Memory access is off until somebody enables the device. */
static int
enable(const char *bdf)
{
	char path[PATH_SIZE], text[16];
	int fd, err = 0;

	if (read_text(bdf, "enable", text, sizeof(text)) && atoi(text) > 0)
		return 0;
	device_path(path, bdf, "enable");
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		err = netvm_fail(errno, "pci:%s: cannot enable the device: %s: %s", bdf, path,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

int
netvm_pci_open(struct netvm_pci *dev, const char *bdf)
{
	char path[PATH_SIZE];
	struct stat st;
	void *base;
	int err;

	memset(dev, 0, sizeof(*dev));
	dev->file = -1;
	snprintf(dev->bdf, sizeof(dev->bdf), "%s", bdf);
	if (!is_ivshmem(bdf))
		return netvm_fail(ENODEV,
			"pci:%s: there is no ivshmem device (vendor %04x, device %04x) at this "
			"address",
			bdf, NETVM_PCI_VENDOR, NETVM_PCI_DEVICE);
	err = enable(bdf);
	if (err)
		return err;
	device_path(path, bdf, "resource2");
	dev->file = open(path, O_RDWR | O_CLOEXEC);
	if (dev->file < 0 || fstat(dev->file, &st) < 0)
		return netvm_fail(errno, "pci:%s: cannot open %s: %s%s", bdf, path, strerror(errno),
			errno == EACCES ? "; root may" : "");
	if (st.st_size < NETVM_PAIRS_AT)
		return netvm_fail(EPROTO,
			"pci:%s: the device's memory has %jd bytes; expected %u "
			"at least",
			bdf, (intmax_t)st.st_size, NETVM_PAIRS_AT);
	base = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, dev->file, 0);
	if (base == MAP_FAILED)
		return netvm_fail(errno, "pci:%s: cannot map %s: %s", bdf, path, strerror(errno));
	dev->memory.base = base;
	dev->memory.size = st.st_size;
	return 0;
}

int
netvm_pci_lock(struct netvm_pci *dev)
{
	if (flock(dev->file, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return netvm_fail(EBUSY, "pci:%s: the device is in use by another process", dev->bdf);
}

void
netvm_pci_close(struct netvm_pci *dev)
{
	if (dev->memory.base)
		munmap(dev->memory.base, dev->memory.size);
	if (dev->file >= 0)
		close(dev->file);
	dev->memory.base = NULL;
	dev->file = -1;
}

bool
netvm_pci_present(const struct netvm_pci *dev)
{
	uint8_t byte;

	/* sysfs cannot read from memory bars: the error is another one as long as the
	 * device is there. */
	return pread(dev->file, &byte, 1, 0) >= 0 || errno != ENODEV;
}

uint64_t
netvm_pci_magic(const struct netvm_pci *dev)
{
	/* Acquire: the magic number is written last. */
	return __atomic_load_n((const uint64_t *)dev->memory.base, __ATOMIC_ACQUIRE);
}

/* BAR 0 is smaller than a page and may begin inside one; mmap gives the page, the
 * first line of `resource` says where in it. */
int
netvm_pci_registers(
	const struct netvm_pci *dev, struct netvm_memory *map, volatile uint32_t **registers)
{
	size_t page = sysconf(_SC_PAGESIZE), offset;
	char path[PATH_SIZE], text[64];
	void *base;
	int fd;

	if (!read_text(dev->bdf, "resource", text, sizeof(text)))
		return netvm_fail(
			EIO, "pci:%s: cannot read where the device's registers are", dev->bdf);
	offset = strtoull(text, NULL, 16) & (page - 1);
	if (offset + BAR0_SIZE > page || offset % sizeof(uint32_t))
		return netvm_fail(EPROTO,
			"pci:%s: the device's registers are at %.18s; expected "
			"%u bytes within a page",
			dev->bdf, text, BAR0_SIZE);
	device_path(path, dev->bdf, "resource0");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return netvm_fail(
			errno, "pci:%s: cannot open %s: %s", dev->bdf, path, strerror(errno));
	base = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (base == MAP_FAILED)
		return netvm_fail(
			errno, "pci:%s: cannot map %s: %s", dev->bdf, path, strerror(errno));
	map->base = base;
	map->size = page;
	*registers = (volatile uint32_t *)((uint8_t *)base + offset);
	return 0;
}

int64_t
netvm_pci_id(const struct netvm_pci *dev)
{
	volatile uint32_t *registers = NULL;
	struct netvm_memory map;
	uint32_t id;

	if (netvm_pci_registers(dev, &map, &registers) || !registers)
		return -1;
	id = registers[NETVM_BAR0_ID / sizeof(uint32_t)];
	munmap(map.base, map.size);
	return id;
}

int
netvm_pci_uio(const struct netvm_pci *dev)
{
	char path[PATH_SIZE], file[PATH_SIZE], uevent[512];
	struct dirent *entry;
	int fd = -1;
	DIR *dir;

	if (!read_text(dev->bdf, "uevent", uevent, sizeof(uevent)) ||
		!strstr(uevent, "DRIVER=uio_pci_generic"))
		return -1;
	device_path(path, dev->bdf, "uio");
	dir = opendir(path);
	if (!dir)
		return -1;
	while (fd < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "uio", 3) != 0)
			continue;
		snprintf(file, sizeof(file), "%s/dev/%.32s", root(), entry->d_name);
		fd = open(file, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	}
	closedir(dir);
	return fd;
}
