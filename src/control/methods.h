/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods of the control socket (doc/control-protocol.md). Control thread.
 */
#ifndef NETVM_CONTROL_METHODS_H
#define NETVM_CONTROL_METHODS_H

#include "src/control/jsonrpc.h"

extern const struct jsonrpc_method control_methods[];

#endif
