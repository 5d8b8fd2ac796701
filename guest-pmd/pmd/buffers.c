/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables of attached buffers; see buffers.h. Control threads make and retire them;
 * the free callback runs on any thread.
 */
#include "guest-pmd/pmd/buffers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_memory.h>

/* All devices' retired tables. */
static pthread_mutex_t retired_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pmd_buffers *retired;

/* Where devices of this guest find buffers: an address of ours unless EAL speaks to
 * them in physical addresses. */
static rte_iova_t *
iova_table(const uint8_t *pool, uint32_t size, uint32_t count)
{
	rte_iova_t *iova = calloc(count, sizeof(*iova));
	uint32_t i;

	if (iova) {
		for (i = 0; i < count; i++)
			iova[i] = rte_mem_virt2iova(pool + (size_t)i * size);
	}
	return iova;
}

struct pmd_buffers *
pmd_buffers_new(uint8_t *pool, uint32_t size, uint32_t count)
{
	size_t bytes = sizeof(struct pmd_buffers) + count * sizeof(struct pmd_buffer);
	struct pmd_buffers *b = aligned_alloc(128, RTE_ALIGN_CEIL(bytes, 128));
	uint32_t i;

	if (!b)
		return NULL;
	memset(b, 0, bytes);
	b->pool = pool;
	b->size = size;
	b->count = count;
	for (i = 0; i < NETVM_PAIRS_MAX; i++)
		b->returned[i].top = PMD_NO_BUFFER;
	for (i = 0; i < count; i++) {
		b->entry[i].shinfo.free_cb = pmd_buffer_freed;
		b->entry[i].shinfo.fcb_opaque = &b->entry[i];
		b->entry[i].link = i;
	}
	if (rte_eal_iova_mode() == RTE_IOVA_PA) {
		b->iova = iova_table(pool, size, count);
		if (!b->iova) {
			free(b);
			return NULL;
		}
	}
	return b;
}

void
pmd_buffer_freed(void *address, void *entry)
{
	struct pmd_buffer *e = entry;

	pmd_buffer_push(pmd_buffers_of(e), e->link);
}

/* Counts what has come back to a retired table since the last look. */
static void
collect(struct pmd_buffers *b)
{
	uint32_t pair, number;

	for (pair = 0; pair < NETVM_PAIRS_MAX; pair++) {
		number = pmd_buffers_returned(b, pair);
		for (; number != PMD_NO_BUFFER; number = b->entry[number].link)
			b->outstanding--;
	}
}

void
pmd_buffers_retire(struct pmd_buffers *b, uint64_t outstanding)
{
	struct pmd_buffers **at, *old;

	pthread_mutex_lock(&retired_lock);
	if (b) {
		b->outstanding = outstanding;
		__atomic_store_n(&b->retired, true, __ATOMIC_RELAXED);
		b->next = retired;
		retired = b;
	}
	for (at = &retired; (old = *at);) {
		collect(old);
		if (old->outstanding) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		free(old->iova);
		free(old);
	}
	pthread_mutex_unlock(&retired_lock);
}

unsigned int
pmd_buffers_waiting(void)
{
	const struct pmd_buffers *b;
	unsigned int n = 0;

	pthread_mutex_lock(&retired_lock);
	for (b = retired; b; b = b->next)
		n++;
	pthread_mutex_unlock(&retired_lock);
	return n;
}
