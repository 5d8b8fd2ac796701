/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmctl status: whether a daemon answers, and how it runs. */
#include "src/cli/client.h"
#include "src/cli/say.h"
#include "src/cli/table.h"
#include "src/cli/value.h"

#define TRY_AGAIN_US 50000

static const struct cli_option status_options[] = {
	{"wait", "SECONDS", NULL, "wait until the daemon answers, at most so long", true},
	{0},
};

static void
print_status(JsonObject *status)
{
	gint64 up = value_int(status, "uptime_s", 0);
	g_autofree char *uptime = g_strdup_printf("%" G_GINT64_FORMAT "d %02d:%02d:%02d",
		up / 86400, (int)(up / 3600 % 24), (int)(up / 60 % 60), (int)(up % 60));
	g_autofree char *ports = g_strdup_printf("%" G_GINT64_FORMAT ", %" G_GINT64_FORMAT " up",
		value_int(status, "ports", 0), value_int(status, "ports_up", 0));
	g_autofree char *memory = g_strdup_printf(
		"%" G_GINT64_FORMAT " MiB", value_int(status, "packet_memory", 0) >> 20);

	sheet_section("daemon");
	sheet_member(status, "version", "version");
	sheet_member(status, "dpdk", "DPDK");
	sheet_member(status, "pid", "process");
	sheet_text("uptime", uptime);
	sheet_member(status, "run_dir", "run directory");
	sheet_member(status, "config_file", "config file");
	sheet_member(status, "state_file", "state file");
	sheet_section("data path");
	sheet_member(status, "workers", "workers");
	sheet_member(status, "poll", "poll");
	sheet_member(status, "idle_us", "sleep after, us");
	sheet_member(status, "simd", "ring code");
	sheet_member(status, "hugepages", "hugepages");
	sheet_text("packet memory", memory);
	sheet_text("ports", ports);
	sheet_member(status, "networks", "networks");
}

/*
 * Calls status until a daemon answers or the deadline (monotonic time) is
 * past. Only an absent daemon is worth another try: it may be starting, or
 * stop between our connect and its answer.
 */
static JsonObject *
ask(const struct cli *cli, gint64 deadline, GError **err)
{
	for (;;) {
		g_autoptr(GError) cause = NULL;
		bool absent;
		gint64 left = (deadline - g_get_monotonic_time()) / G_USEC_PER_SEC + 1;
		g_autoptr(Client) c =
			client_new(cli->run_dir, (guint)CLAMP(left, 1, 3600), &absent, &cause);
		JsonObject *result = c ? client_call(c, "status", NULL, &cause) : NULL;

		if (result)
			return result;
		if (g_get_monotonic_time() >= deadline ||
			(!absent && !(c && cause->code == CLIENT_NO_ANSWER))) {
			g_propagate_error(err, g_steal_pointer(&cause));
			return NULL;
		}
		g_usleep(TRY_AGAIN_US);
	}
}

static enum cli_exit
status(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	gint64 wait = value_int(args->options, "wait", -1);
	g_autoptr(GError) err = NULL;

	if (!json_object_has_member(args->options, "wait"))
		return client_run(cli, "status", NULL, print_status);
	if (wait < 0 || wait > 86400)
		return say_usage(cli, "option --wait needs whole seconds, 0 to 86400, not \"%s\"",
			value_string(args->options, "wait", "so many"));
	g_autoptr(JsonObject) result =
		ask(cli, g_get_monotonic_time() + wait * G_USEC_PER_SEC, &err);
	if (!result)
		return say_error(cli, err);
	if (cli->json)
		say_json(result, true);
	else
		print_status(result);
	return CLI_DONE;
}

const struct cli_verb cli_status_verbs[] = {
	{.name = "",
		.operands = "",
		.help = "whether the daemon answers, and how it runs",
		.options = status_options,
		.run = status},
	{0},
};
