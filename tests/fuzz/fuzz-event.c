/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The data of an event of QEMU's. What is accepted must be within its range. */
#include "vh-reporting-info.h"

#include "fuzz.h"

#include <string.h>

static void check_error(const GError *error)
{
    g_assert_cmpint(error->code, ==, VH_ERROR_PROTOCOL);
    g_assert_null(strpbrk(error->message, "\n\033"));
    g_assert_cmpuint(strlen(error->message), <, 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) state_error = NULL;
    g_autoptr(GError) pass_error = NULL;
    VhReportingState state;
    VhReportingPass pass;

    if (vh_reporting_info_parse_state(text, &state, &state_error))
        g_assert_nonnull(vh_reporting_inhibitor_name(state.inhibitor));
    else
        check_error(state_error);
    if (vh_reporting_info_parse_ended(text, &pass, &pass_error)) {
        g_assert_cmpuint(pass.id, >, 0);
        g_assert_true(vh_pass_has_ended(pass.status));
    } else
        check_error(pass_error);
    return 0;
}
