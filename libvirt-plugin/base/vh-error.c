/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The error domain and the names of its codes. */
#include "vh-error.h"

GQuark vh_error_quark(void)
{
    return g_quark_from_static_string("vh-error-quark");
}

static const char *const code_names[] = {
    [VH_ERROR_UNSUPPORTED] = "unsupported",
    [VH_ERROR_STALE] = "stale",
    [VH_ERROR_DENIED] = "denied",
    [VH_ERROR_GONE] = "gone",
    [VH_ERROR_BUSY] = "busy",
    [VH_ERROR_TIMEOUT] = "timeout",
    [VH_ERROR_PROTOCOL] = "protocol",
    [VH_ERROR_INVALID] = "invalid",
    [VH_ERROR_FAILED] = "failed",
};

const char *vh_error_code_name(int code)
{
    if (code < 0 || code >= (int)G_N_ELEMENTS(code_names))
        return "failed";
    return code_names[code];
}

int vh_error_code_from_name(const char *name)
{
    for (int i = 0; i < (int)G_N_ELEMENTS(code_names); i++) {
        if (g_str_equal(code_names[i], name))
            return i;
    }
    return -1;
}
