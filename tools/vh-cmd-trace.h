/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recordings on the command line: `record` writes one without a daemon, `replay` decides one again.
 */
#pragma once

#include "vh-command.h"

G_BEGIN_DECLS

extern const VhCommand vh_cmd_record, vh_cmd_replay;

G_END_DECLS
