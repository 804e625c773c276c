/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Building the immutable views that a watch hands out. Private to watch/. */
#pragma once

#include "vh-watch.h"

G_BEGIN_DECLS

/* Room for `n` domains; counted once. */
VhWatchView *vh_view_new(guint n);

/* Copies one in, with its strings. At most `n` times, before the view is shown to anybody. */
void vh_view_add(VhWatchView *view, const VhWatchDomain *domain);

/* Its time is now. */
void vh_view_seal(VhWatchView *view);

G_END_DECLS
