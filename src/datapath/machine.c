/* SPDX-License-Identifier: BSD-3-Clause */
/* CPUs and memory; see machine.h. Neighbours: eal.c uses what is chosen here. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/datapath/machine.h"
#include "src/datapath/table.h"

#define MIB            (UINT64_C(1) << 20)
#define PACKET_DEFAULT (64 * MIB)
#define PACKET_MIN     (4 * MIB)
/* rte_vhost's devices and rings, DPDK's own tables. Hugepages can be added
 * later; ordinary memory cannot grow, and costs nothing until it is used. */
#define EXTRA_HUGE       (32 * MIB)
#define EXTRA_NO_HUGE    (192 * MIB)
#define HUGEPAGES_FOLDER "/sys/kernel/mm/hugepages"
/* Auto: one worker for every so many CPUs, at least one, and not too many. */
#define CPUS_PER_WORKER  4
#define AUTO_WORKERS_MAX 4

/* --- CPUs ---------------------------------------------------------------- */

/* As the process was started: EAL confines the control thread to the CPUs that
 * the workers leave, and a later check must not be misled by that. */
static void
allowed_cpus(cpu_set_t *set)
{
	static cpu_set_t at_start;

	if (CPU_COUNT(&at_start) == 0 && sched_getaffinity(0, sizeof(at_start), &at_start) != 0)
		CPU_SET(0, &at_start);
	*set = at_start;
}

void
machine_format_cpus(const cpu_set_t *set, char *buf, size_t len)
{
	size_t at = 0;

	buf[0] = '\0';
	for (int i = 0; i < CPU_SETSIZE; i++) {
		int last = i;

		if (!CPU_ISSET(i, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		at += (size_t)snprintf(buf + at, len - at, "%s%d", at ? "," : "", i);
		if (at < len && last > i)
			at += (size_t)snprintf(buf + at, len - at, "-%d", last);
		if (at >= len)
			return;
		i = last;
	}
}

static void
auto_cpus(const cpu_set_t *allowed, uint16_t cpu[DP_WORKERS_MAX], uint16_t *ncpus)
{
	int want = CPU_COUNT(allowed) / CPUS_PER_WORKER;

	want = want < 1 ? 1 : want > AUTO_WORKERS_MAX ? AUTO_WORKERS_MAX : want;
	*ncpus = 0;
	/* From the top: CPU 0 has most of the system's interrupts. */
	for (int i = CPU_SETSIZE - 1; i >= 0 && *ncpus < want; i--)
		if (CPU_ISSET(i, allowed))
			cpu[(*ncpus)++] = (uint16_t)i;
}

int
machine_worker_cpus(const struct dp_config *cfg, uint16_t cpu[DP_WORKERS_MAX], uint16_t *ncpus,
	struct dp_error *err)
{
	long there = sysconf(_SC_NPROCESSORS_CONF);
	cpu_set_t allowed, used;
	char text[160];

	allowed_cpus(&allowed);
	if (cfg->ncpus == 0) {
		auto_cpus(&allowed, cpu, ncpus);
		return 0;
	}
	if (cfg->ncpus > DP_WORKERS_MAX)
		return dp_fail(err, -EINVAL, "[workers] cpus names %u CPUs: %u at most", cfg->ncpus,
			DP_WORKERS_MAX);
	machine_format_cpus(&allowed, text, sizeof(text));
	CPU_ZERO(&used);
	for (uint16_t i = 0; i < cfg->ncpus; i++) {
		uint16_t c = cfg->cpu[i];

		if (c >= there || c >= CPU_SETSIZE)
			return dp_fail(err, -EINVAL,
				"[workers] cpus: this machine has no CPU %u, "
				"only 0 to %ld",
				c, there - 1);
		if (!CPU_ISSET(c, &allowed))
			return dp_fail(err, -EINVAL,
				"[workers] cpus: CPU %u is not available to "
				"netvmd, which may use %s",
				c, text);
		if (CPU_ISSET(c, &used))
			return dp_fail(err, -EINVAL, "[workers] cpus: CPU %u is named twice", c);
		CPU_SET(c, &used);
		cpu[i] = c;
	}
	*ncpus = cfg->ncpus;
	return 0;
}

void
machine_control_cpus(const uint16_t *cpu, uint16_t ncpus, cpu_set_t *set)
{
	cpu_set_t all;

	allowed_cpus(&all);
	*set = all;
	for (uint16_t i = 0; i < ncpus; i++)
		CPU_CLR(cpu[i], set);
	if (CPU_COUNT(set) == 0)
		*set = all;
}

/* --- memory -------------------------------------------------------------- */

static uint64_t
read_number(const char *path)
{
	unsigned long long n = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &n) != 1)
		n = 0;
	fclose(f);
	return n;
}

/* Bytes in hugepages of any size that nobody has taken. */
static uint64_t
free_hugepages(void)
{
	DIR *d = opendir(HUGEPAGES_FOLDER);
	struct dirent *e;
	uint64_t sum = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		char path[sizeof(HUGEPAGES_FOLDER) + sizeof(e->d_name) + 32];
		unsigned long kib;

		if (sscanf(e->d_name, "hugepages-%lukB", &kib) != 1)
			continue;
		snprintf(path, sizeof(path), HUGEPAGES_FOLDER "/%s/free_hugepages", e->d_name);
		sum += read_number(path) * kib * 1024;
	}
	closedir(d);
	return sum;
}

static uint64_t
available_memory(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	if (f == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return kib != 0 ? kib * 1024 : UINT64_MAX;
}

int
machine_memory(const struct dp_config *cfg, struct machine_memory *m, struct dp_error *err)
{
	uint64_t want = cfg->packet_memory != 0 ? cfg->packet_memory : PACKET_DEFAULT;
	uint64_t huge = cfg->hugepages == DP_HUGE_NEVER ? 0 : free_hugepages();
	uint64_t available;

	if (want < PACKET_MIN)
		return dp_fail(err, -EINVAL,
			"[memory] packet-memory is %" PRIu64 " bytes: at least "
			"%" PRIu64 " MiB are needed",
			want, PACKET_MIN / MIB);
	m->packet_memory = want;
	m->hugepages = huge >= EXTRA_HUGE && huge - EXTRA_HUGE >= want;
	if (m->hugepages) {
		m->total = want + EXTRA_HUGE;
		return 0;
	}
	if (cfg->hugepages == DP_HUGE_REQUIRED)
		return dp_fail(err, -ENOMEM,
			"[memory] hugepages=required, but of %" PRIu64 " MiB "
			"that are needed only %" PRIu64 " MiB are free in hugepages: add some "
			"(sysctl vm.nr_hugepages) or lower packet-memory",
			(want + EXTRA_HUGE - 1) / MIB + 1, huge / MIB);
	available = available_memory();
	if (want > available)
		return dp_fail(err, -ENOMEM,
			"[memory] packet-memory is %" PRIu64 " MiB, but only "
			"%" PRIu64 " MiB of memory are available",
			want / MIB, available / MIB);
	m->total = want + EXTRA_NO_HUGE;
	return 0;
}
