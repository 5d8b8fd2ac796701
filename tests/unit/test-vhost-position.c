/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file in which packed rings keep their places: what is believed, what is
 * replaced, and that nothing that stands there does harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vhost/vhost-port.h"
#include "vhost/vhost-position.h"

#define SIZE      64
#define FILE_SIZE (64 + 32 * 640)

/* Where fields lie in the file. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,
	AT_RINGS = 12,
	AT_PORT = 16,
	AT_STATE = 64,
	AT_SIZE = 68,
	AT_PLACE = 128,
	AT_COUNT = 130,
	AT_ENTRY = 136,
};

#define AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED  (1u << VRING_PACKED_DESC_F_USED)

static char dir[64], path[80], err[256], said[1024];
static struct vring_packed_desc ring[SIZE];
static const struct vhost_position_key key = {
	.desc = 0x7f0000001000, .size = SIZE, .base = VRING_PLACE_START};

static int
setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/netvm-position-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/p", dir);
	memset(ring, 0, sizeof(ring));
	/* In its first round, 5 buffers were given back. */
	for (unsigned int i = 0; i < SIZE; i++)
		ring[i] = (struct vring_packed_desc){
			.id = (uint16_t)i, .flags = i < 5 ? AVAIL | USED : AVAIL};
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* Opens the file of port "p", and catches what is said on standard error. */
static struct vhost_position *
open_file(void)
{
	FILE *f = tmpfile();
	int old = dup(STDERR_FILENO);
	struct vhost_position *p;
	size_t n;

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	p = vhost_position_open(dir, "p", err, sizeof(err));
	fflush(stderr);
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	fclose(f);
	return p;
}

static vring_place
start(struct vhost_position *f, const struct vhost_position_key *k, vring_place place)
{
	assert_non_null(vhost_position_start(f, 3, k, ring, &place));
	return place;
}

/* A daemon was killed when ring 3 stood at `at`. */
static void
leave(vring_place at)
{
	struct vhost_position *f = open_file();
	vring_place place = key.base;
	struct vring_position *p;

	assert_non_null(f);
	p = vhost_position_start(f, 3, &key, ring, &place);
	assert_int_equal(place, key.base);
	assert_int_equal(p->at, key.base);
	vring_position_set(p, at, 0);
	vhost_position_close(f);
}

static void
poke(long at, const void *bytes, size_t n)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

static void
test_new(void **state)
{
	struct vhost_position *f = open_file();
	struct stat st;

	assert_non_null(f);
	assert_string_equal(said, "");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, FILE_SIZE);
	/* All of it is there: a worker cannot meet a full file system. */
	assert_true(st.st_blocks * 512 >= FILE_SIZE);
	assert_int_equal(start(f, &key, 7), 7);
	vhost_position_close(f);
	vhost_position_close(NULL);
	vhost_port_forget(dir, "p");
	assert_int_equal(stat(path, &st), -1);
	vhost_port_forget(dir, "p");
	vhost_port_forget(dir, "../p");
}

static void
test_resume(void **state)
{
	struct vhost_position *f;

	leave(VRING_PLACE_WRAP | 5);
	f = open_file();
	assert_string_equal(said, "");
	assert_int_equal(start(f, &key, key.base), VRING_PLACE_WRAP | 5);
	/* And again, as a daemon does that is killed at once. */
	vhost_position_close(f);
	f = open_file();
	assert_int_equal(start(f, &key, key.base), VRING_PLACE_WRAP | 5);
	vhost_position_close(f);
}

/* Each is another ring, or one whose place the frontend knows. */
static void
test_believe_the_frontend(void **state)
{
	struct vhost_position_key other[3] = {key, key, key};
	struct vhost_position *f;

	other[0].desc += 16;
	other[1].size--;
	other[2].base = 5;
	for (unsigned int i = 0; i < 3; i++) {
		leave(VRING_PLACE_WRAP | 5);
		f = open_file();
		assert_int_equal(start(f, &other[i], other[i].base), other[i].base);
		/* The entry is now about that ring. */
		vhost_position_close(f);
		f = open_file();
		assert_int_equal(start(f, &other[i], 9), other[i].base);
		vhost_position_forget(f, 3);
		vhost_position_close(f);
	}
	leave(VRING_PLACE_WRAP | 5);
	f = open_file();
	vhost_position_forget(f, 2);
	vhost_position_forget(f, 3);
	assert_int_equal(start(f, &key, 9), 9);
	vhost_position_close(f);
}

static void
test_fresh_ring(void **state)
{
	struct vhost_position_key later = key;
	struct vhost_position *f;

	leave(VRING_PLACE_WRAP | 5);
	for (unsigned int i = 0; i < SIZE; i++)
		ring[i].flags = i < 9 ? AVAIL : 0;
	f = open_file();
	assert_int_equal(start(f, &key, key.base), key.base);
	/* The frontend knows that the ring has run: it cannot be a fresh one. */
	later.base = VRING_PLACE_WRAP | 1;
	vhost_position_forget(f, 3);
	assert_int_equal(start(f, &later, later.base), later.base);
	assert_int_equal(start(f, &later, 0), later.base);
	vhost_position_close(f);
}

/* Killed with buffers 5 and 6 on their way back. */
static void
test_half_done(void **state)
{
	const struct vring_position_entry entry[2] = {{100, 5, 1}, {200, 6, 2}};
	const uint16_t count = 2;
	struct vhost_position *f;

	leave(VRING_PLACE_WRAP | 5);
	poke(AT_ENTRY + 3 * 640, entry, sizeof(entry));
	poke(AT_COUNT + 3 * 640, &count, sizeof(count));
	f = open_file();
	assert_int_equal(start(f, &key, key.base), VRING_PLACE_WRAP | 8);
	assert_int_equal(ring[5].flags & (AVAIL | USED), AVAIL | USED);
	assert_int_equal(ring[5].len, 100);
	assert_int_equal(ring[6].flags & (AVAIL | USED), AVAIL | USED);
	assert_int_equal(ring[6].len, 200);
	assert_int_equal(ring[8].flags & (AVAIL | USED), AVAIL);
	vhost_position_close(f);
}

static void
test_keep(void **state)
{
	struct vhost_position_key moved = key;
	struct vhost_position *f;
	struct vring_position *p;

	leave(VRING_PLACE_WRAP | 5);
	f = open_file();
	assert_int_equal(start(f, &key, key.base), VRING_PLACE_WRAP | 5);
	p = vhost_position_keep(f, 3, &key, VRING_PLACE_WRAP | 5);
	assert_int_equal(p->at, VRING_PLACE_WRAP | 5);
	moved.desc += 4096;
	p = vhost_position_keep(f, 3, &moved, VRING_PLACE_WRAP | 5);
	assert_int_equal(p->at, VRING_PLACE_WRAP | 5);
	assert_int_equal(start(f, &moved, key.base), VRING_PLACE_WRAP | 5);
	/* A place that the ring does not have never gets into the file. */
	moved.base = SIZE;
	(void)start(f, &moved, SIZE);
	assert_int_equal(start(f, &moved, 1), 1);
	vhost_position_close(f);
	f = open_file();
	assert_string_equal(said, "");
	vhost_position_close(f);
}

/* --- files that are not ours, or spoiled ---------------------------------- */

static void
spoil_shorter(void)
{
	assert_int_equal(truncate(path, FILE_SIZE - 1), 0);
}

static void
spoil_empty(void)
{
	assert_int_equal(truncate(path, 0), 0);
}

static void
spoil_longer(void)
{
	assert_int_equal(truncate(path, FILE_SIZE + 1), 0);
}

static void
spoil_mode(void)
{
	assert_int_equal(chmod(path, 0644), 0);
}

static void
spoil_link(void)
{
	char target[80];

	snprintf(target, sizeof(target), "%s/target", dir);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
}

static void
spoil_fifo(void)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void
spoil_magic(void)
{
	poke(AT_MAGIC, "x", 1);
}

static void
spoil_version(void)
{
	poke(AT_VERSION, "\2", 1);
}

static void
spoil_rings(void)
{
	poke(AT_RINGS, "\x21", 1);
}

static void
spoil_port(void)
{
	poke(AT_PORT, "q", 1);
}

static void
spoil_state(void)
{
	poke(AT_STATE + 3 * 640, "\2", 1);
}

static void
spoil_size(void)
{
	poke(AT_SIZE + 3 * 640, "\0\0", 2);
}

static void
spoil_place(void)
{
	poke(AT_PLACE + 3 * 640, "\x40\x80", 2); /* slot 64 of 64 */
}

static void
spoil_count(void)
{
	poke(AT_COUNT + 3 * 640, "\x41", 1);
}

static void
spoil_entries(void)
{
	poke(AT_ENTRY + 3 * 640, "\0\0\0\0\5\0\xff\xff", 8);
	poke(AT_COUNT + 3 * 640, "\1", 1);
}

static void
test_spoiled(void **state)
{
	static const struct {
		void (*spoil)(void);
		const char *why;
	} cases[] = {
		{spoil_shorter, "another size"},
		{spoil_empty, "another size"},
		{spoil_longer, "another size"},
		{spoil_mode, "open to them"},
		{spoil_link, "cannot be opened as a file of ours"},
		{spoil_fifo, "is no regular file"},
		{spoil_magic, "is something else"},
		{spoil_version, "another version"},
		{spoil_rings, "another version"},
		{spoil_port, "another port"},
		{spoil_state, "makes no sense"},
		{spoil_size, "makes no sense"},
		{spoil_place, "makes no sense"},
		{spoil_count, "makes no sense"},
		{spoil_entries, "makes no sense"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vhost_position *f;
		struct stat st;
		char *end;

		leave(VRING_PLACE_WRAP | 5);
		cases[i].spoil();
		f = open_file();
		assert_non_null(f);
		assert_non_null(strstr(said, cases[i].why));
		assert_non_null(strstr(said, path));
		/* One warning. */
		end = strchr(said, '\n');
		assert_non_null(end);
		assert_string_equal(end, "\n");
		assert_int_equal(start(f, &key, key.base), key.base);
		vhost_position_close(f);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(unlink(path), 0);
	}
}

static void
test_impossible(void **state)
{
	char other[80];

	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(open_file());
	assert_int_equal(errno, EISDIR);
	assert_non_null(strstr(err, "port p's rings"));
	assert_non_null(strstr(err, path));
	assert_null(vhost_position_open(dir, "a/b", err, sizeof(err)));
	assert_null(vhost_position_open(dir, ".a", err, sizeof(err)));
	assert_int_equal(errno, EINVAL);
	snprintf(other, sizeof(other), "%s/none", dir);
	assert_null(vhost_position_open(other, "p", err, sizeof(err)));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(symlink("/tmp", other), 0);
	assert_null(vhost_position_open(other, "p", err, sizeof(err)));
	assert_int_equal(errno, ENOTDIR);
}

/* Killed while the file was being made. */
static void
test_unfinished_file(void **state)
{
	char name[80];
	int fd;

	snprintf(name, sizeof(name), "%s/.p.new", dir);
	fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	leave(VRING_PLACE_WRAP | 5);
	assert_string_equal(said, "");
	assert_int_equal(access(name, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_believe_the_frontend, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fresh_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_half_done, setup, teardown),
		cmocka_unit_test_setup_teardown(test_keep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spoiled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_impossible, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unfinished_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
