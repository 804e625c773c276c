/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing the documents of docs/json.md: single keys, and what the words of this folder amount to.
 * Shared by the engine, which knows more of a guest, and by those who ask a guest without it. What
 * is unknown is left out: a reader that finds a key may rely on its figure.
 */
#pragma once

#include "vh-figures.h"
#include "vh-outcome.h"
#include "vh-override.h"
#include "vh-tier.h"
#include "vh-uuid.h"

G_BEGIN_DECLS

/* One key of an open a{sv}; takes a floating value. Text is made valid UTF-8. */
void vh_document_add(GVariantBuilder *doc, const char *key, GVariant *value);
void vh_document_add_text(GVariantBuilder *doc, const char *key, const char *text);
void vh_document_add_flag(GVariantBuilder *doc, const char *key, gboolean flag);
void vh_document_add_bytes(GVariantBuilder *doc, const char *key, guint64 bytes);
void vh_document_add_us(GVariantBuilder *doc, const char *key, gint64 us);
void vh_document_add_count(GVariantBuilder *doc, const char *key, guint count);

/* "name", "uuid", "uri". */
void vh_document_add_identity(GVariantBuilder *doc, const char *name, const VhUuid *uuid,
                              const char *uri);

/* "tier" and "tier_reasons". */
void vh_document_add_tier(GVariantBuilder *doc, VhTier tier, guint reasons);

/* The key of one figure in bytes, where it is in `figures`. */
void vh_document_add_figure(GVariantBuilder *doc, guint figures, VhFigures figure, guint64 bytes);

/* "method", and "granule_bytes" where there is one. */
void vh_document_add_method(GVariantBuilder *doc, VhAskMethod method, guint64 granule_bytes);

/* "nodes"; nothing for 0. */
void vh_document_add_nodes(GVariantBuilder *doc, guint64 node_mask);

/* The words of the facts that hold, as floating "as". */
GVariant *vh_document_facts(guint facts);

/* What metadata asks for, and how an ask ended (`message` may be NULL), as floating a{sv}. */
GVariant *vh_document_override(const VhOverride *override);
GVariant *vh_document_outcome(const VhAskOutcome *outcome, const char *message);

G_END_DECLS
