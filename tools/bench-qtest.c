/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A driver of virtio-mmio over the qtest protocol: lines of text, each answered by one. */
#include "bench-qtest.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "vh-units.h"

#define DEVICE 0xfeb00000u /* the first transport of a microvm */
#define QUEUES 4
#define QUEUE_SIZE 32
#define RINGS (16 * VH_MIB) /* guest memory for the rings, a page for each part of each */
#define PAGE 4096u
#define PART(queue, part) (RINGS + ((queue)*3 + (part)) * PAGE)
#define POLL_US 100
#define SEND_TIMEOUT_US (120 * VH_SEC)
#define PAGE_CHUNKS 23 /* VIRTIO_BALLOON_F_PAGE_CHUNKS of the patched device */
#define WRITE_BYTES (48 * VH_KIB)
#define FIRMWARE_BYTES (64 * VH_KIB)
#define HLT 0xf4

enum { DESCRIPTORS, AVAILABLE, USED };

struct BenchQtest {
    pid_t pid;
    BenchSocket *socket;
    BenchMonitor *monitor;
    guint16 sent[QUEUES];
};

/* What qtest answers after "OK ", 0 where that is all. */
static guint64 command(BenchQtest *qtest, const char *format, ...)
{
    g_autofree char *line = NULL, *answer = NULL;
    va_list arguments;

    va_start(arguments, format);
    line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    bench_socket_send(qtest->socket, line);
    answer = bench_socket_receive(qtest->socket);
    if (!g_str_has_prefix(answer, "OK"))
        g_error("qtest: %.80s: %s", line, answer);
    return g_ascii_strtoull(answer + strlen("OK"), NULL, 0);
}

static guint32 get(BenchQtest *qtest, guint offset)
{
    return (guint32)command(qtest, "readl 0x%x", DEVICE + offset);
}

static void set(BenchQtest *qtest, guint offset, guint64 value)
{
    (void)command(qtest, "writel 0x%x 0x%x", DEVICE + offset, (guint32)value);
}

void bench_qtest_write(BenchQtest *qtest, guint64 address, gconstpointer data, gsize length)
{
    for (gsize done = 0; done < length; done += WRITE_BYTES) {
        gsize n = MIN(WRITE_BYTES, length - done);
        g_autofree char *text = g_base64_encode((const guchar *)data + done, n);

        (void)command(qtest, "b64write 0x%" G_GINT64_MODIFIER "x 0x%" G_GSIZE_MODIFIER "x %s",
                      address + done, n, text);
    }
}

static void set_up_queue(BenchQtest *qtest, guint queue)
{
    set(qtest, VIRTIO_MMIO_QUEUE_SEL, queue);
    if (get(qtest, VIRTIO_MMIO_QUEUE_NUM_MAX) < QUEUE_SIZE)
        g_error("the balloon device has no queue %u", queue);
    set(qtest, VIRTIO_MMIO_QUEUE_NUM, QUEUE_SIZE);
    set(qtest, VIRTIO_MMIO_QUEUE_DESC_LOW, PART(queue, DESCRIPTORS));
    set(qtest, VIRTIO_MMIO_QUEUE_DESC_HIGH, 0);
    set(qtest, VIRTIO_MMIO_QUEUE_AVAIL_LOW, PART(queue, AVAILABLE));
    set(qtest, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, 0);
    set(qtest, VIRTIO_MMIO_QUEUE_USED_LOW, PART(queue, USED));
    set(qtest, VIRTIO_MMIO_QUEUE_USED_HIGH, 0);
    set(qtest, VIRTIO_MMIO_QUEUE_READY, 1);
}

static void set_up_device(BenchQtest *qtest, gboolean want_chunks)
{
    guint32 low = 1u << VIRTIO_BALLOON_F_REPORTING;
    guint status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

    if (want_chunks)
        low |= 1u << PAGE_CHUNKS;
    if (get(qtest, VIRTIO_MMIO_DEVICE_ID) != 5 || get(qtest, VIRTIO_MMIO_VERSION) != 2)
        g_error("no balloon device on the first transport of the microvm");
    set(qtest, VIRTIO_MMIO_STATUS, 0);
    set(qtest, VIRTIO_MMIO_STATUS, status);
    set(qtest, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    if ((get(qtest, VIRTIO_MMIO_DEVICE_FEATURES) & low) != low)
        g_error("the balloon device does not offer the features 0x%x", low);
    set(qtest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
    set(qtest, VIRTIO_MMIO_DRIVER_FEATURES, low);
    set(qtest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
    set(qtest, VIRTIO_MMIO_DRIVER_FEATURES, 1u << (VIRTIO_F_VERSION_1 - 32));
    set(qtest, VIRTIO_MMIO_STATUS, status |= VIRTIO_CONFIG_S_FEATURES_OK);
    if (!(get(qtest, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK))
        g_error("the balloon device refuses the features 0x%x", low);
    for (guint queue = 0; queue < QUEUES; queue++)
        set_up_queue(qtest, queue);
    set(qtest, VIRTIO_MMIO_STATUS, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

static struct vring_desc descriptor(const BenchBuffer *buffers, guint i, guint n, gboolean writable)
{
    struct vring_desc result = {
        .addr = GUINT64_TO_LE(buffers[i].address),
        .len = GUINT32_TO_LE(buffers[i].bytes),
        .flags = GUINT16_TO_LE(
            (guint16)((writable ? VRING_DESC_F_WRITE : 0) | (i + 1 < n ? VRING_DESC_F_NEXT : 0))),
        .next = GUINT16_TO_LE((guint16)(i + 1)),
    };

    return result;
}

void bench_qtest_send(BenchQtest *qtest, guint queue, const BenchBuffer *buffers, guint n,
                      gboolean writable)
{
    gint64 until = g_get_monotonic_time() + SEND_TIMEOUT_US;
    guint16 slot = qtest->sent[queue]++ % QUEUE_SIZE;
    struct vring_desc chain[QUEUE_SIZE];

    g_assert_cmpuint(n, <=, QUEUE_SIZE);
    for (guint i = 0; i < n; i++)
        chain[i] = descriptor(buffers, i, n, writable);
    bench_qtest_write(qtest, PART(queue, DESCRIPTORS), chain, n * sizeof(*chain));
    /* Each chain begins at descriptor 0: the one before has been used. */
    (void)command(qtest, "writew 0x%x 0", (guint)PART(queue, AVAILABLE) + 4 + 2 * slot);
    (void)command(qtest, "writew 0x%x 0x%x", (guint)PART(queue, AVAILABLE) + 2, qtest->sent[queue]);
    set(qtest, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
    while ((guint16)command(qtest, "readw 0x%x", (guint)PART(queue, USED) + 2) !=
           qtest->sent[queue]) {
        if (g_get_monotonic_time() > until)
            g_error("the balloon device does not use a buffer of queue %u", queue);
        g_usleep(POLL_US);
    }
}

/* Debian's QEMU has no qtest accelerator, so that the machine runs for both: firmware of nothing
 * but HLT, with interrupts off, as they are after reset. */
static char *write_firmware(VhLab *lab)
{
    char *path = g_build_filename(vh_lab_dir(lab), "bench.rom", NULL);
    g_autofree char *rom = g_malloc(FIRMWARE_BYTES);
    g_autoptr(GError) error = NULL;

    memset(rom, HLT, FIRMWARE_BYTES);
    if (!g_file_set_contents(path, rom, FIRMWARE_BYTES, &error))
        g_error("%s", error->message);
    return path;
}

static char *memory_object(const BenchConfig *config, BenchMemory memory)
{
    return g_strdup_printf("memory-backend-%s,id=ram,size=%" G_GUINT64_FORMAT "M,prealloc=on%s",
                           memory == BENCH_MEMFD ? "memfd" : "ram", config->guest_bytes / VH_MIB,
                           memory == BENCH_MEMFD ? ",share=on" : "");
}

/* The switch of huge pages is inherited by a child, and outlives exec. */
static void set_huge_pages(gboolean wanted)
{
    if (prctl(PR_SET_THP_DISABLE, wanted ? 0 : 1, 0, 0, 0) < 0)
        g_error("PR_SET_THP_DISABLE does not work here");
}

static pid_t spawn(VhLab *lab, const BenchConfig *config, const char *emulator, BenchMemory memory,
                   const char *qtest_path, const char *qmp_path, gboolean want_chunks)
{
    g_autofree char *object = memory_object(config, memory);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT "M", config->guest_bytes / VH_MIB);
    g_autofree char *qtest = g_strdup_printf("unix:%s,server=on,wait=off", qtest_path);
    g_autofree char *qmp = g_strdup_printf("unix:%s,server=on,wait=off", qmp_path);
    g_autofree char *balloon =
        g_strdup_printf("virtio-balloon-device,bus=virtio-mmio-bus.0,free-page-reporting=on%s",
                        want_chunks ? ",page-chunks=on" : "");
    g_autofree char *firmware = write_firmware(lab);
    const char *argv[] = {
        emulator,     "-nodefaults",
        "-display",   "none",
        "-accel",     "tcg",
        "-M",         "microvm,x-option-roms=off,rtc=off,isa-serial=off,memory-backend=ram",
        "-bios",      firmware,
        "-m",         size,
        "-object",    object,
        "-global",    "virtio-mmio.force-legacy=false",
        "-device",    balloon,
        "-qtest",     qtest,
        "-qtest-log", "none",
        "-qmp",       qmp,
        NULL};
    g_autoptr(GError) error = NULL;
    gboolean ok;
    pid_t pid;

    set_huge_pages(memory != BENCH_ANON_4KIB);
    ok = vh_lab_spawn(lab, argv, NULL, "bench-qtest.log", &pid, &error);
    set_huge_pages(TRUE);
    if (!ok)
        g_error("%s: %s", emulator, error->message);
    return pid;
}

BenchQtest *bench_qtest_start(VhLab *lab, const BenchConfig *config, const char *emulator,
                              BenchMemory memory, gboolean want_chunks)
{
    static guint serial;
    g_autofree char *qtest_path = g_strdup_printf("%s/bench-%u.qtest", vh_lab_dir(lab), serial);
    g_autofree char *qmp_path = g_strdup_printf("%s/bench-%u.qmp", vh_lab_dir(lab), serial++);
    BenchQtest *qtest = g_new0(BenchQtest, 1);

    qtest->pid = spawn(lab, config, emulator, memory, qtest_path, qmp_path, want_chunks);
    qtest->socket = bench_socket_open(qtest_path, qtest->pid);
    qtest->monitor = bench_monitor_open(qmp_path, qtest->pid);
    set_up_device(qtest, want_chunks);
    return qtest;
}

pid_t bench_qtest_pid(const BenchQtest *qtest)
{
    return qtest->pid;
}

BenchMonitor *bench_qtest_monitor_of(BenchQtest *qtest)
{
    return qtest->monitor;
}

void bench_qtest_stop(BenchQtest *qtest)
{
    g_autoptr(GError) error = NULL;
    int status;

    bench_monitor_close(qtest->monitor);
    bench_socket_close(qtest->socket);
    if (!vh_lab_stop(qtest->pid, SIGTERM, VH_LAB_TIMEOUT_MS, &status, &error))
        g_error("%s", error->message);
    g_free(qtest);
}
