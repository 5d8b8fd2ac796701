/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state file: what is saved comes back, what is damaged is kept aside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "src/control/state.h"

struct place {
	char *dir, *file;
};

static int
setup(void **state)
{
	struct place *p = g_new0(struct place, 1);

	p->dir = g_dir_make_tmp("netvm-state-XXXXXX", NULL);
	p->file = g_build_filename(p->dir, "state.json", NULL);
	*state = p;
	return p->dir != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	GDir *dir = g_dir_open(p->dir, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir)) != NULL) {
		g_autofree char *path = g_build_filename(p->dir, name, NULL);

		g_remove(path);
	}
	g_dir_close(dir);
	g_rmdir(p->dir);
	g_free(p->file);
	g_free(p->dir);
	g_free(p);
	return 0;
}

static bool
is_there(const struct place *p, const char *name)
{
	g_autofree char *path = g_build_filename(p->dir, name, NULL);

	return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void
test_round_trip(void **state)
{
	struct place *p = *state;
	struct state s;
	struct port_settings port;
	struct network_settings network;
	uint32_t given = 0;
	const struct port_def *back;

	state_init(&s);
	port_settings_init(&port);
	assert_true(settings_put(&port_table, &port, "type", "vhost", &given, NULL));
	assert_true(settings_put(&port_table, &port, "trunk", "5,untagged", &given, NULL));
	assert_true(settings_put(
		&port_table, &port, "guard", "mac=52:54:00:00:00:01,ip=fd00::/64", &given, NULL));
	assert_true(settings_put(&port_table, &port, "queues", "3", &given, NULL));
	assert_true(settings_put(&port_table, &port, "socket", "/a \"b\"", &given, NULL));
	state_add_port(&s, "p", &port);
	g_hash_table_insert(s.numbers, g_strdup("p"), GINT_TO_POINTER(7));
	network_settings_init(&network);
	network.storm_pps = 12345;
	state_add_network(&s, "n", &network);
	assert_true(state_save(&s, p->file, NULL));
	assert_true(state_save(&s, p->file, NULL));
	assert_false(is_there(p, "state.json.new"));
	state_clear(&s);

	state_init(&s);
	assert_true(state_load(&s, p->file, NULL));
	assert_int_equal(s.ports->len, 1);
	assert_int_equal(s.networks->len, 1);
	assert_int_equal(GPOINTER_TO_INT(g_hash_table_lookup(s.numbers, "p")), 7);
	back = &g_array_index(s.ports, struct port_def, 0);
	assert_string_equal(back->name, "p");
	assert_false(settings_differ(&port_table, &port, &back->set, true));
	assert_false(settings_differ(&port_table, &port, &back->set, false));
	assert_int_equal(g_array_index(s.networks, struct network_def, 0).set.storm_pps, 12345);
	state_clear(&s);
}

static void
test_absent(void **state)
{
	struct place *p = *state;
	struct state s;

	state_init(&s);
	assert_true(state_load(&s, p->file, NULL));
	assert_int_equal(s.ports->len, 0);
	state_clear(&s);
}

static void
load_text(struct place *p, const char *text, gssize len, guint expect_ports)
{
	struct state s;

	assert_true(g_file_set_contents(p->file, text, len, NULL));
	state_init(&s);
	assert_true(state_load(&s, p->file, NULL));
	if (s.ports->len != expect_ports)
		fail_msg("%u ports from %s", s.ports->len, text);
	if (expect_ports == 0)
		assert_int_equal(s.networks->len, 0);
	state_clear(&s);
}

static void
test_corrupt(void **state)
{
#define PORT "{\"name\": \"a\", \"type\": \"vhost\"}"
	static const char *const texts[] = {"", "{", "[]", "7", "null", "{}",
		"{\"version\": \"1\", \"networks\": [], \"ports\": []}",
		"{\"version\": 0, \"networks\": [], \"ports\": []}", "{\"version\": 1}",
		"{\"version\": 1, \"networks\": [], \"ports\": {}}",
		"{\"version\": 1, \"networks\": [], \"ports\": [7]}",
		"{\"version\": 1, \"networks\": [], \"ports\": [{}]}",
		"{\"version\": 1, \"networks\": [], \"ports\": [{\"name\": 7}]}",
		"{\"version\": 1, \"networks\": [], \"ports\": [{\"name\": \"a\"}]}",
		"{\"version\": 1, \"networks\": [], \"ports\": [{\"name\": \"../a\", \"type\": "
		"\"vhost\"}]}",
		"{\"version\": 1, \"networks\": [], \"ports\": [" PORT "," PORT "]}",
		"{\"version\": 1, \"networks\": [{\"name\": \"n\"}, {\"name\": \"n\"}], \"ports\": "
		"[]}",
		"{\"version\": 1, \"networks\": [{\"name\": \"n\"}], \"ports\": [" PORT ", 1]}",
		"{\"version\": 1, \"networks\": [{\"name\": \"n\", \"max-macs\": []}], \"ports\": "
		"[]}"};
	struct place *p = *state;
	g_autofree char *deep = g_strnfill(200000, '[');
	g_autofree char *aside = g_strconcat(p->file, ".corrupt-1", NULL);
	g_autofree char *kept = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		load_text(p, texts[i], -1, 0);
	load_text(p, deep, -1, 0);
	load_text(p, "\0\xff\0", 3, 0);
	assert_false(is_there(p, "state.json"));
	assert_true(g_file_get_contents(aside, &kept, NULL, NULL));
	assert_string_equal(kept, texts[0]);
	assert_true(is_there(p, "state.json.corrupt-21"));
	assert_false(is_there(p, "state.json.corrupt-22"));
	load_text(p, "{\"version\": 1, \"networks\": [], \"ports\": [" PORT "]}", -1, 1);
	assert_true(is_there(p, "state.json"));
}

static void
test_newer(void **state)
{
	struct place *p = *state;

	load_text(p, "{\"version\": 2, \"zones\": {}}", -1, 0);
	assert_true(is_there(p, "state.json.newer-1"));
	assert_false(is_there(p, "state.json"));
}

/* What cannot be read or put aside must not be written over. */
static void
test_unreadable(void **state)
{
	struct place *p = *state;
	struct state s;
	g_autoptr(GError) error = NULL;

	assert_int_equal(g_mkdir(p->file, 0700), 0);
	state_init(&s);
	assert_false(state_load(&s, p->file, &error));
	assert_non_null(strstr(error->message, p->file));
	g_clear_error(&error);
	assert_false(state_save(&s, p->file, &error));
	assert_non_null(strstr(error->message, "cannot write the state file"));
	assert_false(is_there(p, "state.json.new"));
	state_clear(&s);
}

/* A link planted as the temporary file is not followed. */
static void
test_planted_link(void **state)
{
	struct place *p = *state;
	g_autofree char *temp = g_strconcat(p->file, ".new", NULL);
	g_autofree char *victim = g_build_filename(p->dir, "victim", NULL);
	struct state s;

	assert_int_equal(symlink(victim, temp), 0);
	state_init(&s);
	assert_false(state_save(&s, p->file, NULL));
	assert_false(is_there(p, "victim"));
	state_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_absent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_planted_link, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
