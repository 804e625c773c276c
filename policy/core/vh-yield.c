/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The yield formula. */
#include "vh-yield.h"

#include <math.h>

guint64 vh_yield_used_bytes(const VhDomain *domain)
{
    guint64 balloon =
        domain->has_autodeflate ? vh_sub(domain->maximum_bytes, domain->current_bytes) : 0;

    return vh_sub(vh_sub(domain->available_bytes, balloon), domain->unused_bytes);
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

void vh_yield_compute(const VhModel *model, const VhDomain *domain, const VhGuestState *guest,
                      gint64 wall_us, VhYield *ret_yield)
{
    guint64 swapped = domain->figures & VH_HAS_SWAPPED ? domain->swapped_bytes : 0;
    guint64 overhead =
        guest && guest->overhead_bytes ? guest->overhead_bytes : model->overhead_bytes;
    guint64 ram = vh_sub(domain->rss_bytes, overhead);
    guint64 backed = vh_sub(vh_add(ram, swapped), vh_yield_used_bytes(domain));

    *ret_yield = (VhYield){.overhead_bytes = overhead};
    ret_yield->backed_free_bytes = MIN(backed, domain->unused_bytes);
    ret_yield->in_ram_bytes = share_in_ram(ret_yield->backed_free_bytes, ram, swapped);
    ret_yield->residue_bytes =
        guest && guest->residue_bytes ? residue_now(model, guest, wall_us) : 0;
    ret_yield->expected_bytes =
        vh_share(vh_sub(ret_yield->in_ram_bytes, ret_yield->residue_bytes), model->gamma_bp);
    ret_yield->counted_bytes =
        vh_sub(ret_yield->expected_bytes, vh_share(ret_yield->expected_bytes, model->sigma_bp));
}
