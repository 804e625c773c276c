/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must hold of any message that the driver's encoder writes, checked without it: a decoder and
 * a search for the best message, both by the letter of docs/device.md. For the unit test and the
 * fuzz target.
 */
#pragma once

#include <glib.h>

#include "chunks.h"

G_BEGIN_DECLS

/* Addresses and sizes: the page, and what an encoder needs at least for a message. */
#define CHUNKS_PAGE_BYTES G_GUINT64_CONSTANT(4096)
#define CHUNKS_HEAD_BYTES 16
#define CHUNKS_EXTENT_BYTES 16
#define CHUNKS_MIN_ROOM (CHUNKS_HEAD_BYTES + CHUNKS_EXTENT_BYTES)

/* The ranges that a message names: what touches is one. NULL, with the reason in `ret_why`, where a
 * device had to take it for malformed, or a driver had to write it otherwise. */
GArray *chunks_decode(const guint8 *message, gsize length, const char **ret_why);

/* Joins a copy of n pieces that are sorted and do not overlap, and checks that what is left tiles
 * the same memory without touching. Free with g_array_unref(). */
GArray *chunks_check_join(const struct vh_range *pieces, guint n);

/* Encodes once into `room` bytes, and checks everything that chunks.h promises. Returns how many of
 * the n joined ranges the message has. */
guint chunks_check_encode(const struct vh_range *ranges, guint n, guint32 room);

/* The same for message after message until no range is left. */
void chunks_check_encode_all(const struct vh_range *ranges, guint n, guint32 room);

G_END_DECLS
