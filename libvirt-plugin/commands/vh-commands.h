/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands that the table lists, one file per group. For the files of the commands only. */
#pragma once

#include "vh-command.h"

G_BEGIN_DECLS

#define VH_OPERAND_DOMAIN_HELP "a domain's name, id or UUID"

/* Of a command that takes a domain and nothing else. */
extern const VhOperand vh_operand_domain[];

extern const VhCommand vh_cmd_list, vh_cmd_info, vh_cmd_explain; /* vh-cmd-domain.c */
extern const VhCommand vh_cmd_plan;                              /* vh-cmd-plan.c */
extern const VhCommand vh_cmd_ask;                               /* vh-cmd-ask.c */
extern const VhCommand vh_cmd_events;                            /* vh-cmd-events.c */
extern const VhCommand vh_cmd_policy;                            /* vh-cmd-policy.c */
extern const VhCommand vh_cmd_reporting;                         /* vh-cmd-reporting.c */
extern const VhCommand vh_cmd_request;                           /* vh-cmd-request.c */
extern const VhCommand vh_cmd_help, vh_cmd_complete;             /* vh-cmd-help.c */
extern const VhCommand vh_cmd_top;                               /* vh-cmd-top.c */
extern const VhCommand vh_cmd_check, vh_cmd_reload;              /* vh-cmd-check.c */

G_END_DECLS
