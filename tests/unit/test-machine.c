/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPUs and memory: what is asked for is checked against the machine, and each
 * refusal says what is wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/datapath/machine.h"

static uint16_t cpu[DP_WORKERS_MAX], ncpus;
static struct dp_error err;

static int
cpus(uint16_t n, uint16_t first, uint16_t second)
{
	struct dp_config cfg = {.ncpus = n, .cpu = {first, second}};

	err.text[0] = '\0';
	return machine_worker_cpus(&cfg, cpu, &ncpus, &err);
}

/* A CPU that this process may use. */
static uint16_t
some_cpu(void)
{
	assert_int_equal(cpus(0, 0, 0), 0);
	return cpu[0];
}

static void
test_cpus(void **state)
{
	uint16_t good = some_cpu();
	cpu_set_t set;

	assert_true(ncpus >= 1);
	assert_int_equal(cpus(1, good, 0), 0);
	assert_int_equal(ncpus, 1);
	assert_int_equal(cpu[0], good);
	machine_control_cpus(cpu, 1, &set);
	assert_true(CPU_COUNT(&set) >= 1);

	assert_int_equal(cpus(2, good, good), -EINVAL);
	assert_non_null(strstr(err.text, "named twice"));
	assert_int_equal(cpus(1, (uint16_t)sysconf(_SC_NPROCESSORS_CONF), 0), -EINVAL);
	assert_non_null(strstr(err.text, "has no CPU"));
	assert_int_equal(cpus(1, UINT16_MAX, 0), -EINVAL);
	assert_int_equal(cpus(DP_WORKERS_MAX + 1, good, 0), -EINVAL);
}

static void
test_format(void **state)
{
	char text[64], tiny[6];
	cpu_set_t set;

	CPU_ZERO(&set);
	machine_format_cpus(&set, text, sizeof(text));
	assert_string_equal(text, "");
	CPU_SET(0, &set);
	CPU_SET(2, &set);
	CPU_SET(3, &set);
	CPU_SET(4, &set);
	CPU_SET(CPU_SETSIZE - 1, &set);
	machine_format_cpus(&set, text, sizeof(text));
	assert_string_equal(text, "0,2-4,1023");
	machine_format_cpus(&set, tiny, sizeof(tiny));
	assert_string_equal(tiny, "0,2-4");
}

static int
memory(enum dp_hugepages hugepages, uint64_t bytes, struct machine_memory *m)
{
	struct dp_config cfg = {.hugepages = hugepages, .packet_memory = bytes};

	err.text[0] = '\0';
	return machine_memory(&cfg, m, &err);
}

static void
test_memory(void **state)
{
	struct machine_memory m;

	assert_int_equal(memory(DP_HUGE_NEVER, 0, &m), 0);
	assert_false(m.hugepages);
	assert_true(m.packet_memory > 0 && m.total > m.packet_memory);
	assert_int_equal(memory(DP_HUGE_NEVER, 5, &m), -EINVAL);
	assert_int_equal(memory(DP_HUGE_AUTO, UINT64_C(1) << 60, &m), -ENOMEM);
	assert_non_null(strstr(err.text, "available"));
	assert_int_equal(memory(DP_HUGE_REQUIRED, UINT64_C(1) << 60, &m), -ENOMEM);
	assert_non_null(strstr(err.text, "hugepages=required"));
	assert_int_equal(memory(DP_HUGE_AUTO, UINT64_MAX, &m), -ENOMEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
