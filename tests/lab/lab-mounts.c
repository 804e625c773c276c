/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a lab sees of the file system: the host's, with the caller's rights, but a /proc of its own
 * and a /run in which the system's libvirt is missing and the lab's directory (a tmpfs, which goes
 * with the namespace) is there. Also the identity: uid 1000, whoever calls, because libvirt as
 * root would go to system mode.
 */
#include "lab-run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vh-error.h"

#define INNER_ID 1000

static gboolean fail(GError **error, const char *what)
{
    int code = errno;

    g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", what, g_strerror(code));
    return FALSE;
}

static gboolean write_file(const char *path, const char *text, GError **error)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_CREAT, 0644);
    gboolean ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (!ok)
        fail(error, path);
    if (fd >= 0)
        close(fd);
    return ok;
}

static gboolean map_ids(guint outer_uid, guint outer_gid, GError **error)
{
    g_autofree char *uids = g_strdup_printf("%d %u 1", INNER_ID, outer_uid);
    g_autofree char *gids = g_strdup_printf("%d %u 1", INNER_ID, outer_gid);

    /* The kernel wants setgroups given up before an ordinary user may map a group. */
    return write_file("/proc/self/setgroups", "deny", error) &&
           write_file("/proc/self/uid_map", uids, error) &&
           write_file("/proc/self/gid_map", gids, error);
}

/* Shows one entry of the old /run, where we stand, in the new one. What cannot be shown (a device
 * of somebody else, a file that is gone) is left out. */
static void show_entry(const char *name)
{
    g_autofree char *path = g_build_filename("/run", name, NULL);
    struct stat st;

    if (lstat(name, &st) < 0)
        return;
    if (S_ISLNK(st.st_mode)) {
        char target[4096];
        ssize_t n = readlink(name, target, sizeof(target) - 1);

        if (n > 0) {
            target[n] = '\0';
            (void)!symlink(target, path);
        }
        return;
    }
    if (S_ISDIR(st.st_mode)) {
        if (mkdir(path, 0755) < 0)
            return;
    } else {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0)
            return;
        close(fd);
    }
    if (mount(name, path, NULL, MS_BIND | MS_REC, NULL) < 0)
        remove(path);
}

static gboolean is_hidden(const char *name)
{
    static const char *const hidden[] = {".", "..", "libvirt", "virthint-lab", NULL};

    return g_strv_contains(hidden, name);
}

/* Everything that is written goes to this tmpfs; there is no directory to be left on the host. */
static gboolean renew_run(guint64 bytes, GError **error)
{
    g_autofree char *options =
        g_strdup_printf("mode=755,size=%" G_GUINT64_FORMAT, MAX(bytes, 1u << 20));
    g_autofree char *here = g_get_current_dir();
    DIR *old = opendir("/run");
    struct dirent *entry;

    if (!old || fchdir(dirfd(old)) < 0)
        return fail(error, "/run");
    if (mount("virthint-lab", "/run", "tmpfs", MS_NOSUID | MS_NODEV, options) < 0) {
        closedir(old);
        return fail(error, "cannot mount a tmpfs over /run");
    }
    while ((entry = readdir(old))) {
        if (!is_hidden(entry->d_name))
            show_entry(entry->d_name);
    }
    closedir(old);
    /* A caller's directory that is gone, or below the old /run, is no reason to fail. */
    if (chdir(here) < 0 && chdir("/") < 0)
        return fail(error, here);
    return TRUE;
}

/* Only where /var/run is not the usual link to /run. */
static gboolean hide_var_run(GError **error)
{
    struct stat st;

    if (lstat("/var/run", &st) < 0 || !S_ISDIR(st.st_mode) || access("/var/run/libvirt", F_OK) < 0)
        return TRUE;
    return mount("none", "/var/run/libvirt", "tmpfs", 0, "size=4k") == 0 ||
           fail(error, "cannot hide /var/run/libvirt");
}

static gboolean make_dirs(GError **error)
{
    static const char *const dirs[] = {LAB_DIR,           LAB_DIR "/run",   LAB_DIR "/config",
                                       LAB_DIR "/data",   LAB_DIR "/cache", LAB_DIR "/state",
                                       LAB_DIR "/guests", LAB_DIR "/tmp",   NULL};

    for (const char *const *dir = dirs; *dir; dir++) {
        if (mkdir(*dir, 0700) < 0)
            return fail(error, *dir);
    }
    return TRUE;
}

/* Puts `line` in front of a file of /etc, for this namespace only. */
static gboolean prepend_line(const char *name, const char *line, GError **error)
{
    g_autofree char *path = g_build_filename("/etc", name, NULL);
    g_autofree char *copy = g_build_filename(LAB_DIR, name, NULL);
    g_autofree char *old = NULL, *all = NULL;

    if (!g_file_get_contents(path, &old, NULL, error))
        return FALSE;
    all = g_strdup_printf("%s\n%s", line, old);
    return write_file(copy, all, error) && (mount(copy, path, NULL, MS_BIND, NULL) == 0 ||
                                            fail(error, "cannot give id 1000 a name in /etc"));
}

/* libvirtd wants names for its uid and gid; a machine without an ordinary user has none for 1000.
 */
static gboolean name_inner_user(GError **error)
{
    g_autofree char *user =
        g_strdup_printf("virthint:x:%d:%d::%s:/bin/sh", INNER_ID, INNER_ID, g_get_home_dir());
    g_autofree char *group = g_strdup_printf("virthint:x:%d:", INNER_ID);

    return (getpwuid(INNER_ID) || prepend_line("passwd", user, error)) &&
           (getgrgid(INNER_ID) || prepend_line("group", group, error));
}

gboolean lab_mounts_set_up(const LabRun *run, GError **error)
{
    /* A name with a dot, or libvirt would ask the resolver for a longer one. */
    static const char host_name[] = "virthint.lab";

    if (!map_ids(run->outer_uid, run->outer_gid, error))
        return FALSE;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return fail(error, "cannot make the mounts private");
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return fail(error, "cannot mount a /proc (in a container: it must not be masked)");
    if (sethostname(host_name, sizeof(host_name) - 1) < 0)
        return fail(error, "cannot set the host name");
    return renew_run(run->scratch_bytes, error) && hide_var_run(error) && make_dirs(error) &&
           name_inner_user(error);
}
