/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options (a{sv}) of methods: untrusted, and never guessed at. */
#pragma once

#include "vh-error.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
    const char *key;
    /* Into `target`; VH_ERROR_INVALID with what would be right. */
    gboolean (*take)(GVariant *value, gpointer target, GError **error);
} VhDbusOption;

/* Takes all that the table (ended by one without a key) has. One that is not in it must not be
 * taken for granted: VH_ERROR_INVALID with those that are. */
gboolean vh_dbus_options_read(GVariant *options, const VhDbusOption *table, gpointer target,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A length of time above 0. */
gboolean vh_dbus_options_take_deadline(GVariant *value, gint64 *ret_us,
                                       GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
