/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What in a guest's kernel log is a reason to look: by the words that Linux has for it. */
#include <string.h>

#include "vh-lab.h"

static const char *const words[] = {
    "BUG:",
    "BUG at",
    "WARNING:",
    "Oops",
    "Kernel panic",
    "general protection fault",
    "unable to handle",
    "bad page state",
    "pagealloc:",
    "Bad page",
    "page allocation failure",
    "blocked for more than",
    "soft lockup",
    "hard LOCKUP",
    "detected stalls",
    "self-detected stall",
    "possible circular locking",
    "possible recursive locking",
    "inconsistent lock state",
    "suspicious RCU usage",
    "invalid context",
    "refcount_t:",
    "list_add corruption",
    "list_del corruption",
    "UBSAN:",
    "KASAN:",
    "KCSAN:",
    "KFENCE:",
    "kmemleak:",
    "Out of memory",
    "segfault at",
    "EXT4-fs error",
    "I/O error",
};

/* Without ACPI these guests have no interrupt domain for MSI, which Linux finds strange. */
static const char *const expected[] = {"pci_msi_setup_msi_irqs", "pci_msi_teardown_msi_irqs"};

static gboolean has_any(const char *line, const char *const *any, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        if (strstr(line, any[i]))
            return TRUE;
    }
    return FALSE;
}

/* A record of /dev/kmsg is "PRIORITY,NUMBER,TIME,FLAGS;TEXT"; a console has the text alone. */
static const char *text_of(const char *line)
{
    const char *semicolon = strchr(line, ';');

    return semicolon && strspn(line, "0123456789,-c") == (gsize)(semicolon - line) ? semicolon + 1
                                                                                   : line;
}

const char *vh_lab_log_complaint(const char *line)
{
    if (!has_any(line, words, G_N_ELEMENTS(words)) ||
        has_any(line, expected, G_N_ELEMENTS(expected)))
        return NULL;
    return text_of(line);
}
