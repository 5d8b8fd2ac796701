/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Group, rings, doorbells and cross-connect of a port; see settings-shm.h. Pure
 * functions.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/settings-shm.h"
#include "src/control/values.h"

#define HEARTBEAT_MIN_MS 1000 /* a guest beats once a second */
#define HEARTBEAT_MAX_MS 3600000

/* A name, or "none" for no name. */
static bool
name_or_none(const char *what, char name[DP_NAME_MAX], const char *text, GError **error)
{
	if (!value_name(what, text, error))
		return false;
	g_strlcpy(name, strcmp(text, "none") != 0 ? text : "", DP_NAME_MAX);
	return true;
}

bool
group_parse(void *set, const char *text, GError **error)
{
	return name_or_none("group", ((struct port_settings *)set)->group, text, error);
}

char *
group_format(const void *set)
{
	const struct port_settings *s = set;

	return s->group[0] != '\0' ? g_strdup(s->group) : NULL;
}

bool
ring_size_parse(void *set, const char *text, GError **error)
{
	guint64 n;

	if (!value_uint("ring-size", text, NETVM_RING_MIN, NETVM_RING_MAX, &n, error))
		return false;
	if ((n & (n - 1)) != 0)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"ring-size is a power of two from %d to %d, not \"%s\"", NETVM_RING_MIN,
			NETVM_RING_MAX, text);
	((struct port_settings *)set)->ring_size = (uint32_t)n;
	return true;
}

char *
ring_size_format(const void *set)
{
	return g_strdup_printf("%u", ((const struct port_settings *)set)->ring_size);
}

bool
vectors_parse(void *set, const char *text, GError **error)
{
	guint64 n = 0;

	if (strcmp(text, "auto") != 0 &&
		!value_uint("vectors", text, 1, NETVM_VECTORS_MAX, &n, error))
		return false;
	((struct port_settings *)set)->vectors = (uint16_t)n;
	return true;
}

char *
vectors_format(const void *set)
{
	const struct port_settings *s = set;

	return s->vectors == 0 ? g_strdup("auto") : g_strdup_printf("%u", s->vectors);
}

bool
heartbeat_parse(void *set, const char *text, GError **error)
{
	guint64 n;

	if (!value_uint("heartbeat", text, 0, HEARTBEAT_MAX_MS, &n, error))
		return false;
	if (n != 0 && n < HEARTBEAT_MIN_MS)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"heartbeat is 0 (none) or at least %d milliseconds, as a guest beats once "
			"a second, "
			"not \"%s\"",
			HEARTBEAT_MIN_MS, text);
	((struct port_settings *)set)->heartbeat_ms = (uint32_t)n;
	return true;
}

char *
heartbeat_format(const void *set)
{
	return g_strdup_printf("%u", ((const struct port_settings *)set)->heartbeat_ms);
}

bool
forward_parse(void *set, const char *text, GError **error)
{
	return name_or_none("port", ((struct port_settings *)set)->forward, text, error);
}

char *
forward_format(const void *set)
{
	const struct port_settings *s = set;

	return s->forward[0] != '\0' ? g_strdup(s->forward) : NULL;
}
