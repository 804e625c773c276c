/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What help calls the commands together. For the files of the commands only. */
#pragma once

#define VH_HELP_KEYWORD "hint"
