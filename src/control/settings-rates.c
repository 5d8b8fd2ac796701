/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rates and the mirror of a port; see settings-rates.h. Pure functions.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/settings-rates.h"
#include "src/control/values.h"

#define PPS_MAX   UINT64_C(10000000000)
#define BPS_MIN   UINT64_C(1000)
#define BPS_MAX   UINT64_C(1000000000000)
#define BURST_MAX UINT64_C(1000000000000)
#define BURST_S   3600 /* struct dp_rate: more would be cut off */

static const char *const direction_words[] = {"in", "out", "both", NULL};

static char *
number_format(uint64_t n)
{
	return n != 0 ? g_strdup_printf("%" G_GUINT64_FORMAT, n) : NULL;
}

#define RATE(name, text, field, min, max)                                                          \
	bool name##_parse(void *set, const char *t, GError **error)                                \
	{                                                                                          \
		return value_rate(                                                                 \
			text, t, min, max, &((struct port_settings *)set)->field, error);          \
	}                                                                                          \
	char *name##_format(const void *set)                                                       \
	{                                                                                          \
		return number_format(((const struct port_settings *)set)->field);                  \
	}

RATE(rate_pps, "rate-pps", rate_in.pps, 1, PPS_MAX)
RATE(rate_bps, "rate-bps", rate_in.bps, BPS_MIN, BPS_MAX)
RATE(burst_packets, "burst-packets", rate_in.burst_packets, 1, BURST_MAX)
RATE(burst_bytes, "burst-bytes", rate_in.burst_bytes, 1, BURST_MAX)
RATE(out_rate_pps, "out-rate-pps", rate_out.pps, 1, PPS_MAX)
RATE(out_rate_bps, "out-rate-bps", rate_out.bps, BPS_MIN, BPS_MAX)
RATE(out_burst_packets, "out-burst-packets", rate_out.burst_packets, 1, BURST_MAX)
RATE(out_burst_bytes, "out-burst-bytes", rate_out.burst_bytes, 1, BURST_MAX)

bool
mirror_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;

	if (!value_name("port", text, error)) {
		g_prefix_error(error, "mirror: ");
		return false;
	}
	g_strlcpy(s->mirror, strcmp(text, MIRROR_NONE) != 0 ? text : "", sizeof(s->mirror));
	return true;
}

char *
mirror_format(const void *set)
{
	const struct port_settings *s = set;

	return s->mirror[0] != '\0' ? g_strdup(s->mirror) : NULL;
}

bool
mirror_direction_parse(void *set, const char *text, GError **error)
{
	guint word;

	if (!value_word("mirror-direction", text, direction_words, &word, error))
		return false;
	((struct port_settings *)set)->mirror_direction = word + DP_MIRROR_IN;
	return true;
}

char *
mirror_direction_format(const void *set)
{
	const struct port_settings *s = set;

	return s->mirror[0] != '\0' ? g_strdup(direction_words[s->mirror_direction - DP_MIRROR_IN])
				    : NULL;
}

/* --- rules --------------------------------------------------------------- */

static bool
is_given(uint32_t given, const char *prefix, const char *name)
{
	g_autofree char *whole = g_strconcat(prefix, name, NULL);

	return given >> (settings_find(&port_table, whole) - port_table.setting) & 1;
}

/* per: units of the burst in a unit of the rate, 8 bits in a byte. */
static bool
burst_check(const char *prefix, const char *rate_name, uint64_t rate, const char *burst_name,
	uint64_t *burst, uint64_t per, uint32_t given, GError **error)
{
	if (rate == 0 && *burst != 0 && is_given(given, prefix, burst_name))
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"%s%s means nothing without %s%s: give both", prefix, burst_name, prefix,
			rate_name);
	if (rate == 0)
		*burst = 0;
	if (*burst > rate * BURST_S / per)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"%s%s=%" G_GUINT64_FORMAT
			" is more than an hour's worth of %s%s=%" G_GUINT64_FORMAT,
			prefix, burst_name, *burst, prefix, rate_name, rate);
	return true;
}

static bool
rate_check(const char *prefix, struct dp_rate *r, uint32_t given, GError **error)
{
	return burst_check(prefix, "rate-pps", r->pps, "burst-packets", &r->burst_packets, 1, given,
		       error) &&
	       burst_check(
		       prefix, "rate-bps", r->bps, "burst-bytes", &r->burst_bytes, 8, given, error);
}

bool
settings_rates_check(struct port_settings *set, uint32_t given, GError **error)
{
	if (set->mirror[0] == '\0') {
		if (is_given(given, "", "mirror-direction"))
			return netvm_refuse(error, NETVM_ERROR_PARAMS,
				"mirror-direction means nothing without mirror: give both");
		set->mirror_direction = DP_MIRROR_BOTH;
	}
	return rate_check("", &set->rate_in, given, error) &&
	       rate_check("out-", &set->rate_out, given, error);
}
