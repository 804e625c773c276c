/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of QEMU's monitor (QMP), for guests that were started without libvirt. */
#pragma once

#include <json-glib/json-glib.h>
#include <sys/types.h>

#include "vh-error.h"

G_BEGIN_DECLS

typedef struct VhLabMonitor VhLabMonitor;

/* An event, as soon as it is read; `data` is borrowed, and NULL where it has none. */
typedef void (*VhLabMonitorEvent)(const char *name, JsonObject *data, gpointer user_data);

/* Connects, again and again till QEMU listens, for up to timeout_ms. VH_ERROR_GONE where `pid` has
 * ended before. */
VhLabMonitor *vh_lab_monitor_open(const char *path, pid_t pid, guint timeout_ms,
                                  VhLabMonitorEvent event, gpointer user_data,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vh_lab_monitor_free(VhLabMonitor *monitor);

/*
 * Executes a command, and blocks for the answer, for up to timeout_ms. `arguments` is what stands
 * between the braces, printf-like, or NULL. VH_ERROR_DENIED where QEMU refuses, with what it says;
 * VH_ERROR_GONE and VH_ERROR_TIMEOUT. What the command returns, to be freed with json_node_unref().
 */
JsonNode *vh_lab_monitor_call(VhLabMonitor *monitor, guint timeout_ms, GError **error,
                              const char *command, const char *arguments,
                              ...) G_GNUC_WARN_UNUSED_RESULT
G_GNUC_PRINTF(5, 6);

/* Passes on events that come within timeout_ms. */
gboolean vh_lab_monitor_listen(VhLabMonitor *monitor, guint timeout_ms,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
