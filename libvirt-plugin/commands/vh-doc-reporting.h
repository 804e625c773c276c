/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a QEMU tells of a guest's page reporting, as a document. */
#pragma once

#include "vh-reporting-info.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/* Adds the keys of the document "reporting", but for those that say whose it is. */
void vh_doc_add_reporting(GVariantBuilder *doc, const VhReportingInfo *info);

/* One pass, as a floating a{sv}. */
GVariant *vh_doc_pass(const VhReportingPass *pass);

G_END_DECLS
