/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests: their start, their end, and the handle on them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vh-lab-images.h"
#include "vh-lab-private.h"

#define POLL_US 2000

char *vh_lab_guest_path(const VhLab *lab, const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);

    return g_build_filename(lab->dir, "guests", file, NULL);
}

pid_t vh_lab_guest_read_pid(const VhLab *lab, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".pid", NULL);
    g_autofree char *path = g_build_filename(lab->dir, "run/libvirt/qemu/run", file, NULL);
    g_autofree char *text = NULL;
    guint64 pid;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !g_ascii_string_to_unsigned(g_strstrip(text), 10, 1, G_MAXINT, &pid, NULL))
        return -1;
    return (pid_t)pid;
}

static VhLabGuest *take_domain(VhLab *lab, const char *name, virDomainPtr domain, GError **error)
{
    VhLabGuest *guest = g_new0(VhLabGuest, 1);

    guest->lab = lab;
    guest->name = g_strdup(name);
    guest->pid = vh_lab_guest_read_pid(lab, name);
    if (guest->pid < 0 || virDomainGetUUIDString(domain, guest->uuid) < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "guest '%s': has ended already", name);
        g_clear_pointer(&guest, vh_lab_guest_leave);
    }
    virDomainFree(domain);
    return guest;
}

static virDomainPtr create_domain(VhLab *lab, const VhLabGuestSpec *spec, GError **error)
{
    virConnectPtr connection = vh_lab_connection(lab, error);
    g_autofree char *kernel = NULL, *initramfs = NULL, *xml = NULL;
    virDomainPtr domain = NULL;
    VhLabDisk disk;

    if (!connection || !(kernel = vh_lab_images_kernel(spec->kernel, error)) ||
        !(initramfs = vh_lab_images_initramfs(kernel, spec->balloon_module, error)) ||
        !vh_lab_disk_make(lab, spec, &disk, error))
        return NULL;
    xml = vh_lab_guest_xml(lab, spec, kernel, initramfs, &disk, error);
    if (xml && !(domain = virDomainCreateXML(connection, xml, VIR_DOMAIN_NONE)))
        vh_lab_set_libvirt_error(error, "guest");
    /* QEMU has it open by now, and it lives as long as that. */
    vh_lab_disk_clear(&disk);
    return domain;
}

VhLabGuest *vh_lab_guest_launch(VhLab *lab, const VhLabGuestSpec *spec, GError **error)
{
    gint64 start = g_get_monotonic_time();
    virDomainPtr domain = create_domain(lab, spec, error);
    VhLabGuest *guest;

    if (!domain) {
        g_prefix_error(error, "cannot start '%s': ", spec->name ? spec->name : "");
        return NULL;
    }
    guest = take_domain(lab, spec->name, domain, error);
    if (guest)
        guest->launched_us = start;
    return guest;
}

VhLabGuest *vh_lab_guest_find(VhLab *lab, const char *name, GError **error)
{
    virConnectPtr connection = vh_lab_connection(lab, error);
    virDomainPtr domain;

    if (!connection)
        return NULL;
    domain = virDomainLookupByName(connection, name);
    if (!domain) {
        vh_lab_set_libvirt_error(error, name);
        return NULL;
    }
    return take_domain(lab, name, domain, error);
}

VhLabGuest *vh_lab_guest_adopt(VhLab *lab, const char *name, pid_t pid, const char *socket)
{
    VhLabGuest *guest = g_new0(VhLabGuest, 1);

    guest->lab = lab;
    guest->name = g_strdup(name);
    guest->pid = pid;
    guest->socket = g_strdup(socket);
    return guest;
}

gboolean vh_lab_guest_connect(VhLabGuest *guest, GError **error)
{
    g_autofree char *path = vh_lab_guest_path(guest->lab, guest->name, ".sock");

    if (!guest->channel)
        guest->channel = vh_lab_channel_open(guest->socket ? guest->socket : path, error);
    return guest->channel != NULL;
}

gboolean vh_lab_guest_announce(VhLabGuest *guest, const char *socket, GError **error)
{
    g_return_val_if_fail(guest->next == NULL, FALSE);
    guest->next = vh_lab_channel_open(socket, error);
    return guest->next != NULL;
}

void vh_lab_guest_moved(VhLabGuest *guest, pid_t pid, const char *socket)
{
    guest->pid = pid;
    g_free(guest->socket);
    guest->socket = g_strdup(socket);
    if (guest->channel)
        vh_lab_channel_switch(guest->channel, g_steal_pointer(&guest->next));
    else
        guest->channel = g_steal_pointer(&guest->next);
}

void vh_lab_guest_stayed(VhLabGuest *guest)
{
    g_clear_pointer(&guest->next, vh_lab_channel_free);
}

/* The reason why a guest did not come up is the last thing on its console. */
static void add_console_line(const VhLabGuest *guest, GError **error)
{
    g_autofree char *log = vh_lab_guest_log(guest);
    const char *last;

    g_strchomp(log);
    last = strrchr(log, '\n');
    if (error && *error && *log) {
        g_autofree char *old = g_steal_pointer(&(*error)->message);

        (*error)->message = g_strdup_printf("%s: %s", old, last ? last + 1 : log);
    }
}

gboolean vh_lab_guest_wait_ready(VhLabGuest *guest, guint timeout_ms, GError **error)
{
    g_autoptr(VhLabReport) report = NULL;

    if (!vh_lab_guest_status(guest, timeout_ms, &report, error)) {
        add_console_line(guest, error);
        return FALSE;
    }
    if (guest->launched_us && !guest->boot_us)
        guest->boot_us = g_get_monotonic_time() - guest->launched_us;
    return TRUE;
}

VhLabGuest *vh_lab_guest_start(VhLab *lab, const VhLabGuestSpec *spec, GError **error)
{
    g_autoptr(VhLabGuest) guest = vh_lab_guest_launch(lab, spec, error);

    if (!guest || !vh_lab_guest_wait_ready(guest, VH_LAB_TIMEOUT_MS, error))
        return NULL;
    return g_steal_pointer(&guest);
}

gboolean vh_lab_guest_kill(VhLabGuest *guest, GError **error)
{
    if (kill(guest->pid, SIGKILL) < 0 && errno != ESRCH) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", guest->name, g_strerror(errno));
        return FALSE;
    }
    /* Reaped by the supervisor. */
    while (kill(guest->pid, 0) == 0)
        g_usleep(POLL_US);
    return TRUE;
}

void vh_lab_guest_leave(VhLabGuest *guest)
{
    if (!guest)
        return;
    vh_lab_channel_free(guest->channel);
    vh_lab_channel_free(guest->next);
    g_free(guest->socket);
    g_free(guest->name);
    g_free(guest);
}

/* Of a QEMU that ended by itself libvirtd hears a moment later, and till then its name is taken. */
static void await_forgotten(const VhLabGuest *guest)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)VH_LAB_TIMEOUT_MS * 1000;

    while (g_get_monotonic_time() < deadline) {
        virConnectPtr connection = vh_lab_connection(guest->lab, NULL);
        virDomainPtr domain =
            connection ? virDomainLookupByUUIDString(connection, guest->uuid) : NULL;

        if (!domain)
            return;
        virDomainFree(domain);
        g_usleep(POLL_US);
    }
}

void vh_lab_guest_free(VhLabGuest *guest)
{
    g_autoptr(GError) ignored = NULL;
    virDomainPtr domain;

    if (!guest)
        return;
    /* A stopped QEMU would keep libvirt waiting for its answer. */
    kill(guest->pid, SIGCONT);
    domain = kill(guest->pid, 0) == 0 ? vh_lab_guest_domain(guest, &ignored) : NULL;
    if (!domain || virDomainDestroy(domain) < 0) {
        g_clear_error(&ignored);
        if (!vh_lab_guest_kill(guest, &ignored))
            g_debug("%s", ignored->message);
        await_forgotten(guest);
    }
    if (domain)
        virDomainFree(domain);
    vh_lab_guest_leave(guest);
}

const char *vh_lab_guest_name(const VhLabGuest *guest)
{
    return guest->name;
}

const char *vh_lab_guest_uuid(const VhLabGuest *guest)
{
    return guest->uuid;
}

pid_t vh_lab_guest_pid(const VhLabGuest *guest)
{
    return guest->pid;
}

gint64 vh_lab_guest_boot_us(const VhLabGuest *guest)
{
    return guest->boot_us;
}

virDomainPtr vh_lab_guest_domain(VhLabGuest *guest, GError **error)
{
    virConnectPtr connection = vh_lab_connection(guest->lab, error);
    virDomainPtr domain = connection ? virDomainLookupByUUIDString(connection, guest->uuid) : NULL;

    if (connection && !domain)
        vh_lab_set_libvirt_error(error, guest->name);
    return domain;
}

char *vh_lab_guest_log(const VhLabGuest *guest)
{
    g_autofree char *console = vh_lab_guest_path(guest->lab, guest->name, ".console");
    g_autofree char *file = g_strconcat(guest->name, ".log", NULL);
    g_autofree char *qemu = g_build_filename(guest->lab->dir, "cache/libvirt/qemu/log", file, NULL);
    g_autofree char *a = NULL, *b = NULL;

    if (!g_file_get_contents(qemu, &a, NULL, NULL))
        a = g_strdup("");
    if (!g_file_get_contents(console, &b, NULL, NULL))
        b = g_strdup("");
    return g_strconcat(a, b, NULL);
}
