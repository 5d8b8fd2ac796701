/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rates from counters read once a second over one connection, by the daemon's
 * clock. On a terminal
 * each picture replaces the last one; in a pipe they follow one another, and
 * with --json each answer is one line.
 *
 * SIGINT and SIGTERM stay blocked but for the wait between two pictures, so
 * none is lost and no table is cut in the middle.
 */
#include "src/cli/watch.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "src/cli/client.h"
#include "src/cli/say.h"
#include "src/cli/table.h"
#include "src/cli/value.h"

#define TIMEOUT_S 5

static gint64
counter(JsonObject *port, const char *key)
{
	return g_str_equal(key, "drops") ? value_sum(value_object(port, "drops"))
					 : value_int(port, key, 0);
}

/* What was counted per second. A counter that fell was reset in between. */
static double
rate(JsonObject *now, JsonObject *before, const char *key, double seconds)
{
	gint64 a = before ? counter(before, key) : counter(now, key), b = counter(now, key);

	return (b >= a ? b - a : b) / seconds;
}

/* The object of list whose key has the value that it has in object. */
static JsonObject *
same(JsonObject *object, GPtrArray *list, const char *key)
{
	g_autofree char *name = value_text(object, key);

	for (guint i = 0; i < list->len; i++) {
		g_autofree char *other = value_text(g_ptr_array_index(list, i), key);

		if (g_str_equal(name, other))
			return g_ptr_array_index(list, i);
	}
	return NULL;
}

static void
print_ports(JsonObject *now, JsonObject *before, double seconds)
{
	g_autoptr(GPtrArray) ports = value_objects(now, "ports"),
			     old = value_objects(before, "ports");
	struct libscols_table *t =
		table_new("PORT +RX_PKT/S +RX_BIT/S +TX_PKT/S +TX_BIT/S +DROPS/S");

	for (guint i = 0; i < ports->len; i++) {
		JsonObject *p = g_ptr_array_index(ports, i), *o = same(p, old, "name");

		table_line(t);
		table_member(t, p, "name");
		table_rate(t, rate(p, o, "rx_packets", seconds));
		table_rate(t, rate(p, o, "rx_bytes", seconds) * 8);
		table_rate(t, rate(p, o, "tx_packets", seconds));
		table_rate(t, rate(p, o, "tx_bytes", seconds) * 8);
		table_rate(t, rate(p, o, "drops", seconds));
	}
	table_end(t);
}

static void
print_workers(JsonObject *now, JsonObject *before, double seconds)
{
	g_autoptr(GPtrArray) workers = value_objects(now, "workers"),
			     old = value_objects(before, "workers");
	struct libscols_table *t;

	if (!workers->len)
		return;
	t = table_new("+WORKER +CPU STATE +PKT/S +BUSY_% +CYCLES/PACKET");
	putchar('\n');
	for (guint i = 0; i < workers->len; i++) {
		JsonObject *w = g_ptr_array_index(workers, i), *o = same(w, old, "id");
		double packets = rate(w, o, "packets", seconds);
		double busy = rate(w, o, "busy_cycles", seconds);
		double all = busy + rate(w, o, "idle_cycles", seconds);

		table_line(t);
		table_member(t, w, "id");
		table_member(t, w, "cpu");
		table_member(t, w, "state");
		table_rate(t, packets);
		table_float(t, all > 0 ? 100 * busy / all : 0, 1);
		table_float(t, packets > 0 ? busy / packets : 0, 0);
	}
	table_end(t);
}

static void
show(const struct cli *cli, JsonObject *now, JsonObject *before)
{
	double seconds = value_double(now, "time", 0) - value_double(before, "time", 0);
	bool terminal = isatty(STDOUT_FILENO);

	if (cli->json) {
		say_json(now, false);
	} else if (before) {
		/* Home and clear to the end: no flicker, the scrollback stays. */
		if (terminal)
			fputs("\033[H\033[J", stdout);
		if (seconds <= 0)
			seconds = 1;
		print_ports(now, before, seconds);
		print_workers(now, before, seconds);
		putchar('\n');
		if (terminal)
			printf("Each second; ^C ends.\n");
	}
	fflush(stdout);
}

/* True when a signal told us to end before the next picture is due. */
static bool
wait_or_signal(const sigset_t *signals, gint64 until)
{
	gint64 left = MAX(until - g_get_monotonic_time(), 0);
	struct timespec ts = {left / G_USEC_PER_SEC, left % G_USEC_PER_SEC * 1000};

	return sigtimedwait(signals, NULL, &ts) > 0;
}

enum cli_exit
watch(const struct cli *cli, const char *port)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(JsonObject) before = NULL;
	gint64 due = g_get_monotonic_time();
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	g_autoptr(Client) c = client_new(cli->run_dir, TIMEOUT_S, NULL, &err);
	if (!c)
		return say_error(cli, err);
	do {
		JsonObject *params = json_object_new();

		if (port)
			json_object_set_string_member(params, "port", port);
		g_autoptr(JsonObject) now = client_call(c, "stats.get", params, &err);
		if (!now)
			return say_error(cli, err);
		show(cli, now, before);
		if (ferror(stdout))
			break;
		if (before)
			json_object_unref(before);
		before = g_steal_pointer(&now);
		due = MAX(due + G_USEC_PER_SEC, g_get_monotonic_time());
	} while (!wait_or_signal(&signals, due));
	return CLI_DONE;
}
