/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmd: options, signals, the main loop. Its thread is the control thread.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <glib-unix.h>

#include "config.h"
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif
#include "src/control/control.h"
#include "src/control/jsonrpc.h"
#include "src/control/log.h"
#include "src/control/methods.h"
#include "src/control/rpc.h"
#include "src/control/rundir.h"
#include "src/control/stdfds.h"

#define RUN_DIR_DEFAULT    "/run/netvm"
#define STATE_FILE_DEFAULT "/var/lib/netvm/state.json"
#define EXIT_USAGE         2

static struct {
	char *config, *run_dir, *state_file;
	gboolean check, version, verbose;
} options;

static const GOptionEntry option_entries[] = {
	{"config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config,
		"Read FILE [" NETVM_SYSCONFDIR "/netvmd.conf]", "FILE"},
	{"run-dir", 0, 0, G_OPTION_ARG_FILENAME, &options.run_dir,
		"Sockets and locks are in DIR [" RUN_DIR_DEFAULT "]", "DIR"},
	{"state-file", 0, 0, G_OPTION_ARG_FILENAME, &options.state_file,
		"Keep run-time objects in FILE [" STATE_FILE_DEFAULT
		"; with another --run-dir: DIR/state.json]",
		"FILE"},
	{"check", 0, 0, G_OPTION_ARG_NONE, &options.check,
		"Check the config against this machine and exit", NULL},
	{"version", 0, 0, G_OPTION_ARG_NONE, &options.version, "Print the version and exit", NULL},
	{"verbose", 'v', 0, G_OPTION_ARG_NONE, &options.verbose, "Log more", NULL},
	{NULL, 0, 0, 0, NULL, NULL, NULL}};

static void
notify(const char *state)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, state);
#endif
}

/* Fills the control's paths and reads the config. */
static bool
configure(struct control *c, GError **error)
{
	bool other_run_dir;

	c->run_dir = g_canonicalize_filename(
		options.run_dir != NULL ? options.run_dir : RUN_DIR_DEFAULT, NULL);
	other_run_dir = g_strcmp0(c->run_dir, RUN_DIR_DEFAULT) != 0;
	/* A second daemon must not take the first one's objects for its own. */
	if (options.state_file != NULL)
		c->state_file = g_canonicalize_filename(options.state_file, NULL);
	else if (other_run_dir)
		c->state_file = g_build_filename(c->run_dir, "state.json", NULL);
	else
		c->state_file = g_strdup(STATE_FILE_DEFAULT);
	c->config_must_exist = options.config != NULL;
	c->config_file = g_canonicalize_filename(
		options.config != NULL ? options.config : NETVM_SYSCONFDIR "/netvmd.conf", NULL);
	if (!c->config_must_exist && access(c->config_file, F_OK) != 0 && errno == ENOENT)
		c->config = config_new();
	else
		c->config = config_load(c->config_file, error);
	return c->config != NULL;
}

static void
unconfigure(struct control *c)
{
	config_free(c->config);
	g_free(c->config_file);
	g_free(c->state_file);
	g_free(c->run_dir);
}

static int
check(struct control *c)
{
	struct dp_config cfg;
	struct dp_error why = {""};

	control_dp_config(c->config, c->run_dir, &cfg);
	if (dp_check(&cfg, &why) != 0) {
		fprintf(stderr, "netvmd: %s: %s\n",
			c->config->file != NULL ? c->config->file : "without a config", why.text);
		return EXIT_FAILURE;
	}
	if (c->config->file != NULL)
		printf("%s is fine: %u ports, %u networks\n", c->config->file,
			c->config->ports->len, c->config->networks->len);
	else
		printf("%s is not there, which is fine: all is default\n", c->config_file);
	return EXIT_SUCCESS;
}

/* --- running ------------------------------------------------------------- */

struct daemon {
	struct control control;
	struct rundir rundir;
	struct rpc *rpc;
	int listen_fd;
	bool leave; /* end as if killed: a next netvmd goes on with what guests have */
	GMainLoop *loop;
};

static gboolean
on_stop(gpointer data)
{
	struct daemon *d = data;

	g_main_loop_quit(d->loop);
	return G_SOURCE_CONTINUE;
}

/* An ivshmem guest cannot connect again, so a stop takes its devices for good. Who
 * comes back at once does better not to stop. */
static gboolean
on_leave(gpointer data)
{
	struct daemon *d = data;

	d->leave = true;
	g_main_loop_quit(d->loop);
	return G_SOURCE_CONTINUE;
}

static gboolean
on_reload(gpointer data)
{
	struct daemon *d = data;
	g_autoptr(GError) error = NULL;

	notify("RELOADING=1");
	if (control_reload(&d->control, &error)) {
		g_message("config reloaded");
		notify("READY=1\nSTATUS=Running");
	} else {
		g_warning("reload refused, nothing has changed: %s", error->message);
		notify("READY=1\nSTATUS=Running; the last reload was refused, see the log");
	}
	return G_SOURCE_CONTINUE;
}

static char *
on_line(void *arg, const char *line, gsize len, gsize *reply_len, struct rpc_takeover *after)
{
	struct daemon *d = arg;
	char *reply;

	d->control.takeover = *after;
	reply = jsonrpc_handle(control_methods, &d->control, line, len, reply_len);
	*after = d->control.takeover;
	return reply;
}

static void
log_started(const struct daemon *d)
{
	struct dp_info info;

	dp_info(&info);
	g_message("netvmd " PACKAGE_VERSION " is ready: run directory %s, config %s, state file %s",
		d->control.run_dir,
		d->control.config->file != NULL ? d->control.config->file : "none",
		d->control.state_file);
	g_message("%u worker%s, %s rings, %" G_GUINT64_FORMAT " MiB of packet memory on %s",
		info.workers, info.workers == 1 ? "" : "s", info.simd, info.packet_memory >> 20,
		info.hugepages ? "hugepages" : "ordinary pages (slower: there are no hugepages)");
}

static void
serve(struct daemon *d)
{
	guint sources[] = {g_unix_signal_add(SIGTERM, on_stop, d),
		g_unix_signal_add(SIGINT, on_stop, d), g_unix_signal_add(SIGHUP, on_reload, d),
		g_unix_signal_add(SIGUSR2, on_leave, d)};

	d->loop = g_main_loop_new(NULL, FALSE);
	d->rpc = rpc_new(d->listen_fd, d->control.config->control_group, on_line, d);
	log_started(d);
	notify("READY=1\nSTATUS=Running");
	g_main_loop_run(d->loop);
	notify("STOPPING=1");
	g_message(d->leave ? "leaving: shm guests wait for the next netvmd" : "stopping");
	rpc_free(d->rpc);
	for (gsize i = 0; i < G_N_ELEMENTS(sources); i++)
		g_source_remove(sources[i]);
	g_main_loop_unref(d->loop);
}

static int
run(struct daemon *d)
{
	g_autoptr(GError) error = NULL;
	bool locked, started = false;

	signal(SIGPIPE, SIG_IGN);
	locked = rundir_open(&d->rundir, d->control.run_dir, d->control.state_file,
		d->control.config->group, &error);
	if (locked)
		started = control_start(&d->control, &error);
	if (started) {
		d->listen_fd = rundir_listen(&d->rundir, d->control.config->control_group, &error);
		if (d->listen_fd >= 0) {
			serve(d);
			rundir_unlisten(&d->rundir, d->listen_fd);
		}
		/* All that the next one needs outlives a process that is killed. */
		if (d->leave)
			_exit(EXIT_SUCCESS);
		control_stop(&d->control);
	}
	if (locked)
		rundir_close(&d->rundir);
	if (error == NULL)
		return EXIT_SUCCESS;
	g_critical("%s", error->message);
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	struct daemon d = {.listen_fd = -1};
	int status = EXIT_FAILURE;

	stdfds_open();
	setlocale(LC_ALL, "");
	g_option_context_set_summary(
		context, "Virtual switch for QEMU guests (vhost-user) and NICs.");
	g_option_context_add_main_entries(context, option_entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
		fprintf(stderr, "netvmd: %s%s\nTry netvmd --help.\n",
			error != NULL ? error->message : "there is nothing to do with ",
			error != NULL ? "" : argv[1]);
		return EXIT_USAGE;
	}
	if (options.version) {
		printf("netvmd " PACKAGE_VERSION "\n");
		return EXIT_SUCCESS;
	}
	log_init(options.verbose);
	if (!configure(&d.control, &error))
		fprintf(stderr, "netvmd: %s\n", error->message);
	else
		status = options.check ? check(&d.control) : run(&d);
	unconfigure(&d.control);
	g_free(options.config);
	g_free(options.run_dir);
	g_free(options.state_file);
	return status;
}
