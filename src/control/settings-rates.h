/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of a port that limit and copy its traffic: rates and the mirror.
 * Rows of settings.c's table; internal to it. Pure functions.
 */
#ifndef NETVM_CONTROL_SETTINGS_RATES_H
#define NETVM_CONTROL_SETTINGS_RATES_H

#include "src/control/settings.h"

SETTING_FUNCTIONS(rate_pps);
SETTING_FUNCTIONS(rate_bps);
SETTING_FUNCTIONS(burst_packets);
SETTING_FUNCTIONS(burst_bytes);
SETTING_FUNCTIONS(out_rate_pps);
SETTING_FUNCTIONS(out_rate_bps);
SETTING_FUNCTIONS(out_burst_packets);
SETTING_FUNCTIONS(out_burst_bytes);
SETTING_FUNCTIONS(mirror);
SETTING_FUNCTIONS(mirror_direction);

/* Do they fit together? A rate that is switched off takes its burst along. */
bool settings_rates_check(struct port_settings *set, uint32_t given, GError **error);

#endif
