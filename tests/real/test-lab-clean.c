/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * That a lab leaves nothing behind, however it ends. Runs inside a lab and makes labs in it: there
 * the whole process table, all mounts and all files are this test's, and can be compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vh-lab-images.h"
#include "vh-lab.h"
#include "vh-units.h"

#define UP "up\n"

static const char *self;

/* ---- What runs inside the inner lab: `test-lab-clean MODE` ---- */

/* Boots a guest with everything that could be left, says so, and ends as it is told. */
static int inner_main(const char *mode)
{
    VhLabGuestSpec spec = {
        .name = "left", .memory_bytes = 128 * VH_MIB, .memfd = TRUE, .disk_bytes = 64 * VH_MIB};
    g_autoptr(GError) error = NULL;
    VhLab *lab = vh_lab_open(&error);
    VhLabGuest *guest = lab ? vh_lab_guest_start(lab, &spec, &error) : NULL;

    g_assert_no_error(error);
    g_assert_nonnull(guest);
    if (write(STDOUT_FILENO, UP, strlen(UP)) < 0)
        return 1;
    if (g_str_equal(mode, "assert"))
        g_assert_cmpint(vh_lab_guest_pid(guest), ==, 0);
    if (g_str_equal(mode, "wait"))
        pause();
    if (g_str_equal(mode, "ignore")) {
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    vh_lab_guest_leave(guest);
    vh_lab_free(lab);
    return 7;
}

/* ---- The state of the world ---- */

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_files(GPtrArray *lines, const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        char *full = g_build_filename(path, name, NULL);

        g_ptr_array_add(lines, full);
        if (g_file_test(full, G_FILE_TEST_IS_DIR) && !g_file_test(full, G_FILE_TEST_IS_SYMLINK))
            add_files(lines, full);
    }
}

static void add_processes(GPtrArray *lines)
{
    g_autoptr(GDir) dir = g_dir_open("/proc", 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_ascii_isdigit(*name))
            g_ptr_array_add(lines, g_strdup_printf("process %s", name));
    }
}

/* Processes, mounts and files, one a line. */
static char *look(void)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *images = vh_lab_images_dir(), *mounts = NULL, *all = NULL;

    add_processes(lines);
    add_files(lines, "/run");
    add_files(lines, images);
    g_ptr_array_sort(lines, compare_names);
    g_ptr_array_add(lines, NULL);
    all = g_strjoinv("\n", (char **)lines->pdata);
    g_assert_true(g_file_get_contents("/proc/self/mountinfo", &mounts, NULL, NULL));
    return g_strconcat(all, "\n", mounts, NULL);
}

/* After SIGKILL nobody is left to wait for the rest: the kernel is given time for it. */
static void assert_becomes(const char *before)
{
    gint64 deadline = g_get_monotonic_time() + VH_LAB_TIMEOUT_MS * VH_MS;
    g_autofree char *now = look();

    while (!g_str_equal(now, before) && g_get_monotonic_time() < deadline) {
        g_usleep(20000);
        g_free(now);
        now = look();
    }
    g_assert_cmpstr(now, ==, before);
}

/* ---- Inner labs ---- */

typedef struct {
    pid_t pid;
    int output;
} Inner;

static Inner start_inner(const char *const *argv)
{
    g_autoptr(GError) error = NULL;
    Inner inner;

    g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
                             G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                             &inner.pid, NULL, &inner.output, NULL, &error);
    g_assert_no_error(error);
    return inner;
}

/* All that it prints, up to `wanted` (NULL: to its end). */
static char *read_output(const Inner *inner, const char *wanted)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char buffer[4096];
    ssize_t n;

    while (!(wanted && strstr(text->str, wanted)) &&
           (n = read(inner->output, buffer, sizeof(buffer))) > 0)
        g_string_append_len(text, buffer, n);
    return g_strdup(text->str);
}

static int end_inner(const Inner *inner, int sig)
{
    g_autoptr(GError) error = NULL;
    int status = -1;

    g_assert_true(vh_lab_stop(inner->pid, sig, VH_LAB_TIMEOUT_MS, &status, &error));
    g_assert_no_error(error);
    close(inner->output);
    return status;
}

static const struct {
    const char *path;
    const char *mode;
    int sig;       /* sent to the command when the guest is up; 0: it ends by itself */
    int exits;     /* its exit status */
    int signalled; /* or the signal that it dies of */
} endings[] = {
    {"/lab-clean/after-the-end", "end", 0, 7, 0},
    {"/lab-clean/after-a-failed-assertion", "assert", 0, 128 + SIGABRT, 0},
    {"/lab-clean/after-sigint", "wait", SIGINT, 128 + SIGINT, 0},
    {"/lab-clean/after-sigterm", "wait", SIGTERM, 128 + SIGTERM, 0},
    {"/lab-clean/after-a-command-that-will-not-end", "ignore", SIGTERM, 128 + SIGTERM, 0},
    {"/lab-clean/after-sigkill", "wait", SIGKILL, 0, SIGKILL},
};

static void leaves_nothing(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    const char *argv[] = {"virthint-lab", "run", "--", self, endings[i].mode, NULL};
    g_autofree char *before = look(), *output = NULL;
    Inner inner = start_inner(argv);
    int status;

    output = read_output(&inner, UP);
    g_assert_nonnull(strstr(output, UP));
    status = end_inner(&inner, endings[i].sig);
    if (endings[i].signalled) {
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, endings[i].signalled);
    } else {
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, endings[i].exits);
    }
    assert_becomes(before);
}

/* Killed at any moment of its start, not only when all is up. */
static void leaves_nothing_when_killed_early(void)
{
    const char *argv[] = {"virthint-lab", "run", "--", "sleep", "600", NULL};
    g_autofree char *before = look();

    for (guint ms = 0; ms < 120; ms += ms < 20 ? 1 : 10) {
        Inner inner = start_inner(argv);

        g_usleep(ms * 1000);
        end_inner(&inner, SIGKILL);
        assert_becomes(before);
    }
}

static void says_why_it_cannot_run(void)
{
    static const struct {
        const char *argv[6];
        int exits;
    } cases[] = {
        {{"virthint-lab", "run", "--", "/nowhere/command", NULL}, 127},
        {{"virthint-lab", "run", "--", "/etc/passwd", NULL}, 126},
        {{"virthint-lab", "run", NULL}, 125},
        {{"virthint-lab", "run", "--scratch", "much", "true", NULL}, 125},
        {{"virthint-lab", "walk", NULL}, 125},
        {{"virthint-lab", "run", "--", "true", NULL}, 0},
        {{"virthint-lab", "run", "sh", "-c", "exit 3", NULL}, 3},
        {{"virthint-lab", "run", "sh", "-c", "kill -9 $$", NULL}, 137},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Inner inner = start_inner(cases[i].argv);
        int status = end_inner(&inner, 0);

        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, cases[i].exits);
    }
}

/* This lab plays the host: what stands for its libvirt must not be seen in an inner one. */
static void hides_the_hosts_libvirt(void)
{
    const char *argv[] = {"virthint-lab",
                          "run",
                          "--",
                          "sh",
                          "-c",
                          "cat /run/lock-of-host; ls /run/libvirt /var/run/libvirt 2>&1; "
                          "virsh -c qemu:///system list 2>&1; virsh list --name; id -u",
                          NULL};
    g_autofree char *output = NULL;
    Inner inner;

    g_assert_cmpint(g_mkdir_with_parents("/run/libvirt", 0755), ==, 0);
    g_assert_true(g_file_set_contents("/run/libvirt/libvirt-sock", "host", -1, NULL));
    g_assert_true(g_file_set_contents("/run/lock-of-host", "seen\n", -1, NULL));
    inner = start_inner(argv);
    output = read_output(&inner, NULL);
    g_assert_cmpint(end_inner(&inner, 0), ==, 0);
    g_test_message("%s", output);
    g_assert_true(g_str_has_prefix(output, "seen\n"));
    g_assert_null(strstr(output, "libvirt-sock\n"));
    g_assert_nonnull(strstr(output, "failed to connect"));
    g_assert_true(g_str_has_suffix(output, "\n1000\n"));
    unlink("/run/libvirt/libvirt-sock");
    rmdir("/run/libvirt");
    unlink("/run/lock-of-host");
}

int main(int argc, char **argv)
{
    g_autofree char *path = g_file_read_link("/proc/self/exe", NULL);

    self = path;
    if (argc == 2 && argv[1][0] != '-')
        return inner_main(argv[1]);
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++)
        g_test_add_data_func(endings[i].path, GSIZE_TO_POINTER(i), leaves_nothing);
    g_test_add_func("/lab-clean/killed-early", leaves_nothing_when_killed_early);
    g_test_add_func("/lab-clean/says-why-it-cannot-run", says_why_it_cannot_run);
    g_test_add_func("/lab-clean/hides-the-hosts-libvirt", hides_the_hosts_libvirt);
    return g_test_run();
}
