/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log of a live migration, from the frontend's side: memory that both
 * share, in which the backend sets a bit for each page that it has written. See
 * frontend.h.
 */
#include <errno.h>
#include <linux/vhost_types.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/frontend/frontend.h"

uint64_t
fe_log_size(const struct fe *fe)
{
	uint64_t pages = (fe->mem.gpa + fe->mem.size) / FE_PAGE;

	/* Whole words; the page behind the last is nobody's. */
	return (pages / 64 + 1) * sizeof(uint64_t);
}

void
fe_log_destroy(struct fe *fe)
{
	if (fe->log.bits == NULL)
		return;
	munmap(fe->log.bits, fe->log.size);
	close(fe->log.fd);
	fe->log = (struct fe_log){.fd = -1};
}

int
fe_log_base(struct fe *fe, uint64_t size)
{
	struct fe_log log = {.size = size, .on = fe->log.on};
	uint64_t payload[2] = {size, 0};

	log.fd = memfd_create("dirty log", MFD_CLOEXEC);
	if (log.fd < 0 || ftruncate(log.fd, (off_t)size) != 0)
		return fe_fail(fe, "cannot make a log: %s", strerror(errno));
	log.bits = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, log.fd, 0);
	if (log.bits == MAP_FAILED) {
		close(log.fd);
		return fe_fail(fe, "cannot map a log of %llu bytes: %s", (unsigned long long)size,
			strerror(errno));
	}
	if (fe_send(fe, FE_SET_LOG_BASE, 0, payload, sizeof(payload), &log.fd, 1) < 0 ||
		fe_reply(fe, FE_SET_LOG_BASE, NULL, 0) < 0) {
		munmap(log.bits, size);
		close(log.fd);
		return -1;
	}
	/* The backend has left the old one: what it holds is still to be copied. */
	for (uint64_t i = 0; fe->log.bits != NULL && i < fe->log.size / sizeof(uint64_t); i++)
		__atomic_fetch_or(&log.bits[i], fe->log.bits[i], __ATOMIC_RELAXED);
	fe_log_destroy(fe);
	fe->log = log;
	return 0;
}

int
fe_log_all(struct fe *fe, bool on)
{
	uint64_t features = fe->features & ~FE_BIT(VHOST_F_LOG_ALL);

	features |= on ? FE_BIT(VHOST_F_LOG_ALL) : 0;
	if (fe_set_u64(fe, FE_SET_FEATURES, features) < 0)
		return -1;
	fe->features = features;
	fe->log.on = on;
	for (unsigned int i = 0; i < 2 * fe->cfg.pairs; i++)
		if (fe_set_vring_addr(fe, i) < 0)
			return -1;
	return 0;
}

void
fe_log_take(struct fe *fe, void (*page)(void *arg, uint64_t gpa), void *arg)
{
	for (uint64_t i = 0; i < fe->log.size / sizeof(uint64_t); i++) {
		uint64_t word;

		if (__atomic_load_n(&fe->log.bits[i], __ATOMIC_RELAXED) == 0)
			continue;
		/* Acquire, pairs with the backend's release: a page whose bit is set
		 * has been written when we copy it. */
		word = __atomic_exchange_n(&fe->log.bits[i], 0, __ATOMIC_ACQ_REL);
		for (unsigned int bit = 0; bit < 64; bit++)
			if (word >> bit & 1)
				page(arg, (i * 64 + bit) * FE_PAGE);
	}
}
