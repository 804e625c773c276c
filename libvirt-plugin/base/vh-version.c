/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The version that was built: the one thing that a header cannot say of the library behind it. */
#include "vh-version.h"

const char *vh_version(void)
{
    return VH_VERSION_STRING;
}
