/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's environment: its arguments, and what it leaves behind.
 *
 * No file outlives the daemon: with hugepages --in-memory, without them
 * --no-huge --no-shconf (EAL refuses the other combination). What remains is a
 * folder with the telemetry socket, named after the run directory so that
 * daemons do not meet; the next daemon removes that of one which was killed. No
 * device is touched at start: the allow list names one that cannot be, and ports
 * add theirs later.
 * Neighbour: datapath.c.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>

#include "src/datapath/eal.h"
#include "src/datapath/table.h"

_Static_assert(RTE_MAX_LCORE > DP_WORKERS_MAX, "an lcore for each worker and the control thread");

#define MIB             (UINT64_C(1) << 20)
#define DEFAULT_RUN_DIR "/run/netvm"

/* The main lcore floats on what the workers leave: "0@(0-1,3),1@2,2@4". */
static void
format_lcores(char *buf, size_t len, const uint16_t *cpu, uint16_t ncpus)
{
	cpu_set_t set;
	char text[512];
	size_t at;

	machine_control_cpus(cpu, ncpus, &set);
	machine_format_cpus(&set, text, sizeof(text));
	at = (size_t)snprintf(buf, len, "0@(%s)", text);
	for (uint16_t i = 0; i < ncpus && at < len; i++)
		at += (size_t)snprintf(buf + at, len - at, ",%u@%u", eal_lcore(i), cpu[i]);
}

/* One prefix per run directory: FNV-1a of its path, plain for the default. */
static void
format_prefix(char *buf, size_t len, const char *run_dir)
{
	char *real = realpath(run_dir, NULL);
	const char *path = real != NULL ? real : run_dir;
	uint32_t hash = UINT32_C(2166136261);

	for (const char *c = path; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * UINT32_C(16777619);
	if (strcmp(path, DEFAULT_RUN_DIR) == 0)
		snprintf(buf, len, "netvm");
	else
		snprintf(buf, len, "netvm-%08x", hash);
	free(real);
}

/* EAL leaves its folder and the telemetry socket. */
static void
remove_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(path);
}

/* There is a telemetry socket, and its daemon is gone. */
static bool
folder_is_dead(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, n, code;

	n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/dpdk_telemetry.v2", path);
	if (n < 0 || (size_t)n >= sizeof(a.sun_path))
		return false;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	code = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 ? 0 : errno;
	close(fd);
	return code == ECONNREFUSED;
}

/* Folders of daemons that were killed and had another run directory. */
static void
remove_dead_folders(void)
{
	char *base = strdup(rte_eal_get_runtime_dir()), *slash, path[PATH_MAX];
	struct dirent *e;
	DIR *d = NULL;

	if (base != NULL && (slash = strrchr(base, '/')) != NULL) {
		*slash = '\0';
		d = opendir(base);
	}
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, "netvm", 5) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", base, e->d_name);
		if (folder_is_dead(path))
			remove_folder(path);
	}
	if (d != NULL)
		closedir(d);
	free(base);
}

int
eal_start(const char *run_dir, const struct machine_memory *m, const uint16_t *cpu, uint16_t ncpus,
	struct dp_error *err)
{
	/* EAL keeps pointers to its arguments, and permutes them. */
	static char lcores[1024], prefix[32], memory[24];
	static const char *args[] = {"netvmd", "--lcores", lcores, "--main-lcore", "0",
		"--file-prefix", prefix, "-m", memory, "-a", "0000:00:00.0", "--log-level",
		"notice", "--log-level", "lib.telemetry:error", NULL, NULL, NULL};
	int argc = sizeof(args) / sizeof(args[0]) - 3;

	format_lcores(lcores, sizeof(lcores), cpu, ncpus);
	format_prefix(prefix, sizeof(prefix), run_dir);
	snprintf(memory, sizeof(memory), "%" PRIu64, (m->total + MIB - 1) / MIB);
	args[argc++] = m->hugepages ? "--in-memory" : "--no-huge";
	if (!m->hugepages)
		args[argc++] = "--no-shconf";
	rte_openlog_stream(stderr);
	if (rte_eal_init(argc, (char **)(uintptr_t)args) < 0)
		return dp_fail(err, rte_errno != 0 ? -rte_errno : -EIO,
			"DPDK did not start (%s): its own messages above say why",
			rte_errno != 0 ? rte_strerror(rte_errno) : "no reason given");
	remove_dead_folders();
	return 0;
}

void
eal_stop(void)
{
	char *folder = strdup(rte_eal_get_runtime_dir());

	rte_eal_cleanup();
	if (folder != NULL)
		remove_folder(folder);
	free(folder);
}
