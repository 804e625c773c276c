/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* enable: what a domain's definition needs for a tier. */
#pragma once

#include "vh-command.h"

G_BEGIN_DECLS

extern const VhCommand vh_cmd_enable;

G_END_DECLS
