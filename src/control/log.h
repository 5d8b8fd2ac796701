/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where netvmd's log goes: GLib's structured log, to the journal when stderr
 * is the journal, else to stderr with time and level. Say things with
 * g_warning(), g_message(), g_info() and, for --verbose, g_debug(). Any thread.
 */
#ifndef NETVM_CONTROL_LOG_H
#define NETVM_CONTROL_LOG_H

#include <stdbool.h>

void log_init(bool verbose);

#endif
