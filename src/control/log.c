/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GLib log writer; see log.h. Any thread: one line is one write.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "src/control/log.h"

static struct {
	bool verbose; /* set once, before any other thread is there */
	bool journal;
} log_state;

static const char *
level_name(GLogLevelFlags level)
{
	if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		return "error";
	if (level & G_LOG_LEVEL_WARNING)
		return "warning";
	return level & G_LOG_LEVEL_DEBUG ? "debug" : "info";
}

static GLogWriterOutput
to_stderr(GLogLevelFlags level, const GLogField *fields, gsize n)
{
	const char *text = "";
	struct timespec now;
	struct tm tm;
	char when[32];

	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0 && fields[i].length < 0)
			text = fields[i].value;
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%F %T", &tm);
	/* One call, so that lines of several threads do not mix. */
	fprintf(stderr, "%s.%03ld %s: %s\n", when, now.tv_nsec / 1000000, level_name(level), text);
	return G_LOG_WRITER_HANDLED;
}

static GLogWriterOutput
writer(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer arg)
{
	if ((level & G_LOG_LEVEL_DEBUG) != 0 && !log_state.verbose)
		return G_LOG_WRITER_HANDLED;
	if (log_state.journal &&
		g_log_writer_journald(level, fields, n, NULL) == G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;
	return to_stderr(level, fields, n);
}

void
log_init(bool verbose)
{
	log_state.verbose = verbose;
	log_state.journal = g_log_writer_is_journald(STDERR_FILENO);
	g_log_set_writer_func(writer, NULL, NULL);
}
