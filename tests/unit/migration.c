/* SPDX-License-Identifier: BSD-3-Clause */
/* See migration.h. */
#include "tests/unit/migration.h"

#include <linux/vhost_types.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The fault handler's migration; the lock makes "mark and unprotect" and "unmark
 * and protect" one step each. */
static struct migration *_Atomic current;
static atomic_flag lock = ATOMIC_FLAG_INIT;
static struct sigaction previous;

static void
guard(void)
{
	while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
		;
}

static void
unguard(void)
{
	atomic_flag_clear_explicit(&lock, memory_order_release);
}

static void *
page_at(const struct migration *m, uint64_t i)
{
	return m->fe->mem.base + i * FE_PAGE;
}

/* The driver writes to a page for the first time since it was copied. */
static void
fault(int sig, siginfo_t *info, void *context)
{
	/* Acquire, pairs with migration_begin(). */
	struct migration *m = atomic_load_explicit(&current, memory_order_acquire);
	uint64_t i;

	(void)sig;
	(void)context;
	i = m != NULL ? ((uintptr_t)info->si_addr - (uintptr_t)m->fe->mem.base) / FE_PAGE
		      : UINT64_MAX;
	if (m == NULL || i >= m->pages) {
		/* A crash like any other: the instruction runs again. */
		(void)signal(SIGSEGV, SIG_DFL);
		return;
	}
	guard();
	m->dirty[i] = true;
	(void)mprotect(page_at(m, i), FE_PAGE, PROT_READ | PROT_WRITE);
	unguard();
}

/* Runs beside the driver and the device, as a hypervisor's does: what is torn
 * is copied again in a later round. ThreadSanitizer need not know. */
__attribute__((no_sanitize("thread"))) static void
copy_page(struct migration *m, uint64_t i)
{
	const volatile uint64_t *from = page_at(m, i);
	uint64_t *to = (uint64_t *)(void *)(m->copy + i * FE_PAGE);

	for (unsigned int k = 0; k < FE_PAGE / sizeof(*to); k++)
		to[k] = from[k];
}

static void
copy_logged(void *arg, uint64_t gpa)
{
	struct migration *m = arg;
	uint64_t off = gpa - m->fe->mem.gpa;

	/* No bit beyond the guest's memory. */
	assert_true(off < m->fe->mem.size);
	m->logged++;
	copy_page(m, off / FE_PAGE);
}

void
migration_round(struct migration *m)
{
	for (uint64_t i = 0; i < m->pages; i++) {
		bool dirty;

		guard();
		dirty = m->dirty[i];
		m->dirty[i] = false;
		if (dirty)
			(void)mprotect(page_at(m, i), FE_PAGE, PROT_READ);
		unguard();
		/* A write from here on makes it dirty again. */
		if (dirty)
			copy_page(m, i);
	}
	fe_log_take(m->fe, copy_logged, m);
}

void
migration_begin(struct migration *m, struct fe *fe)
{
	struct sigaction act = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	*m = (struct migration){.fe = fe, .pages = fe->mem.size / FE_PAGE};
	m->copy = malloc(fe->mem.size);
	m->dirty = malloc(m->pages * sizeof(bool));
	assert_non_null(m->copy);
	assert_non_null(m->dirty);
	memset(m->copy, 0xee, fe->mem.size);
	assert_int_equal(fe_log_base(fe, fe_log_size(fe)), 0);
	assert_int_equal(fe_log_all(fe, true), 0);
	for (uint64_t i = 0; i < m->pages; i++)
		m->dirty[i] = true;
	atomic_store_explicit(&current, m, memory_order_release);
	assert_int_equal(sigaction(SIGSEGV, &act, &previous), 0);
	migration_round(m);
}

void
migration_end(struct migration *m)
{
	for (unsigned int i = 0; i < 2 * m->fe->cfg.pairs; i++)
		assert_int_equal(fe_ring_stop(m->fe, i, NULL), 0);
	migration_round(m);
	for (uint64_t i = 0; i < m->pages; i++)
		if (memcmp(m->copy + i * FE_PAGE, page_at(m, i), FE_PAGE) != 0)
			fail_msg("page %llu of %llu was written and not told",
				(unsigned long long)i, (unsigned long long)m->pages);
	assert_int_equal(mprotect(m->fe->mem.base, m->fe->mem.size, PROT_READ | PROT_WRITE), 0);
	sigaction(SIGSEGV, &previous, NULL);
	atomic_store_explicit(&current, NULL, memory_order_release);
	free(m->copy);
	free(m->dirty);
}

void
migration_arrive(struct migration *m, unsigned int port)
{
	struct fe *fe = m->fe;

	close(fe->fd);
	fe_log_destroy(fe);
	fe->features &= ~FE_BIT(VHOST_F_LOG_ALL);
	fe->cfg.socket = harness.socket[port];
	if (fe_reconnect(fe) != 0)
		fail_msg("port %u: %s", port, fe->err);
	assert_true(harness_wait(port, VHOST_UP));
}
