/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command `virthint simulate`. */
#pragma once

#include "vh-command.h"

G_BEGIN_DECLS

extern const VhCommand vh_cmd_simulate;

G_END_DECLS
