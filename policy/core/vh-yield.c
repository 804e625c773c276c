/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The yield formula. */
#include "vh-yield.h"

#include <math.h>

/* Of what stays free in the guest at the depth of a pulse, so much is backed: measured with guests
 * of 1 GiB, where 46 to 63 of 64 MiB were. */
#define LEFT_BACKED_BP 8000

guint64 vh_yield_used_bytes(const VhDomain *domain)
{
    return vh_figures_used_bytes(domain->has_autodeflate, domain->maximum_bytes,
                                 domain->current_bytes, domain->available_bytes,
                                 domain->unused_bytes);
}

/* Q: what asks could not reach becomes reachable again as the guest moves its memory about. */
static guint64 residue_now(const VhModel *model, const VhGuestState *guest, gint64 wall_us)
{
    gint64 age_us = MAX(wall_us - guest->residue_wall_us, 0);
    double left = exp2(-(double)age_us / (double)model->residue_halflife_us);

    return (guint64)((double)guest->residue_bytes * left);
}

/* X = Z * (R - O) / (R - O + S): backed pages are in RAM in the proportion that the whole guest is.
 */
static guint64 share_in_ram(guint64 backed_bytes, guint64 ram_bytes, guint64 swapped_bytes)
{
    if (ram_bytes == 0)
        return 0;
    return (guint64)((unsigned __int128)backed_bytes * ram_bytes /
                     vh_add(ram_bytes, swapped_bytes));
}

/* Half of the distance between the starting point and what was learned goes in each `explore`. */
static guint drawn_to_start(guint start_bp, guint learned_bp, double kept)
{
    double distance = ((double)learned_bp - (double)start_bp) * kept;

    return (guint)CLAMP(round((double)start_bp + distance), 0, 10000);
}

void vh_yield_learned(const VhModel *model, const VhGuestState *guest, gint64 wall_us,
                      VhLearned *ret_learned)
{
    double kept = 1;

    *ret_learned = (VhLearned){model->gamma_bp, model->retouch_bp, model->sigma_bp};
    if (model->without & VH_TERM_RETOUCH)
        ret_learned->retouch_bp = 0;
    if (!guest)
        return;
    if (!(model->without & VH_TERM_EXPLORATION)) {
        gint64 age_us = MAX(wall_us - guest->last_ended_wall_us, 0);
        kept = exp2(-(double)age_us / (double)model->explore_us);
    }
    if (guest->n_returns && !(model->without & VH_TERM_GAMMA))
        ret_learned->gamma_bp = drawn_to_start(model->gamma_bp, guest->gamma_bp, kept);
    if (guest->n_returns && !(model->without & VH_TERM_SIGMA))
        ret_learned->sigma_bp = drawn_to_start(model->sigma_bp, guest->sigma_bp, kept);
    if (guest->n_rebounds && !(model->without & VH_TERM_RETOUCH))
        ret_learned->retouch_bp = drawn_to_start(model->retouch_bp, guest->retouch_bp, kept);
}

guint64 vh_yield_durable_bytes(const VhYield *yield, guint64 expected_bytes)
{
    return vh_sub(expected_bytes, vh_share(expected_bytes, yield->retouch_bp));
}

guint64 vh_yield_counted_bytes(const VhYield *yield, guint64 expected_bytes)
{
    guint64 firm = vh_sub(yield->expected_bytes, yield->doubtful_bytes);
    guint64 durable = vh_yield_durable_bytes(yield, MIN(expected_bytes, firm));

    return vh_sub(durable, vh_share(durable, yield->sigma_bp));
}

static void set_expected(VhYield *yield, guint64 expected_bytes, guint64 doubtful_bytes)
{
    yield->expected_bytes = expected_bytes;
    yield->doubtful_bytes = MIN(doubtful_bytes, expected_bytes);
    yield->durable_bytes = vh_yield_durable_bytes(yield, expected_bytes);
    yield->counted_bytes = vh_yield_counted_bytes(yield, expected_bytes);
}

void vh_yield_cap(VhYield *yield, guint64 most_bytes)
{
    guint64 firm = vh_sub(yield->expected_bytes, yield->doubtful_bytes);
    guint64 capped = MIN(yield->expected_bytes, most_bytes);

    set_expected(yield, capped, vh_sub(capped, firm)); /* what is doubtful would come last */
}

void vh_yield_leave(VhYield *yield, guint64 reserve_bytes)
{
    guint64 reachable = vh_sub(yield->in_ram_bytes, yield->residue_bytes);

    yield->left_bytes = MIN(vh_share(reserve_bytes, LEFT_BACKED_BP), reachable);
    set_expected(yield, vh_share(reachable - yield->left_bytes, yield->gamma_bp),
                 yield->doubtful_bytes);
}

/* By how much O is taken for less than it starts with, although no ask has shown the bottom. */
static guint64 guessed_bytes(const VhModel *model, const VhGuestState *guest)
{
    if (!guest || guest->was_drained || guest->overhead_bytes == 0)
        return 0;
    return vh_sub(model->overhead_bytes, guest->overhead_bytes);
}

static guint64 swapped_bytes(const VhModel *model, const VhDomain *domain)
{
    if (!(domain->figures & VH_HAS_SWAPPED) || model->without & VH_TERM_SWAP)
        return 0;
    return domain->swapped_bytes;
}

void vh_yield_compute(const VhModel *model, const VhDomain *domain, const VhGuestState *guest,
                      gint64 wall_us, VhYield *ret_yield)
{
    guint64 swapped = swapped_bytes(model, domain);
    guint64 overhead =
        guest && guest->overhead_bytes ? guest->overhead_bytes : model->overhead_bytes;
    guint64 ram = vh_sub(domain->rss_bytes, overhead);
    guint64 backed = vh_sub(vh_add(ram, swapped), vh_yield_used_bytes(domain));
    gboolean has_residue = guest && guest->residue_bytes && !(model->without & VH_TERM_RESIDUE);
    VhLearned learned;

    vh_yield_learned(model, guest, wall_us, &learned);
    *ret_yield = (VhYield){.overhead_bytes = overhead,
                           .gamma_bp = learned.gamma_bp,
                           .retouch_bp = learned.retouch_bp,
                           .sigma_bp = learned.sigma_bp};
    ret_yield->backed_free_bytes = MIN(backed, domain->unused_bytes);
    ret_yield->in_ram_bytes = share_in_ram(ret_yield->backed_free_bytes, ram, swapped);
    ret_yield->residue_bytes = has_residue ? residue_now(model, guest, wall_us) : 0;
    set_expected(
        ret_yield,
        vh_share(vh_sub(ret_yield->in_ram_bytes, ret_yield->residue_bytes), learned.gamma_bp),
        vh_share(guessed_bytes(model, guest), learned.gamma_bp));
}
