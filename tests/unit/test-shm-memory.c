/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that is shared with guests: nobody changes its size, holes in it harm
 * nobody, and what was kept is taken over only when it is what we made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/packet/fault.h"
#include "src/shm/shm-memory.h"

static char err[256];

static void
make(struct shm_memory *m, uint64_t bytes, bool huge)
{
	if (shm_memory_create(m, "test", bytes, huge, SHM_MEMORY_ANYWHERE, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static uint64_t
file_size(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

static void
test_size(void **state)
{
	static const uint64_t bytes[] = {1, 4096, 4097, 65536, 3 << 20, (4 << 20) + 1};
	struct shm_memory m;

	for (unsigned int i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		make(&m, bytes[i], false);
		assert_int_equal(m.size, file_size(m.fd));
		assert_true(m.size >= bytes[i]);
		assert_true(m.size < 2 * bytes[i] || m.size == m.page);
		assert_int_equal(m.size & (m.size - 1), 0);
		assert_int_equal(m.size % m.page, 0);
		for (uint64_t k = 0; k < m.size; k += 512)
			assert_int_equal(m.at[k], 0);
		memset(m.at, 0xa5, m.size);
		shm_memory_free(&m);
		assert_int_equal(m.fd, -1);
	}
	assert_int_equal(shm_memory_create(&m, "test", 0, false, -1, err, sizeof(err)), -EINVAL);
	assert_int_equal(
		shm_memory_create(&m, "test", UINT64_MAX, false, -1, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "possible"));
	/* More than there is: refused, not promised. */
	assert_int_equal(shm_memory_create(&m, "test", UINT64_C(1) << 45, false, SHM_MEMORY_LATER,
				 err, sizeof(err)),
		-ENOMEM);
	assert_non_null(strstr(err, "there is no memory for 33554432 MiB"));
	/* Twice, and what never was. */
	shm_memory_free(&m);
	memset(&m, 0, sizeof(m));
	shm_memory_free(&m);
}

static void
test_sealed(void **state)
{
	struct shm_memory m;
	void *map;
	int fd;

	make(&m, 100000, false);
	/* Another descriptor, as a client has it. */
	fd = dup(m.fd);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, (off_t)m.size * 2), -1);
	assert_int_equal(fallocate(fd, 0, (off_t)m.size, 4096), -1);
	/* A seal against writing would be as bad. */
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	map = mmap(NULL, m.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	/* A hole in ordinary memory is zeroes. */
	memset(m.at, 0xff, m.size);
	assert_int_equal(
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)m.size), 0);
	for (uint64_t k = 0; k < m.size; k += 512)
		assert_int_equal(m.at[k], 0);
	assert_false(m.torn);
	munmap(map, m.size);
	close(fd);
	shm_memory_free(&m);
}

/* Whether the mapping at this address has this flag in /proc/self/smaps. */
static bool
has_flag(const void *at, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool there = false, found = false;
	unsigned long start, end;

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			there = (uintptr_t)at >= start && (uintptr_t)at < end;
		if (there && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	fclose(f);
	return found;
}

static void
test_no_core_dump(void **state)
{
	struct shm_memory m;

	make(&m, 4096, false);
	assert_true(has_flag(m.at, " dd "));
	shm_memory_free(&m);
}

static void
test_adopt(void **state)
{
	struct shm_memory m, again;
	int fd, plain, other[3];

	make(&m, 70000, false);
	memcpy(m.at + 69990, "still here", 10);
	fd = dup(m.fd);
	shm_memory_free(&m);
	/* Not for another number of bytes. */
	assert_int_equal(shm_memory_adopt(&again, dup(fd), 700000, err, sizeof(err)), -EINVAL);
	assert_int_equal(shm_memory_adopt(&again, dup(fd), 7000, err, sizeof(err)), -EINVAL);
	assert_int_equal(shm_memory_adopt(&again, dup(fd), 0, err, sizeof(err)), -EINVAL);
	assert_int_equal(shm_memory_adopt(&again, fd, 70000, err, sizeof(err)), 0);
	assert_memory_equal(again.at + 69990, "still here", 10);
	assert_int_equal(again.size, 131072);
	assert_true(has_flag(again.at, " dd "));
	shm_memory_free(&again);
	/* Not what anybody can shrink, and nothing else that a descriptor can be. */
	plain = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(plain, 131072), 0);
	assert_int_equal(shm_memory_adopt(&again, plain, 70000, err, sizeof(err)), -EINVAL);
	assert_int_equal(fcntl(plain, F_GETFD), -1);
	assert_int_equal(pipe(other), 0);
	other[2] = open("/dev/null", O_RDWR);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(
			shm_memory_adopt(&again, other[i], 4096, err, sizeof(err)), -EINVAL);
		assert_int_equal(fcntl(other[i], F_GETFD), -1);
	}
}

/* cmocka has handlers of its own for each test, so this is run before them. */
static bool fault_passed;

static void
set_torn(void *torn)
{
	atomic_store((_Atomic bool *)torn, true);
}

static bool
fault_survived(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	_Atomic bool torn = false;
	uint8_t *at;
	bool ok;

	/* What a hole is in huge pages when no page is left: memory that ends. */
	if (fd < 0 || ftruncate(fd, 8192) != 0)
		return false;
	at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || fault_add(at, 8192, set_torn, &torn) != 0)
		return false;
	memset(at, 1, 8192);
	if (torn || ftruncate(fd, 0) != 0)
		return false;
	ok = *(volatile uint8_t *)(at + 5000) == 0 && torn;
	at[0] = 1;
	fault_remove(at);
	munmap(at, 8192);
	close(fd);
	return ok;
}

static void
test_fault(void **state)
{
	assert_true(fault_passed);
}

static void
test_numa(void **state)
{
	struct shm_memory m;
	uint64_t nodes = shm_memory_nodes();

	if (shm_memory_create(&m, "test", 1 << 20, false, SHM_MEMORY_LATER, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_true(nodes != 0);
	/* The highest one; where the kernel tells of none it knows no nodes either. */
	if (access("/sys/devices/system/node/node0", F_OK) == 0)
		assert_int_equal(
			shm_memory_bind(&m, 4096, 1 << 30, 63 - __builtin_clzll(nodes)), 0);
	shm_memory_spread(&m);
	assert_int_equal(shm_memory_bind(&m, 1, 4096, 0), -EINVAL);
	assert_int_equal(shm_memory_bind(&m, 2 << 20, 4096, 0), -EINVAL);
	assert_int_equal(shm_memory_bind(&m, 0, 4096, -1), -EINVAL);
	assert_int_equal(shm_memory_fill(&m, err, sizeof(err)), 0);
	memset(m.at, 1, m.size);
	shm_memory_free(&m);
	/* A node that is not there is no reason to have no memory. */
	if (shm_memory_create(&m, "test", 4096, false, 63, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	shm_memory_free(&m);
}

/* However many nodes: each page is one node's, and nobody has two more than another. */
static void
test_shares(void **state)
{
	static const uint64_t pages[] = {1, 2, 3, 7, 64, 4096};

	for (unsigned int k = 0; k < 6; k++) {
		for (unsigned int n = 1; n <= 8; n++) {
			uint64_t at = 0;

			for (unsigned int i = 0; i < n; i++) {
				uint64_t offset = 1, len = shm_memory_share(pages[k] << 21, 1 << 21,
							     n, i, &offset);

				assert_int_equal(offset, at);
				assert_true(
					len >> 21 == pages[k] / n || len >> 21 == pages[k] / n + 1);
				assert_int_equal(len & ((1 << 21) - 1), 0);
				at += len;
			}
			assert_int_equal(at, pages[k] << 21);
		}
	}
}

static void
test_hugepages(void **state)
{
	struct shm_memory m, again;
	int fd;

	/* With or without any, memory comes. */
	make(&m, 3 << 20, true);
	memset(m.at, 1, m.size);
	if (m.page == 4096) {
		shm_memory_free(&m);
		print_message("[  SKIP  ] no free huge pages: ordinary pages were used\n");
		return;
	}
	assert_int_equal(m.page, 2 << 20);
	assert_int_equal(m.size, 4 << 20);
	assert_int_equal(ftruncate(m.fd, 0), -1);
	fd = dup(m.fd);
	shm_memory_free(&m);
	assert_int_equal(shm_memory_adopt(&again, fd, 3 << 20, err, sizeof(err)), 0);
	assert_int_equal(again.at[(3 << 20) - 1], 1);
	shm_memory_free(&again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_no_core_dump),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_numa),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_hugepages),
	};

	fault_passed = fault_survived();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
