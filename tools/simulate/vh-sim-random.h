/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers that look random and are the same in every run: a counter through a mixing function
 * (SplitMix64), so that each guest has a stream of its own that nobody else can disturb.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

static inline guint64 vh_sim_random_next(guint64 *stream)
{
    guint64 mixed = *stream += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* A stream of its own for each purpose. */
static inline guint64 vh_sim_random_stream(guint64 seed, guint64 purpose, guint64 number)
{
    guint64 stream = seed;

    stream = vh_sim_random_next(&stream) + purpose;
    stream = vh_sim_random_next(&stream) + number;
    return vh_sim_random_next(&stream);
}

/* From 0 to below 1. */
static inline double vh_sim_random_unit(guint64 *stream)
{
    return (double)(vh_sim_random_next(stream) >> 11) * 0x1p-53;
}

/* From 1 - share to 1 + share. */
static inline double vh_sim_random_around(guint64 *stream, double share)
{
    return 1 + share * (2 * vh_sim_random_unit(stream) - 1);
}

G_END_DECLS
