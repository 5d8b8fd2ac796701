/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/position-env.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char env_dir[64], env_path[80], env_err[256], env_said[1024];
struct vring_packed_desc env_ring[ENV_SIZE];
const struct vhost_position_key env_key = {
	.desc = 0x7f0000001000, .size = ENV_SIZE, .base = VRING_PLACE_START};

int
env_setup(void **state)
{
	snprintf(env_dir, sizeof(env_dir), "/tmp/netvm-position-XXXXXX");
	assert_non_null(mkdtemp(env_dir));
	snprintf(env_path, sizeof(env_path), "%s/p", env_dir);
	memset(env_ring, 0, sizeof(env_ring));
	/* In its first round, 5 buffers were given back. */
	for (unsigned int i = 0; i < ENV_SIZE; i++)
		env_ring[i] = (struct vring_packed_desc){
			.id = (uint16_t)i, .flags = i < 5 ? AVAIL | USED : AVAIL};
	return 0;
}

int
env_teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", env_dir);
	return system(command);
}

/* Opens the file of port "p", and catches what is env_said on standard error. */
struct vhost_position *
env_open(void)
{
	FILE *f = tmpfile();
	int old = dup(STDERR_FILENO);
	struct vhost_position *p;
	size_t n;

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	p = vhost_position_open(env_dir, "p", env_err, sizeof(env_err));
	fflush(stderr);
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(f);
	n = fread(env_said, 1, sizeof(env_said) - 1, f);
	env_said[n] = '\0';
	fclose(f);
	return p;
}

vring_place
env_start(struct vhost_position *f, const struct vhost_position_key *k, vring_place place)
{
	assert_non_null(vhost_position_start(f, ENV_RING, k, env_ring, &place));
	return place;
}

void
env_leave(vring_place at)
{
	struct vhost_position *f = env_open();
	vring_place place = env_key.base;
	struct vring_position *p;

	assert_non_null(f);
	p = vhost_position_start(f, ENV_RING, &env_key, env_ring, &place);
	assert_int_equal(place, env_key.base);
	assert_int_equal(p->at, env_key.base);
	vring_position_set(p, at, 0);
	vhost_position_close(f);
}

void
env_poke(long at, const void *bytes, size_t n)
{
	int fd = open(env_path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}
