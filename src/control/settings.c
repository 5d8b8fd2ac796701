/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of port settings; see settings.h. Pure functions.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/settings-nic.h"
#include "src/control/settings-rates.h"
#include "src/control/settings-shm.h"
#include "src/control/values.h"

#define VHOST (1U << DP_PORT_VHOST)
#define NIC   (1U << DP_PORT_NIC)
#define SHM   (1U << DP_PORT_SHM)
#define ANY   (VHOST | NIC | SHM)

#define MTU_MIN 68

/* Places in port_setting[] that rules below refer to. */
enum { PORT_TYPE, PORT_NETWORK, PORT_VLAN, PORT_TRUNK, PORT_QUEUES = 6, PORT_DEVICE = 10 };

static const char *const type_words[] = {[DP_PORT_VHOST] = "vhost",
	[DP_PORT_NIC] = "nic",
	[DP_PORT_SHM] = "shm",
	[DP_PORT_SHM + 1] = NULL};
static const char *const mode_words[] = {"server", "client", NULL};

static bool
type_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;
	guint word;

	if (!value_word("type", text, type_words, &word, error))
		return false;
	s->type = word;
	return true;
}

static char *
type_format(const void *set)
{
	return g_strdup(type_words[((const struct port_settings *)set)->type]);
}

static bool
network_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;

	if (!value_name("network", text, error)) {
		g_prefix_error(error, "network: ");
		return false;
	}
	g_strlcpy(s->network, text, sizeof(s->network));
	return true;
}

static char *
network_format(const void *set)
{
	return g_strdup(((const struct port_settings *)set)->network);
}

static bool
vlan_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;
	guint64 n;

	if (!value_uint("vlan", text, 0, 4094, &n, error))
		return false;
	s->vlan = (struct dp_vlan){.access = (uint16_t)n};
	return true;
}

static char *
vlan_format(const void *set)
{
	const struct port_settings *s = set;

	return s->vlan.trunk ? NULL : g_strdup_printf("%u", s->vlan.access);
}

static bool
trunk_parse(void *set, const char *text, GError **error)
{
	return value_trunk(text, &((struct port_settings *)set)->vlan, error);
}

static char *
trunk_format(const void *set)
{
	const struct port_settings *s = set;

	return s->vlan.trunk ? value_trunk_format(&s->vlan) : NULL;
}

static bool
guard_setting_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;
	struct guard g = {0};
	char why[200];

	if (strcmp(text, "none") != 0 && guard_parse(&g, text, why, sizeof(why)) != 0) {
		g_set_error_literal(error, NETVM_ERROR, NETVM_ERROR_PARAMS, why);
		return false;
	}
	s->guard = g;
	return true;
}

static char *
guard_setting_format(const void *set)
{
	const struct port_settings *s = set;
	char text[GUARD_TEXT_MAX];

	if (s->guard.nmac == 0)
		return NULL;
	guard_format(&s->guard, text, sizeof(text));
	return g_strdup(text);
}

static bool
mtu_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;
	guint64 n;

	if (!value_uint("mtu", text, MTU_MIN, VHOST_MTU_MAX, &n, error))
		return false;
	s->mtu = (uint16_t)n;
	return true;
}

static char *
mtu_format(const void *set)
{
	return g_strdup_printf("%u", ((const struct port_settings *)set)->mtu);
}

static bool
queues_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;
	guint64 n = 0;

	if (strcmp(text, "auto") != 0 && !value_uint("queues", text, 1, DP_QUEUES_MAX, &n, error))
		return false;
	s->queues = (uint16_t)n;
	return true;
}

static char *
queues_format(const void *set)
{
	const struct port_settings *s = set;

	return s->queues == 0 ? g_strdup("auto") : g_strdup_printf("%u", s->queues);
}

static bool
enabled_parse(void *set, const char *text, GError **error)
{
	return value_bool("enabled", text, &((struct port_settings *)set)->enabled, error);
}

static char *
enabled_format(const void *set)
{
	return g_strdup(((const struct port_settings *)set)->enabled ? "yes" : "no");
}

static bool
mode_parse(void *set, const char *text, GError **error)
{
	guint word;

	if (!value_word("mode", text, mode_words, &word, error))
		return false;
	((struct port_settings *)set)->client = word != 0;
	return true;
}

static char *
mode_format(const void *set)
{
	return g_strdup(mode_words[((const struct port_settings *)set)->client]);
}

static bool
socket_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;

	if (!value_socket("socket", text, error))
		return false;
	g_strlcpy(s->socket, text, sizeof(s->socket));
	return true;
}

static char *
socket_format(const void *set)
{
	const struct port_settings *s = set;

	return s->socket[0] != '\0' ? g_strdup(s->socket) : NULL;
}

/* clang-format off */
static const struct setting port_setting[] = {
	[PORT_TYPE] =
	{"type", SETTING_TEXT, ANY, false, type_parse, type_format},
	[PORT_NETWORK] =
	{"network", SETTING_TEXT, ANY, true, network_parse, network_format},
	[PORT_VLAN] =
	{"vlan", SETTING_NUMBER, ANY, true, vlan_parse, vlan_format},
	[PORT_TRUNK] =
	{"trunk", SETTING_TEXT, ANY, true, trunk_parse, trunk_format},
	{"guard", SETTING_TEXT, ANY, true, guard_setting_parse, guard_setting_format},
	{"mtu", SETTING_NUMBER, ANY, true, mtu_parse, mtu_format},
	[PORT_QUEUES] =
	{"queues", SETTING_TEXT, ANY, false, queues_parse, queues_format},
	{"enabled", SETTING_BOOL, ANY, true, enabled_parse, enabled_format},
	{"mode", SETTING_TEXT, VHOST, false, mode_parse, mode_format},
	{"socket", SETTING_TEXT, VHOST, false, socket_parse, socket_format},
	[PORT_DEVICE] =
	{"device", SETTING_TEXT, NIC, false, device_parse, device_format},
	{"bond", SETTING_TEXT, NIC, false, bond_parse, bond_format},
	{"zero-copy", SETTING_TEXT, NIC, false, zero_copy_parse, zero_copy_format},
	{"rate-pps", SETTING_NUMBER, ANY, true, rate_pps_parse, rate_pps_format},
	{"rate-bps", SETTING_NUMBER, ANY, true, rate_bps_parse, rate_bps_format},
	{"burst-packets", SETTING_NUMBER, ANY, true,
		burst_packets_parse, burst_packets_format},
	{"burst-bytes", SETTING_NUMBER, ANY, true, burst_bytes_parse, burst_bytes_format},
	{"out-rate-pps", SETTING_NUMBER, ANY, true,
		out_rate_pps_parse, out_rate_pps_format},
	{"out-rate-bps", SETTING_NUMBER, ANY, true,
		out_rate_bps_parse, out_rate_bps_format},
	{"out-burst-packets", SETTING_NUMBER, ANY, true,
		out_burst_packets_parse, out_burst_packets_format},
	{"out-burst-bytes", SETTING_NUMBER, ANY, true,
		out_burst_bytes_parse, out_burst_bytes_format},
	{"mirror", SETTING_TEXT, ANY, true, mirror_parse, mirror_format},
	{"mirror-direction", SETTING_TEXT, ANY, true,
		mirror_direction_parse, mirror_direction_format},
	{"forward", SETTING_TEXT, ANY, true, forward_parse, forward_format},
	{"group", SETTING_TEXT, NIC | SHM, false, group_parse, group_format},
	{"ring-size", SETTING_NUMBER, SHM, false, ring_size_parse, ring_size_format},
	{"vectors", SETTING_TEXT, SHM, false, vectors_parse, vectors_format},
	{"heartbeat", SETTING_NUMBER, SHM, false, heartbeat_parse, heartbeat_format},
};
/* clang-format on */

const struct settings_table port_table = {"port", port_setting, G_N_ELEMENTS(port_setting)};

void
port_settings_init(struct port_settings *set)
{
	*set = (struct port_settings){.mtu = 1500,
		.enabled = true,
		.mirror_direction = DP_MIRROR_BOTH,
		.ring_size = 1024};
	g_strlcpy(set->network, NETWORK_DEFAULT, sizeof(set->network));
}

bool
port_settings_check(struct port_settings *set, uint32_t given, bool full, GError **error)
{
	const char *wrong = NULL;

	if (full && (given >> PORT_TYPE & 1) == 0)
		wrong = "type is missing: it is vhost, nic or shm";
	else if ((given >> PORT_VLAN & 1) != 0 && (given >> PORT_TRUNK & 1) != 0)
		wrong = "vlan and trunk exclude each other: a port is an access port or a trunk";
	else if (set->type == DP_PORT_NIC && full && (given >> PORT_DEVICE & 1) == 0)
		wrong = "device is missing: a nic port needs a PCI address or DPDK devargs";
	else if (set->type != DP_PORT_NIC && (given >> PORT_QUEUES & 1) != 0 && set->queues == 0)
		wrong = "queues is a number from 1 to 16 for vhost and shm ports; only a nic port "
			"has auto";
	else if (full && set->type == DP_PORT_SHM && set->group[0] == '\0')
		wrong = "group is missing: an shm port is in a trust group (netvmctl group add)";
	if (wrong != NULL) {
		g_set_error_literal(error, NETVM_ERROR, NETVM_ERROR_PARAMS, wrong);
		return false;
	}
	if (full && set->type == DP_PORT_NIC && !settings_nic_check(set, error))
		return false;
	for (unsigned int i = 0; i < port_table.count; i++) {
		if ((given >> i & 1) == 0 || (port_setting[i].types >> set->type & 1) != 0)
			continue;
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS,
			"a %s port has no setting \"%s\"", type_words[set->type],
			port_setting[i].name);
		return false;
	}
	if (set->type != DP_PORT_NIC && set->queues == 0)
		set->queues = 1;
	return settings_rates_check(set, given, error);
}
