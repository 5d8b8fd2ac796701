/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file in which packed rings keep their places: made, and replaced when what
 * stands there is spoiled or somebody else's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/position-env.h"
#include "vhost/vhost-port.h"

static void
test_new(void **state)
{
	struct vhost_position *f = env_open();
	struct stat st;

	assert_non_null(f);
	assert_string_equal(env_said, "");
	assert_int_equal(stat(env_path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, ENV_FILE_SIZE);
	/* All of it is there: a worker cannot meet a full file system. */
	assert_true(st.st_blocks * 512 >= ENV_FILE_SIZE);
	assert_int_equal(env_start(f, &env_key, 7), 7);
	vhost_position_close(f);
	vhost_position_close(NULL);
	vhost_port_forget(env_dir, "p");
	assert_int_equal(stat(env_path, &st), -1);
	vhost_port_forget(env_dir, "p");
	vhost_port_forget(env_dir, "../p");
}

/* --- files that are not ours, or spoiled ---------------------------------- */

static void
spoil_shorter(void)
{
	assert_int_equal(truncate(env_path, ENV_FILE_SIZE - 1), 0);
}

static void
spoil_empty(void)
{
	assert_int_equal(truncate(env_path, 0), 0);
}

static void
spoil_longer(void)
{
	assert_int_equal(truncate(env_path, ENV_FILE_SIZE + 1), 0);
}

static void
spoil_mode(void)
{
	assert_int_equal(chmod(env_path, 0644), 0);
}

static void
spoil_link(void)
{
	char target[80];

	snprintf(target, sizeof(target), "%s/target", env_dir);
	assert_int_equal(rename(env_path, target), 0);
	assert_int_equal(symlink(target, env_path), 0);
}

static void
spoil_fifo(void)
{
	assert_int_equal(unlink(env_path), 0);
	assert_int_equal(mkfifo(env_path, 0600), 0);
}

static void
spoil_magic(void)
{
	env_poke(AT_MAGIC, "x", 1);
}

static void
spoil_version(void)
{
	env_poke(AT_VERSION, "\2", 1);
}

static void
spoil_rings(void)
{
	env_poke(AT_RINGS, "\x21", 1);
}

static void
spoil_port(void)
{
	env_poke(AT_PORT, "q", 1);
}

static void
spoil_state(void)
{
	env_poke(AT_STATE, "\2", 1);
}

static void
spoil_size(void)
{
	env_poke(AT_SIZE, "\0\0", 2);
}

static void
spoil_place(void)
{
	env_poke(AT_PLACE, "\x40\x80", 2); /* slot 64 of 64 */
}

static void
spoil_count(void)
{
	env_poke(AT_COUNT, "\x41", 1);
}

static void
spoil_entries(void)
{
	env_poke(AT_ENTRY, "\0\0\0\0\5\0\xff\xff", 8);
	env_poke(AT_COUNT, "\1", 1);
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

		env_leave(VRING_PLACE_WRAP | 5);
		cases[i].spoil();
		f = env_open();
		assert_non_null(f);
		assert_non_null(strstr(env_said, cases[i].why));
		assert_non_null(strstr(env_said, env_path));
		/* One warning. */
		end = strchr(env_said, '\n');
		assert_non_null(end);
		assert_string_equal(end, "\n");
		assert_int_equal(env_start(f, &env_key, env_key.base), env_key.base);
		vhost_position_close(f);
		assert_int_equal(lstat(env_path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(unlink(env_path), 0);
	}
}

static void
test_impossible(void **state)
{
	char other[80];

	assert_int_equal(mkdir(env_path, 0700), 0);
	assert_null(env_open());
	assert_int_equal(errno, EISDIR);
	assert_non_null(strstr(env_err, "port p's rings"));
	assert_non_null(strstr(env_err, env_path));
	assert_null(vhost_position_open(env_dir, "a/b", env_err, sizeof(env_err)));
	assert_null(vhost_position_open(env_dir, ".a", env_err, sizeof(env_err)));
	assert_int_equal(errno, EINVAL);
	snprintf(other, sizeof(other), "%s/none", env_dir);
	assert_null(vhost_position_open(other, "p", env_err, sizeof(env_err)));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(symlink("/tmp", other), 0);
	assert_null(vhost_position_open(other, "p", env_err, sizeof(env_err)));
	assert_int_equal(errno, ENOTDIR);
}

/* Killed while the file was being made. */
static void
test_unfinished_file(void **state)
{
	char name[80];
	int fd;

	snprintf(name, sizeof(name), "%s/.p.new", env_dir);
	fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	env_leave(VRING_PLACE_WRAP | 5);
	assert_string_equal(env_said, "");
	assert_int_equal(access(name, F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_spoiled, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_impossible, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_unfinished_file, env_setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
