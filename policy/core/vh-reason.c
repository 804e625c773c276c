/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of reasons. docs/policy.md lists the same words. */
#include "vh-reason.h"

static const struct {
    const char *name;
    const char *text;
} reasons[VH_REASONS] = {
    [VH_REASON_ASK] = {"ask", "it is asked now"},
    [VH_REASON_NOT_RUNNING] = {"not-running", "it is not running"},
    [VH_REASON_HUNG] = {"hung", "its QEMU does not answer"},
    [VH_REASON_OTHER_COPY] = {"other-copy", "it runs on another connection: it is migrating"},
    [VH_REASON_JOB] = {"job", "a migration, save or other job is under way"},
    [VH_REASON_RECOVERING] = {"recovering",
                              "somebody else's ask is under way, or an interrupted one "
                              "is being put back"},
    [VH_REASON_IN_FLIGHT] = {"in-flight", "an ask is under way"},
    [VH_REASON_TIER_NONE] = {"tier-none", "it cannot be asked"},
    [VH_REASON_NO_AUTODEFLATE] = {"no-autodeflate", "without autodeflate a pulse could kill its "
                                                    "processes, and no pulse_reserve is set"},
    [VH_REASON_NEVER] = {"never", "its class or metadata says never to ask it"},
    [VH_REASON_EXEMPT] = {"exempt", "what its XML sets aside for it is left alone, as the policy's "
                                    "exempt says"},
    [VH_REASON_UNMATCHED] = {"unmatched",
                             "whether an XPath match applies to it is not known (yet)"},
    [VH_REASON_NO_STATS] = {"no-stats", "its balloon driver has told nothing yet"},
    [VH_REASON_STALE] = {"stale", "what its balloon driver told is too old"},
    [VH_REASON_ABSURD] = {"absurd", "what its balloon driver told cannot be true"},
    [VH_REASON_UNSTABLE] = {"unstable", "its memory is moving: two samples do not agree yet"},
    [VH_REASON_OTHER_NODE] = {"other-node", "its memory is not on the NUMA node that is the pool"},
    [VH_REASON_SMALL_YIELD] = {"small-yield", "too little would come back"},
    [VH_REASON_SHORT_LIVED] = {"short-lived", "it would soon take back most of what came"},
    [VH_REASON_KEEP_FREE] = {"keep-free", "what would come back is what it must keep free"},
    [VH_REASON_COOLDOWN] = {"cooldown", "it was asked too recently"},
    [VH_REASON_ASKS_PER_HOUR] = {"asks-per-hour", "it was asked often enough within the hour"},
    [VH_REASON_POOL_IDLE] = {"pool-idle", "the pool needs nothing"},
    [VH_REASON_PROTECTED] = {"protected", "its class is asked at a higher level only"},
    [VH_REASON_PROACTIVE_RANK] = {"proactive-rank",
                                  "ahead of need only the cheapest rank is asked"},
    [VH_REASON_PROACTIVE_BUDGET] = {"proactive-budget",
                                    "ahead of need only so much is asked for in a minute"},
    [VH_REASON_CLASS_BUDGET] = {"class-budget",
                                "its class was asked for enough within this minute"},
    [VH_REASON_NEED_MET] = {"need-met", "others, asked before it, cover the need"},
    [VH_REASON_MAX_IN_FLIGHT] = {"max-in-flight", "as many asks as allowed are under way"},
    [VH_REASON_NODE_IN_FLIGHT] = {"node-in-flight",
                                  "as many as allowed are under way on its NUMA node"},
};

const char *vh_reason_name(VhReason reason)
{
    g_return_val_if_fail((guint)reason < VH_REASONS, "unknown");
    return reasons[reason].name;
}

const char *vh_reason_text(VhReason reason)
{
    g_return_val_if_fail((guint)reason < VH_REASONS, "unknown");
    return reasons[reason].text;
}
