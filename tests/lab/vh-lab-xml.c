/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The domain XML of a lab guest. Everything in it is there to boot fast under TCG, or is what the
 * spec asks for.
 */
#include <string.h>

#include "vh-lab-private.h"
#include "vh-units.h"

#define DEFAULT_MEMORY_BYTES (512 * VH_MIB)
#define MIN_MEMORY_BYTES (96 * VH_MIB)
#define MAX_VCPUS 64

/*
 * No self tests, no zeroing of what is allocated, no probing of timers: each saves a tenth of a
 * second or more of emulated time. clearcpuid, with erms and fsrm switched off below, makes the
 * kernel clear pages in loops that TCG is good at.
 */
static const char kernel_args[] =
    "console=ttyS0 quiet cryptomgr.notests=1 init_on_alloc=0 nokaslr mitigations=off "
    "no_timer_check tsc=reliable audit=0 clearcpuid=rep_good";

guint64 vh_lab_spec_memory(const VhLabGuestSpec *spec)
{
    return spec->memory_bytes ? spec->memory_bytes : DEFAULT_MEMORY_BYTES;
}

guint64 vh_lab_spec_max_memory(const VhLabGuestSpec *spec)
{
    return spec->max_memory_bytes ? spec->max_memory_bytes : vh_lab_spec_memory(spec);
}

gboolean vh_lab_check_spec(const VhLabGuestSpec *spec, GError **error)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const char *name = spec->name ? spec->name : "";
    const char *wrong = NULL;

    if (!*name || strlen(name) > 40 || strspn(name, allowed) != strlen(name) || *name == '.')
        wrong = "a guest's name has 1 to 40 letters, digits, '-', '_' and '.'";
    else if (vh_lab_spec_memory(spec) < MIN_MEMORY_BYTES)
        wrong = "a guest needs at least 96 MiB of memory to boot";
    else if (vh_lab_spec_max_memory(spec) < vh_lab_spec_memory(spec))
        wrong = "the maximum memory is below the memory at the start";
    else if (spec->vcpus > MAX_VCPUS)
        wrong = "a guest has at most 64 vCPUs";
    if (wrong)
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID, "guest '%s': %s", name, wrong);
    return wrong == NULL;
}

static void add_basics(GString *xml, const VhLabGuestSpec *spec)
{
    g_string_append_printf(xml,
                           "<name>%s</name>"
                           "<memory unit='b'>%" G_GUINT64_FORMAT "</memory>"
                           "<currentMemory unit='b'>%" G_GUINT64_FORMAT "</currentMemory>"
                           "<vcpu>%u</vcpu>",
                           spec->name, vh_lab_spec_max_memory(spec), vh_lab_spec_memory(spec),
                           spec->vcpus ? spec->vcpus : 1);
    if (spec->metadata_xml)
        g_string_append_printf(xml, "<metadata>%s</metadata>", spec->metadata_xml);
    if (spec->memfd)
        g_string_append(xml, "<memoryBacking><source type='memfd'/><access mode='shared'/>"
                             "</memoryBacking>");
}

char *vh_lab_kernel_args(const VhLabGuestSpec *spec)
{
    guint64 tsc_khz = vh_lab_clock_tsc_khz();
    g_autofree char *clock =
        tsc_khz ? g_strdup_printf(" tsc_early_khz=%" G_GUINT64_FORMAT, tsc_khz) : g_strdup("");
    g_autofree char *own = g_strconcat(kernel_args, clock, NULL);
    char *args = g_strjoin(" ", own, spec->acpi ? "" : "acpi=off",
                           spec->no_driver ? "vh_lab_skip=virtio_balloon" : "",
                           spec->kernel_args ? spec->kernel_args : "", NULL);

    return g_strchomp(args);
}

static void add_boot(GString *xml, const VhLabGuestSpec *spec, const char *kernel_dir,
                     const char *initramfs)
{
    g_autofree char *args = vh_lab_kernel_args(spec);
    g_autofree char *text =
        g_markup_printf_escaped("<os><type arch='x86_64' machine='pc'>hvm</type>"
                                "<kernel>%s/vmlinux</kernel><initrd>%s</initrd>"
                                "<cmdline>%s</cmdline></os>",
                                kernel_dir, initramfs, args);

    g_string_append(xml, text);
    /* TCG translates into a buffer of 1 GiB otherwise. */
    g_string_append_printf(
        xml,
        "<features>%s<tcg><tb-cache unit='MiB'>32</tb-cache></tcg></features>"
        "<cpu mode='maximum'><feature policy='disable' name='erms'/>"
        "<feature policy='disable' name='fsrm'/></cpu>"
        "<on_poweroff>destroy</on_poweroff><on_reboot>%s</on_reboot><on_crash>destroy</on_crash>",
        spec->acpi ? "<acpi/>" : "", spec->restarts ? "restart" : "destroy");
}

static void add_balloon(GString *xml, const VhLabGuestSpec *spec)
{
    if (spec->no_balloon) {
        g_string_append(xml, "<memballoon model='none'/>");
        return;
    }
    g_string_append_printf(xml,
                           "<memballoon model='virtio' autodeflate='%s' freePageReporting='%s'>",
                           spec->no_autodeflate ? "off" : "on", spec->reporting ? "on" : "off");
    if (spec->stats_period_s)
        g_string_append_printf(xml, "<stats period='%u'/>", spec->stats_period_s);
    g_string_append(xml, "</memballoon>");
}

static void add_devices(GString *xml, const VhLab *lab, const VhLabGuestSpec *spec,
                        const VhLabDisk *disk, const char *emulator)
{
    g_autofree char *console = vh_lab_guest_path(lab, spec->name, ".console");
    g_autofree char *socket = vh_lab_guest_path(lab, spec->name, ".sock");
    g_autofree char *text =
        g_markup_printf_escaped("<devices><emulator>%s</emulator>"
                                "<controller type='usb' model='none'/>"
                                "<serial type='file'><source path='%s'/></serial>"
                                "<channel type='unix'><source mode='bind' path='%s'/>"
                                "<target type='virtio' name='" VH_LAB_CHANNEL_NAME "'/></channel>",
                                emulator, console, socket);

    g_string_append(xml, text);
    if (disk->fd >= 0) {
        g_autofree char *disk_text =
            g_markup_printf_escaped("<disk type='file' device='disk'>"
                                    "<driver name='qemu' type='raw' cache='%s' discard='unmap'/>"
                                    "<source file='%s'/><target dev='vda' bus='virtio'/></disk>",
                                    disk->cache, disk->path);

        g_string_append(xml, disk_text);
    }
    add_balloon(xml, spec);
    g_string_append(xml, "</devices>");
}

char *vh_lab_guest_xml(const VhLab *lab, const VhLabGuestSpec *spec, const char *kernel_dir,
                       const char *initramfs, const VhLabDisk *disk, GError **error)
{
    g_autofree char *emulator = NULL;
    GString *xml;

    if (!vh_lab_check_spec(spec, error) || !(emulator = vh_lab_emulator(lab, spec, error)))
        return NULL;
    /* KVM is never used, even where there is one: results have to be the same everywhere. */
    xml = g_string_new(
        "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>");
    add_basics(xml, spec);
    add_boot(xml, spec, kernel_dir, initramfs);
    add_devices(xml, lab, spec, disk, emulator);
    g_string_append(xml, "<seclabel type='none'/>");
    if (spec->extra_xml)
        g_string_append(xml, spec->extra_xml);
    g_string_append(xml, "</domain>");
    return g_string_free(xml, FALSE);
}
