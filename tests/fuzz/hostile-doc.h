/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documents that no honest daemon would send: the keys that are read, with values of any type. */
#pragma once

#include <glib.h>

/* What is left of an input. */
typedef struct {
    const guint8 *data;
    gsize size;
} HostileInput;

guint8 hostile_byte(HostileInput *input);
guint64 hostile_number(HostileInput *input);

/* Full references: a{sv}, and aa{sv}. */
GVariant *hostile_document(HostileInput *input);
GVariant *hostile_documents(HostileInput *input);
