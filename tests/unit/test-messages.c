/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What network functions tell netvmd, at the control plane: types, what is kept, and
 * how hostile text is shown. Over a data path in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/control-env.h"
#include "tests/unit/fake-datapath.h"

static void
tell(const char *port, uint16_t version, uint16_t type, const void *data, size_t n)
{
	uint8_t m[DP_MESSAGE_MAX] = {
		(uint8_t)version, (uint8_t)(version >> 8), (uint8_t)type, (uint8_t)(type >> 8)};

	memcpy(m + 4, data, n);
	fake_port_message(port, m, (uint16_t)(n + 4));
}

static int
setup(void **state)
{
	struct env *e;

	env_setup(state);
	e = *state;
	expect(ask(e, "group.add", "{'name':'red'}"), "result");
	expect(ask(e, "port.add", "{'name':'s','type':'shm','group':'red'}"), "'messages':0");
	expect(ask(e, "port.add", "{'name':'t','type':'shm','group':'red'}"), "result");
	return 0;
}

static void
test_text(void **state)
{
	struct env *e = *state;

	expect(ask(e, "port.messages", "{'name':'s'}"), "'messages':[]");
	tell("s", 1, 1, "hello", 5);
	expect(ask(e, "port.messages", "{'name':'s'}"), "'type':'text','text':'hello'}");
	expect(ask(e, "port.messages", "{'name':'s'}"), "hello");
	expect(ask(e, "port.show", "{'name':'s'}"), "'messages':1,'messages_refused':0");
	expect(ask(e, "port.messages", "{'name':'t'}"), "'messages':[]");
	expect_error(ask(e, "port.messages", "{'name':'nobody'}"), 1, "no port");
	expect_error(ask(e, "port.messages", "{}"), -32602, "name");
	/* Ports of another kind have none; neither has one that is broken. */
	expect(ask(e, "port.messages", "{'name':'c1'}"), "'messages':[]");
	expect(ask(e, "port.messages", "{'name':'gone'}"), "'messages':[]");
}

static void
test_hostile_text(void **state)
{
	struct env *e = *state;
	uint8_t all[256], most[DP_MESSAGE_MAX - 4];
	const char *r;

	tell("s", 1, 1, "", 0);
	expect(ask(e, "port.messages", "{'name':'s'}"), "'text':''}");
	for (unsigned int i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	tell("s", 1, 1, all, sizeof(all));
	r = ask(e, "port.messages", "{'name':'s'}");
	/* JSON doubles each backslash. */
	expect(r, "\\\\000\\\\001");
	expect(r, "\\\\010\\\\t\\\\n\\\\013");
	expect(r, "\\\\033\\\\034");
	expect(r, "[\\\\\\\\]");
	expect(r, "~\\\\177\\\\200");
	expect(r, "\\\\377'}");
	for (const char *c = r; *c != '\0'; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~'));
	memset(most, 0xee, sizeof(most));
	tell("s", 1, 1, most, sizeof(most));
	expect(ask(e, "port.messages", "{'name':'s'}"), "\\\\356'}");
}

static void
test_refused(void **state)
{
	struct env *e = *state;

	tell("s", 0, 1, "x", 1);
	tell("s", 2, 1, "x", 1);
	tell("s", 1, 0, "x", 1);
	tell("s", 1, 2, "x", 1);
	tell("s", 0x101, 1, "x", 1);
	tell("s", 1, 0x101, "x", 1);
	/* No whole head. */
	for (uint16_t n = 0; n < 4; n++)
		fake_port_message("s", "\1\0\1\0", n);
	expect(ask(e, "port.messages", "{'name':'s'}"), "'messages':[]");
	expect(ask(e, "port.show", "{'name':'s'}"), "'messages':0,'messages_refused':10");
}

/* The last 32 are kept. */
static void
test_kept(void **state)
{
	struct env *e = *state;
	char text[16];
	const char *r;

	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "number %d.", i);
		tell("s", 1, 1, text, strlen(text));
		control_messages_take(&e->c);
	}
	r = ask(e, "port.messages", "{'name':'s'}");
	expect_not(r, "number 67.");
	expect(r, "[{'time':");
	expect(r, "number 68.");
	expect(r, "number 99.");
	expect(ask(e, "port.show", "{'name':'s'}"), "'messages':100");
	/* A port that comes back has forgotten. */
	expect(ask(e, "port.del", "{'name':'s'}"), "result");
	expect(ask(e, "port.add", "{'name':'s','type':'shm','group':'red'}"), "'messages':0");
	expect(ask(e, "port.messages", "{'name':'s'}"), "'messages':[]");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text, setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_hostile_text, setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
