/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings that only nic ports have: device, bond and zero-copy. Rows of
 * settings.c's table; internal to it. Pure functions.
 */
#ifndef NETVM_CONTROL_SETTINGS_NIC_H
#define NETVM_CONTROL_SETTINGS_NIC_H

#include "src/control/settings.h"

SETTING_FUNCTIONS(device);
SETTING_FUNCTIONS(bond);
SETTING_FUNCTIONS(zero_copy);

/* Of a whole nic port: do bond and device fit together? */
bool settings_nic_check(const struct port_settings *set, GError **error);

#endif
