/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values as people write them; see values.h. Pure functions.
 */
#include <string.h>
#include <sys/un.h>

#include "src/control/error.h"
#include "src/control/values.h"

#define refuse(error, ...) netvm_refuse(error, NETVM_ERROR_PARAMS, __VA_ARGS__)

#define VLAN_MAX 4094

/* Digits only: no sign, no space, no hexadecimal. */
static bool
parse_digits(const char *text, guint64 max, guint64 *out)
{
	return g_ascii_isdigit(text[0]) && g_ascii_string_to_unsigned(text, 10, 0, max, out, NULL);
}

bool
value_uint(
	const char *what, const char *text, guint64 min, guint64 max, guint64 *out, GError **error)
{
	guint64 n;

	if (!parse_digits(text, max, &n) || n < min)
		return refuse(error,
			"%s is a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
			", not \"%s\"",
			what, min, max, text);
	*out = n;
	return true;
}

bool
value_size(
	const char *what, const char *text, guint64 min, guint64 max, guint64 *out, GError **error)
{
	static const char suffixes[] = "KMG";
	size_t len = strlen(text);
	const char *s = len != 0 ? strchr(suffixes, g_ascii_toupper(text[len - 1])) : NULL;
	g_autofree char *digits = g_strndup(text, s != NULL ? len - 1 : len);
	unsigned int shift = s != NULL ? 10 * (unsigned int)(s - suffixes + 1) : 0;
	guint64 n;

	if (!parse_digits(digits, max >> shift, &n) || n << shift < min)
		return refuse(error,
			"%s is a size such as 64M or 2G, from %" G_GUINT64_FORMAT
			"M to %" G_GUINT64_FORMAT "M, not \"%s\"",
			what, min >> 20, max >> 20, text);
	*out = n << shift;
	return true;
}

bool
value_rate(
	const char *what, const char *text, guint64 min, guint64 max, guint64 *out, GError **error)
{
	static const char suffixes[] = "KMGT";
	size_t len = strlen(text);
	const char *s = len != 0 ? strchr(suffixes, g_ascii_toupper(text[len - 1])) : NULL;
	g_autofree char *digits = g_strndup(text, s != NULL ? len - 1 : len);
	guint64 n, scale = 1;

	for (const char *p = suffixes; s != NULL && p <= s; p++)
		scale *= 1000;
	if (!parse_digits(digits, max / scale, &n) || (n != 0 && n * scale < min))
		return refuse(error,
			"%s is 0 or a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
			", such as 5000 or 10M (k, M, G and T are powers of 1000), not \"%s\"",
			what, min, max, text);
	*out = n * scale;
	return true;
}

bool
value_bool(const char *what, const char *text, bool *out, GError **error)
{
	static const char *const yes[] = {"yes", "true", "on", "1", NULL};
	static const char *const no[] = {"no", "false", "off", "0", NULL};

	if (!g_strv_contains(yes, text) && !g_strv_contains(no, text))
		return refuse(error, "%s is yes or no, not \"%s\"", what, text);
	*out = g_strv_contains(yes, text);
	return true;
}

bool
value_word(const char *what, const char *text, const char *const *words, guint *out, GError **error)
{
	g_autofree char *list = NULL;

	for (guint i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			*out = i;
			return true;
		}
	}
	list = g_strjoinv(" or ", (char **)words);
	return refuse(error, "%s is %s, not \"%s\"", what, list, text);
}

/* One element of a list: "7" or "3-5". */
static bool
parse_range(const char *text, guint64 max, guint64 *first, guint64 *last)
{
	g_auto(GStrv) half = g_strsplit(text, "-", 2);

	if (half[0] == NULL || !parse_digits(half[0], max, first))
		return false;
	*last = *first;
	return half[1] == NULL || (parse_digits(half[1], max, last) && *last >= *first);
}

bool
value_cpus(const char *what, const char *text, uint16_t cpu[DP_WORKERS_MAX], uint16_t *n,
	GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	uint16_t count = 0;

	for (char **part = parts; *part != NULL || part == parts; part++) {
		guint64 first, last;

		if (*part == NULL || !parse_range(*part, UINT16_MAX, &first, &last))
			return refuse(error,
				"%s is auto or a list of CPUs such as 1,3-5, not \"%s\"", what,
				text);
		for (guint64 c = first; c <= last; c++) {
			for (uint16_t i = 0; i < count; i++)
				if (cpu[i] == c)
					return refuse(error, "%s names CPU %u twice: \"%s\"", what,
						cpu[i], text);
			if (count == DP_WORKERS_MAX)
				return refuse(error, "%s names more than %d CPUs: \"%s\"", what,
					DP_WORKERS_MAX, text);
			cpu[count++] = (uint16_t)c;
		}
	}
	*n = count;
	return true;
}

static void
allow(struct dp_vlan *vlan, guint64 first, guint64 last)
{
	for (guint64 v = first; v <= last; v++)
		vlan->allowed[v / 64] |= UINT64_C(1) << (v % 64);
}

bool
value_trunk(const char *text, struct dp_vlan *vlan, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	struct dp_vlan v = {.trunk = true};

	for (char **part = parts; *part != NULL || part == parts; part++) {
		guint64 first, last;

		if (*part != NULL && strcmp(*part, "untagged") == 0)
			allow(&v, 0, 0);
		else if (*part != NULL && strcmp(*part, "all") == 0)
			allow(&v, 0, VLAN_MAX);
		else if (*part != NULL && parse_range(*part, VLAN_MAX, &first, &last) && first != 0)
			allow(&v, first, last);
		else
			return refuse(error,
				"trunk is a list of VLANs from 1 to 4094 such as "
				"10,20-30,untagged, or "
				"all, not \"%s\"",
				text);
	}
	*vlan = v;
	return true;
}

static bool
allowed(const struct dp_vlan *vlan, unsigned int v)
{
	return v <= VLAN_MAX && (vlan->allowed[v / 64] >> (v % 64) & 1) != 0;
}

char *
value_trunk_format(const struct dp_vlan *vlan)
{
	GString *s = g_string_new(NULL);

	for (unsigned int v = 1; v <= VLAN_MAX; v++) {
		unsigned int first = v;

		if (!allowed(vlan, v))
			continue;
		while (allowed(vlan, v + 1))
			v++;
		if (v == first)
			g_string_append_printf(s, "%u,", first);
		else
			g_string_append_printf(s, "%u-%u,", first, v);
	}
	if (allowed(vlan, 0))
		g_string_append(s, "untagged,");
	g_string_truncate(s, s->len - 1); /* A trunk allows at least one VLAN. */
	if (strcmp(s->str, "1-4094,untagged") == 0)
		g_string_assign(s, "all");
	return g_string_free(s, FALSE);
}

bool
value_name(const char *what, const char *name, GError **error)
{
	size_t len = strlen(name);

	if (len == 0 || len >= DP_NAME_MAX || name[0] == '.' || name[0] == '-' ||
		strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") != len)
		return refuse(error,
			"\"%s\" cannot name a %s: a name has 1 to %d of the characters A-Z a-z 0-9 "
			". _ "
			"- and does not start with . or -",
			name, what, DP_NAME_MAX - 1);
	return true;
}

bool
value_socket(const char *what, const char *path, GError **error)
{
	struct sockaddr_un sun;

	if (!g_path_is_absolute(path))
		return refuse(error, "%s is an absolute path, not \"%s\"", what, path);
	if (strlen(path) >= sizeof(sun.sun_path))
		return refuse(error,
			"%s \"%s\" has %zu bytes; a Unix socket's path has at most %zu", what, path,
			strlen(path), sizeof(sun.sun_path) - 1);
	return true;
}
