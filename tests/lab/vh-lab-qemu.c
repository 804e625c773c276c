/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QEMU's command line, its start and its end, without libvirt. */
#include "vh-lab-qemu.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "vh-lab-images.h"
#include "vh-units.h"

static guint serial; /* sockets have names of their own: there can be two QEMUs of one guest */

G_GNUC_PRINTF(3, 4)
static void add(GPtrArray *arguments, const char *option, const char *format, ...)
{
    va_list args;

    g_ptr_array_add(arguments, g_strdup(option));
    va_start(args, format);
    g_ptr_array_add(arguments, g_strdup_vprintf(format, args));
    va_end(args);
}

static void add_machine(GPtrArray *arguments, const VhLabGuestSpec *spec)
{
    guint64 bytes = vh_lab_spec_max_memory(spec);

    g_ptr_array_add(arguments, g_strdup("-nodefaults"));
    g_ptr_array_add(arguments, g_strdup("-no-user-config"));
    if (!spec->restarts)
        g_ptr_array_add(arguments, g_strdup("-no-reboot"));
    add(arguments, "-name", "%s", spec->name);
    add(arguments, "-display", "none");
    add(arguments, "-machine", "pc,acpi=%s,memory-backend=memory", spec->acpi ? "on" : "off");
    /* As the XML has it, for the same reasons. */
    add(arguments, "-accel", "tcg,thread=multi,tb-size=32");
    add(arguments, "-cpu", "max,erms=off,fsrm=off");
    add(arguments, "-m", "%" G_GUINT64_FORMAT "k", bytes / VH_KIB);
    add(arguments, "-smp", "%u", spec->vcpus ? spec->vcpus : 1);
    add(arguments, "-object", "%s,id=memory,size=%" G_GUINT64_FORMAT,
        spec->memfd ? "memory-backend-memfd,share=on" : "memory-backend-ram", bytes);
}

static gboolean add_boot(GPtrArray *arguments, const VhLabGuestSpec *spec, GError **error)
{
    g_autofree char *kernel = vh_lab_images_kernel(spec->kernel, error);
    g_autofree char *initramfs =
        kernel ? vh_lab_images_initramfs(kernel, spec->balloon_module, error) : NULL;
    g_autofree char *command_line = vh_lab_kernel_args(spec);

    if (!initramfs)
        return FALSE;
    add(arguments, "-kernel", "%s/vmlinux", kernel);
    add(arguments, "-initrd", "%s", initramfs);
    add(arguments, "-append", "%s", command_line);
    return TRUE;
}

static void add_devices(GPtrArray *arguments, const VhLab *lab, const VhLabQemuStart *start,
                        const VhLabQemu *qemu)
{
    const VhLabGuestSpec *spec = start->spec;
    g_autofree char *console = vh_lab_guest_path(lab, spec->name, ".console");

    add(arguments, "-chardev", "file,id=console,append=on,path=%s", console);
    add(arguments, "-device", "isa-serial,chardev=console");
    add(arguments, "-chardev", "socket,id=agent,server=on,wait=off,path=%s", qemu->channel);
    add(arguments, "-device", "virtio-serial-pci");
    add(arguments, "-device", "virtserialport,chardev=agent,name=" VH_LAB_CHANNEL_NAME);
    if (start->disk->fd >= 0) {
        /* Without locks: the other side has it open when this one still does. */
        add(arguments, "-drive",
            "if=none,id=disk,format=raw,discard=unmap,file.locking=off,cache=%s,file=%s",
            start->disk->cache, start->disk->path);
        add(arguments, "-device", "virtio-blk-pci,drive=disk");
    }
    add(arguments, "-device",
        "virtio-balloon-pci,id=balloon0,deflate-on-oom=%s,"
        "free-page-reporting=%s%s%s",
        spec->no_autodeflate ? "off" : "on", spec->reporting ? "on" : "off",
        start->balloon_properties ? "," : "",
        start->balloon_properties ? start->balloon_properties : "");
    add(arguments, "-qmp", "unix:%s,server=on,wait=off", qemu->monitor);
    if (start->incoming)
        add(arguments, "-incoming", "%s", start->incoming);
}

static char *socket_path(const VhLab *lab, const char *name, const char *kind)
{
    g_autofree char *suffix = g_strdup_printf("-%u.%s", serial, kind);

    return vh_lab_guest_path(lab, name, suffix);
}

VhLabQemu *vh_lab_qemu_start(VhLab *lab, const VhLabQemuStart *start, GError **error)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new_with_free_func(g_free);
    VhLabQemu *qemu = g_new0(VhLabQemu, 1);
    char *emulator = vh_lab_emulator(lab, start->spec, error);
    g_autofree char *log = g_strdup_printf("guests/%s.qemu", start->spec->name);
    gboolean ok = emulator && vh_lab_check_spec(start->spec, error);

    serial++;
    qemu->monitor = socket_path(lab, start->spec->name, "qmp");
    qemu->channel = socket_path(lab, start->spec->name, "sock");
    if (emulator)
        g_ptr_array_add(arguments, emulator);
    if (ok) {
        add_machine(arguments, start->spec);
        ok = add_boot(arguments, start->spec, error);
    }
    if (ok) {
        add_devices(arguments, lab, start, qemu);
        g_ptr_array_add(arguments, NULL);
        ok = vh_lab_spawn(lab, (const char *const *)arguments->pdata, NULL, log, &qemu->pid, error);
    }
    if (!ok) {
        g_prefix_error(error, "cannot start '%s': ", start->spec->name);
        g_clear_pointer(&qemu, vh_lab_qemu_free);
    }
    return qemu;
}

gboolean vh_lab_qemu_is_alive(const VhLabQemu *qemu)
{
    siginfo_t info = {0};

    /* Left to be reaped by vh_lab_qemu_free(). */
    return waitid(P_PID, (id_t)qemu->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

void vh_lab_qemu_free(VhLabQemu *qemu)
{
    int status;

    if (!qemu)
        return;
    if (qemu->pid > 0) {
        kill(qemu->pid, SIGKILL);
        while (waitpid(qemu->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    g_free(qemu->monitor);
    g_free(qemu->channel);
    g_free(qemu);
}

char *vh_lab_qemu_log(const VhLab *lab, const char *name)
{
    g_autofree char *console = vh_lab_guest_path(lab, name, ".console");
    g_autofree char *qemu = vh_lab_guest_path(lab, name, ".qemu");
    g_autofree char *a = NULL, *b = NULL;

    if (!g_file_get_contents(qemu, &a, NULL, NULL))
        a = g_strdup("");
    if (!g_file_get_contents(console, &b, NULL, NULL))
        b = g_strdup("");
    return g_strconcat(a, b, NULL);
}

gboolean vh_lab_qemu_balloon_has(const VhLabGuestSpec *spec, const char *property,
                                 gboolean *ret_has, GError **error)
{
    const char *argv[] = {spec->emulator ? spec->emulator : "qemu-system-x86_64", "-device",
                          "virtio-balloon-pci,help", NULL};
    g_autofree char *help = NULL, *line = g_strdup_printf("  %s=", property);

    if (!vh_lab_run_tool(NULL, argv, &help, error))
        return FALSE;
    *ret_has = strstr(help, line) != NULL;
    return TRUE;
}
