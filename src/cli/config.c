/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmctl config: judges a netvmd.conf with netvmd's own code for it, without
 * a daemon. What only the machine can tell is `netvmd --check`'s affair.
 */
#include "src/cli/client.h"
#include "src/cli/say.h"
#include "src/control/conf.h"

#include <stdio.h>

static enum cli_exit
check(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	const char *file = g_ptr_array_index(args->operands, 0);
	g_autoptr(GError) err = NULL;
	g_autoptr(config_t) config = config_load(file, &err);

	if (!config) {
		g_autoptr(GError) refusal =
			g_error_new_literal(CLIENT_ERROR, CLIENT_BAD_CONFIG, err->message);

		return say_error(cli, refusal);
	}
	if (cli->json) {
		g_autoptr(JsonObject) result = json_object_new();

		json_object_set_string_member(result, "file", file);
		json_object_set_int_member(result, "networks", config->networks->len);
		json_object_set_int_member(result, "groups", config->groups->len);
		json_object_set_int_member(result, "ports", config->ports->len);
		say_json(result, true);
	} else {
		printf("%s is fine: %u ports, %u networks\n", file, config->ports->len,
			config->networks->len);
	}
	return CLI_DONE;
}

const struct cli_verb cli_config_verbs[] = {
	{.name = "check",
		.operands = "FILE",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_FILE},
		.help = "judge a configuration file; asks no daemon",
		.run = check},
	{0},
};
