/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of network and group settings; see settings.h. Pure functions.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/settings.h"
#include "src/control/values.h"

/* --- networks -------------------------------------------------------------- */

#define NETWORK_NUMBER(field, text, min, max)                                                      \
	static bool field##_parse(void *set, const char *t, GError **error)                        \
	{                                                                                          \
		guint64 n;                                                                         \
		if (!value_uint(text, t, min, max, &n, error))                                     \
			return false;                                                              \
		((struct network_settings *)set)->field = (uint32_t)n;                             \
		return true;                                                                       \
	}                                                                                          \
	static char *field##_format(const void *set)                                               \
	{                                                                                          \
		return g_strdup_printf("%u", ((const struct network_settings *)set)->field);       \
	}

NETWORK_NUMBER(ageing_s, "ageing-s", 10, 1000000)
NETWORK_NUMBER(max_macs, "max-macs", 16, 1048576)
NETWORK_NUMBER(storm_pps, "storm-pps", 0, UINT32_MAX)

static const struct setting network_setting[] = {
	{"ageing-s", SETTING_NUMBER, 0, true, ageing_s_parse, ageing_s_format},
	{"max-macs", SETTING_NUMBER, 0, true, max_macs_parse, max_macs_format},
	{"storm-pps", SETTING_NUMBER, 0, true, storm_pps_parse, storm_pps_format},
};

const struct settings_table network_table = {
	"network", network_setting, G_N_ELEMENTS(network_setting)};

void
network_settings_init(struct network_settings *set)
{
	*set = (struct network_settings){.ageing_s = 300, .max_macs = 8192};
}

/* --- groups ------------------------------------------------------------------ */

#define POOL_SIZE_MIN     (UINT64_C(1) << 20)
#define POOL_SIZE_MAX     (UINT64_C(1) << 40)
#define POOL_SIZE_DEFAULT (UINT64_C(64) << 20)
#define NUMA_NODE_MAX     63

static bool
pool_size_parse(void *set, const char *text, GError **error)
{
	return value_size("pool-size", text, POOL_SIZE_MIN, POOL_SIZE_MAX,
		&((struct group_settings *)set)->pool_size, error);
}

static char *
pool_size_format(const void *set)
{
	return g_strdup_printf(
		"%" G_GUINT64_FORMAT, ((const struct group_settings *)set)->pool_size);
}

static bool
buffer_size_parse(void *set, const char *text, GError **error)
{
	guint64 n;

	if (!value_uint("buffer-size", text, SHM_BUFFER_SIZE_MIN, SHM_BUFFER_SIZE_MAX, &n, error))
		return false;
	if (n % NETVM_LINE != 0)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"buffer-size is a multiple of %d, such as %" G_GUINT64_FORMAT
			", not \"%s\"",
			NETVM_LINE, n / NETVM_LINE * NETVM_LINE + NETVM_LINE, text);
	((struct group_settings *)set)->buffer_size = (uint32_t)n;
	return true;
}

static char *
buffer_size_format(const void *set)
{
	return g_strdup_printf("%u", ((const struct group_settings *)set)->buffer_size);
}

static bool
numa_parse(void *set, const char *text, GError **error)
{
	struct group_settings *s = set;
	guint64 n;

	if (strcmp(text, "all") == 0) {
		s->numa = -1;
		return true;
	}
	if (!g_ascii_string_to_unsigned(text, 10, 0, NUMA_NODE_MAX, &n, NULL))
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"numa is the number of a NUMA node or all, not \"%s\"", text);
	s->numa = (int)n;
	return true;
}

static char *
numa_format(const void *set)
{
	const struct group_settings *s = set;

	return s->numa < 0 ? g_strdup("all") : g_strdup_printf("%d", s->numa);
}

static const struct setting group_setting[] = {
	{"pool-size", SETTING_NUMBER, 0, false, pool_size_parse, pool_size_format},
	{"buffer-size", SETTING_NUMBER, 0, false, buffer_size_parse, buffer_size_format},
	{"numa", SETTING_TEXT, 0, false, numa_parse, numa_format},
};

const struct settings_table group_table = {"group", group_setting, G_N_ELEMENTS(group_setting)};

void
group_settings_init(struct group_settings *set)
{
	*set = (struct group_settings){
		.pool_size = POOL_SIZE_DEFAULT, .buffer_size = 2304, .numa = -1};
}
