/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon's objects for tests of the control plane: over the data path in
 * memory, with a config and a state file of their own. The test's thread.
 */
#ifndef NETVM_CONTROL_ENV_H
#define NETVM_CONTROL_ENV_H

#include "src/control/control.h"

struct env {
	char *dir;
	struct control c;
};

/* For cmocka: started with a network "blue", a port "c1" in it, and a port
 * "gone" whose device is missing, all from the config. */
int env_setup(void **state);
int env_teardown(void **state);

void env_write_config(struct env *e, const char *text);
void env_start(struct env *e);
void env_stop(struct env *e);
void env_restart(struct env *e);

/* The reply to method with params, in JSON with ' for ". Valid until the next. */
const char *ask(struct env *e, const char *method, const char *params);
void expect(const char *reply, const char *words);
void expect_not(const char *reply, const char *words);
void expect_error(const char *reply, int code, const char *words);

#endif
