/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Daemons as processes; see shm-daemon.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/shm/client.h"
#include "tests/unit/shm-daemon.h"
#include "tests/unit/shm-host.h"

#define POOL_MOST 4096 /* buffers of its pool, at most */

/* Says on stdout how its ports are. */
int
daemon_main(const char *dir, const char *variant)
{
	struct shm_port_config cfg;
	struct shm_pool_status st;
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (!host_start(dir) || !host_pool(strcmp(variant, "pool") == 0 ? 8 << 20 : 0))
		return 1;
	for (unsigned int i = 0; i < 2; i++) {
		cfg = host_config(i);
		if (strcmp(variant, "rings") == 0)
			cfg.rx_entries /= 2;
		if (strcmp(variant, "vectors") == 0)
			cfg.vectors = 2;
		if (!host_port(i, &cfg)) {
			fprintf(stderr, "%s\n", host_err);
			return 1;
		}
	}
	shm_pool_settle(host.pool);
	shm_resume();
	printf("%d%d\n", host_status(0).resumed, host_status(1).resumed);
	fflush(stdout);
	while (sigwait(&set, &sig) == 0 && sig == SIGUSR1) {
		shm_pool_status(host.pool, &st);
		printf("%9u %9u %9u\n", st.free, st.guests, st.buffers);
		fflush(stdout);
	}
	return host_stop() ? 0 : 2;
}

char daemon_dir[] = "/tmp/netvm-resume-XXXXXX", daemon_shm[64];
static pid_t daemon_pid;
static int daemon_out = -1; /* what it says */

const char *
daemon_start(const char *variant)
{
	static char said[8];
	int out[2];
	ssize_t n;

	assert_int_equal(pipe(out), 0);
	daemon_pid = fork();
	assert_true(daemon_pid >= 0);
	if (daemon_pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execl("/proc/self/exe", "daemon", daemon_dir, variant, NULL);
		_exit(100);
	}
	close(out[1]);
	n = read(out[0], said, 3);
	if (daemon_out >= 0)
		close(daemon_out);
	daemon_out = out[0];
	assert_int_equal(n, 3);
	said[2] = '\0';
	return said;
}

void
daemon_counts(unsigned int counts[3])
{
	char line[31] = "", *next = line;

	kill(daemon_pid, SIGUSR1);
	assert_int_equal(read(daemon_out, line, 30), 30);
	for (unsigned int i = 0; i < 3; i++)
		counts[i] = (unsigned int)strtoul(next, &next, 10);
}

/* All that is in the rings for this guest is in its hands now. Nothing twice. */
static void
take_all(struct client *c, uint8_t mine[POOL_MOST])
{
	struct netvm_desc d;
	uint32_t buffer;

	while (client_rx(c, 0, &d, 1) == 1) {
		assert_in_range(d.buffer, 0, POOL_MOST - 1);
		assert_int_equal(mine[d.buffer]++, 0);
	}
	while (client_fill(c, 0, &buffer, 1) == 1) {
		assert_in_range(buffer, 0, POOL_MOST - 1);
		assert_int_equal(mine[buffer]++, 0);
	}
	client_signal(c, 0);
}

void
daemon_count_all(struct client *a, struct client *b)
{
	static uint8_t at_a[POOL_MOST], at_b[POOL_MOST];
	int64_t limit = host_ms() + 60000;
	unsigned int n = 0, counts[3] = {0};

	memset(at_a, 0, sizeof(at_a));
	memset(at_b, 0, sizeof(at_b));
	do {
		if (host_ms() > limit)
			fail_msg("guests have %u; %u are free, %u with guests, of %u", n, counts[0],
				counts[1], counts[2]);
		take_all(a, at_a);
		take_all(b, at_b);
		n = 0;
		for (unsigned int i = 0; i < POOL_MOST; i++) {
			assert_true(at_a[i] + at_b[i] <= 1);
			n += at_a[i] + at_b[i];
		}
		daemon_counts(counts);
	} while (n == 0 || n != counts[1] || counts[0] + counts[1] != counts[2]);
}

void
daemon_die(void)
{
	int status;

	kill(daemon_pid, SIGKILL);
	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	assert_true(WIFSIGNALED(status));
}

void
daemon_end(void)
{
	int status;

	kill(daemon_pid, SIGTERM);
	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	daemon_pid = 0;
}

int
daemon_tear_down(void **state)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
		daemon_pid = 0;
	}
	return 0;
}

bool
daemon_begin(void)
{
	if (!mkdtemp(daemon_dir))
		return false;
	snprintf(daemon_shm, sizeof(daemon_shm), "%s/shm", daemon_dir);
	return true;
}

bool
daemon_over(void)
{
	char path[64];

	/* The keeper takes its name away when it ends. */
	snprintf(path, sizeof(path), "%s/keeper.sock", daemon_dir);
	for (unsigned int i = 0; i < 1000 && access(path, F_OK) == 0; i++)
		usleep(5000);
	rmdir(daemon_shm);
	return rmdir(daemon_dir) == 0;
}
