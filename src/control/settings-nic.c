/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of nic ports alone; see settings-nic.h. Pure functions.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/settings-nic.h"
#include "src/control/values.h"

static const char *const zero_copy_words[] = {"auto", "off", NULL};
static const char *const bond_words[] = {[DP_BOND_NONE] = "none",
	[DP_BOND_ACTIVE_BACKUP] = "active-backup",
	[DP_BOND_LACP] = "lacp",
	[DP_BOND_LACP + 1] = NULL};

bool
device_parse(void *set, const char *text, GError **error)
{
	struct port_settings *s = set;

	if (text[0] == '\0' || strlen(text) >= sizeof(s->device)) {
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS,
			"device is a PCI address or DPDK devargs such as "
			"net_af_packet0,iface=eth1, of 1 "
			"to %zu bytes",
			sizeof(s->device) - 1);
		return false;
	}
	g_strlcpy(s->device, text, sizeof(s->device));
	return true;
}

char *
device_format(const void *set)
{
	const struct port_settings *s = set;

	return s->device[0] != '\0' ? g_strdup(s->device) : NULL;
}

bool
bond_parse(void *set, const char *text, GError **error)
{
	guint word;

	if (!value_word("bond", text, bond_words, &word, error))
		return false;
	((struct port_settings *)set)->bond = word;
	return true;
}

char *
bond_format(const void *set)
{
	const struct port_settings *s = set;

	return s->bond != DP_BOND_NONE ? g_strdup(bond_words[s->bond]) : NULL;
}

bool
zero_copy_parse(void *set, const char *text, GError **error)
{
	guint word;

	if (!value_word("zero-copy", text, zero_copy_words, &word, error))
		return false;
	((struct port_settings *)set)->copy = word != 0;
	return true;
}

char *
zero_copy_format(const void *set)
{
	return g_strdup(zero_copy_words[((const struct port_settings *)set)->copy]);
}

/* --- rules --------------------------------------------------------------- */

static unsigned int
count_devices(const char *list)
{
	unsigned int n = 0;

	for (const char *s = list; *s != '\0'; s++)
		n += *s != ' ' && (s == list || s[-1] == ' ');
	return n;
}

bool
settings_nic_check(const struct port_settings *set, GError **error)
{
	unsigned int n = count_devices(set->device);

	if (n > DP_MEMBERS_MAX)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"device has %u devices: a bond has at most %u", n, DP_MEMBERS_MAX);
	if (set->bond == DP_BOND_NONE && strchr(set->device, ' ') != NULL)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"bond is missing: a device with spaces is several devices, which need "
			"bond=active-backup or bond=lacp");
	if (set->bond != DP_BOND_NONE && n < 2)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"device has only %u device: bond=%s needs 2 to %u of them, separated by "
			"spaces",
			n, bond_words[set->bond], DP_MEMBERS_MAX);
	return true;
}
