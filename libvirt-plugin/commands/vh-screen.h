/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The terminal as a screen that is drawn over, and given back as it was. */
#pragma once

#include "vh-command.h"

G_BEGIN_DECLS

typedef struct VhScreen VhScreen;

/* Switches to the terminal's other screen, hides the cursor and takes keys one by one. `quit` is
 * fired when "q" or the end of the input comes. */
VhScreen *vh_screen_new(const VhOutput *output, GCancellable *quit);

/* Replaces what is shown; lines beyond the terminal's height are left out. */
void vh_screen_draw(VhScreen *screen, const char *text);

/* Puts everything back. NULL-safe. */
void vh_screen_free(VhScreen *screen);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VhScreen, vh_screen_free)

G_END_DECLS
