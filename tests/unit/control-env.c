/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon's objects for tests; see control-env.h. The test's thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "src/control/jsonrpc.h"
#include "src/control/methods.h"
#include "tests/unit/control-env.h"

void
env_write_config(struct env *e, const char *text)
{
	assert_true(g_file_set_contents(e->c.config_file, text, -1, NULL));
}

void
env_start(struct env *e)
{
	g_autoptr(GError) error = NULL;

	e->c.config = config_load(e->c.config_file, &error);
	if (e->c.config == NULL || !control_start(&e->c, &error))
		fail_msg("%s", error->message);
}

void
env_stop(struct env *e)
{
	control_stop(&e->c);
	g_clear_pointer(&e->c.config, config_free);
}

void
env_restart(struct env *e)
{
	env_stop(e);
	env_start(e);
}

int
env_setup(void **state)
{
	struct env *e = g_new0(struct env, 1);

	e->dir = g_dir_make_tmp("netvm-control-XXXXXX", NULL);
	e->c.run_dir = g_strdup("/run/x");
	e->c.state_file = g_build_filename(e->dir, "state.json", NULL);
	e->c.config_file = g_build_filename(e->dir, "netvmd.conf", NULL);
	e->c.config_must_exist = true;
	env_write_config(e, "[network blue]\n[port c1]\ntype=vhost\nnetwork=blue\n"
			    "[port gone]\ntype=nic\ndevice=missing\n");
	env_start(e);
	*state = e;
	return 0;
}

int
env_teardown(void **state)
{
	struct env *e = *state;

	env_stop(e);
	g_chmod(e->dir, 0700);
	g_remove(e->c.state_file);
	g_rmdir(e->c.state_file);
	g_remove(e->c.config_file);
	g_rmdir(e->dir);
	g_free(e->c.state_file);
	g_free(e->c.config_file);
	g_free(e->c.run_dir);
	g_free(e->dir);
	g_free(e);
	return 0;
}

const char *
ask(struct env *e, const char *method, const char *params)
{
	static char *reply;
	g_autofree char *line = g_strdup_printf(
		"{'jsonrpc':'2.0','id':1,'method':'%s','params':%s}", method, params);
	gsize len;

	g_strdelimit(line, "'", '"');
	g_free(reply);
	reply = jsonrpc_handle(control_methods, &e->c, line, strlen(line), &len);
	assert_int_equal(reply[len - 1], '\n');
	return g_strdelimit(reply, "\"", '\'');
}

void
expect(const char *reply, const char *words)
{
	if (strstr(reply, words) == NULL)
		fail_msg("no %s in %s", words, reply);
}

void
expect_not(const char *reply, const char *words)
{
	if (strstr(reply, words) != NULL)
		fail_msg("%s in %s", words, reply);
}

void
expect_error(const char *reply, int code, const char *words)
{
	g_autofree char *text = g_strdup_printf("'error':{'code':%d,", code);

	expect(reply, text);
	expect(reply, words);
}
