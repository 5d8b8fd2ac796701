/* SPDX-License-Identifier: BSD-3-Clause */
/* How a host of fake-host.h comes and goes: its memory, its folder, its thread. */
#include "tests/unit/fake-host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

static void *
new_memory(int *fd, uint64_t size, bool sealed)
{
	void *base;

	*fd = memfd_create("fake-host", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	must(*fd >= 0 && ftruncate(*fd, size) == 0, "memfd");
	if (sealed)
		must(fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0,
			"F_ADD_SEALS");
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	must(base != MAP_FAILED, "mmap");
	return base;
}

static void
set_defaults(struct fake_host_config *c)
{
	c->pairs = c->pairs ? c->pairs : 1;
	c->vectors = c->vectors ? c->vectors : c->pairs;
	c->port = c->port ? c->port : 7;
	c->entries = c->entries ? c->entries : 256;
	c->fill = c->fill ? c->fill : 64;
	c->buffers = c->buffers ? c->buffers : 512;
	c->buffer_size = c->buffer_size ? c->buffer_size : 2048;
	c->headroom = c->headroom ? c->headroom : 128;
	c->mtu = c->mtu ? c->mtu : 1500;
}

static uint64_t
power_of_two(uint64_t n)
{
	uint64_t p = 4096;

	while (p < n)
		p *= 2;
	return p;
}

static void
write_page(struct fake_host *h)
{
	const struct fake_host_config *c = &h->config;
	struct netvm_device d = {.version = NETVM_ABI_VERSION,
		.queue_pairs = c->pairs,
		.vectors = c->vectors,
		.rx_entries = c->entries,
		.tx_entries = c->entries,
		.fill_entries = c->fill,
		.buffer_size = c->buffer_size,
		.buffers = c->buffers,
		.headroom = c->headroom,
		.pool_id = 0x1234567890abcdef,
		.port = c->port,
		.mac = {2, 0, 0, 0, 0, (uint8_t)c->port},
		.name = "fake0",
		.group = "fakes",
		.host_state = NETVM_HOST_READY,
		.features = NETVM_FEATURE_LINK_UP | NETVM_FEATURE_CSUM | NETVM_FEATURE_TSO4,
		.mtu = c->mtu};

	d.size = netvm_ring_memory(&d);
	h->page = new_memory(&h->ring_memory, power_of_two(d.size), !c->unsealed);
	*h->page = d;
	__atomic_store_n(&h->page->magic, NETVM_DEVICE_MAGIC, __ATOMIC_RELEASE);
}

static void
write_pool(struct fake_host *h)
{
	const struct fake_host_config *c = &h->config;
	uint64_t size = 4096 + (uint64_t)c->buffers * c->buffer_size;

	h->pool = new_memory(&h->pool_memory, power_of_two(size), !c->unsealed);
	*h->pool = (struct netvm_pool){.magic = NETVM_POOL_MAGIC,
		.id = h->page->pool_id,
		.version = NETVM_ABI_VERSION,
		.buffer_size = c->buffer_size,
		.buffers = c->buffers,
		.buffers_offset = 4096,
		.size = size,
		.group = "fakes"};
	h->buffers = (uint8_t *)h->pool + 4096;
	h->owner = calloc(c->buffers, 1);
	h->free_list = calloc(c->buffers, sizeof(*h->free_list));
	must(h->owner && h->free_list, "calloc");
	for (uint32_t i = 0; i < c->buffers; i++)
		h->free_list[h->free_count++] = c->buffers - 1 - i;
}

struct fake_host *
fake_host_new(const struct fake_host_config *config)
{
	struct fake_host *h = calloc(1, sizeof(*h));

	must(h, "calloc");
	if (config)
		h->config = *config;
	set_defaults(&h->config);
	strcpy(h->dir, "/tmp/fake-host-XXXXXX");
	must(mkdtemp(h->dir), "mkdtemp");
	snprintf(h->transport, sizeof(h->transport), "unix:%s/p", h->dir);
	h->client[0] = h->client[1] = -1;
	h->next_id = 1;
	for (int i = 0; i < h->config.vectors; i++) {
		h->guest_bell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		h->host_bell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		must(h->guest_bell[i] >= 0 && h->host_bell[i] >= 0, "eventfd");
	}
	write_page(h);
	write_pool(h);
	fake_host_listen(h);
	pthread_mutex_init(&h->lock, NULL);
	must(pthread_create(&h->thread, NULL, fake_host_thread, h) == 0, "pthread_create");
	return h;
}

void
fake_host_free(struct fake_host *h)
{
	const struct fake_host_config *c = &h->config;

	pthread_mutex_lock(&h->lock);
	h->quit = true;
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	fake_host_hang_up(h, false);
	rmdir(h->dir);
	for (int i = 0; i < c->vectors; i++) {
		close(h->guest_bell[i]);
		close(h->host_bell[i]);
	}
	munmap(h->pool, power_of_two(4096 + (uint64_t)c->buffers * c->buffer_size));
	munmap(h->page, power_of_two((uint8_t *)fake_host_ring(h, c->pairs, NETVM_RX) -
				     (uint8_t *)h->page));
	close(h->ring_memory);
	close(h->pool_memory);
	pthread_mutex_destroy(&h->lock);
	free(h->owner);
	free(h->free_list);
	free(h);
}
