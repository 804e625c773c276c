/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cache of kernels: "kernel-RELEASE_VERSION" directories with vmlinux and modules/, and a file
 * "default" that names one of them. A directory gets its name by rename when it is complete.
 */
#include "vh-lab-images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vh-error.h"
#include "vh-lab-apt.h"

#define PREFIX "kernel-"

/* In the order of loading. What a kernel does not have as a module it has built in. */
static const char *const modules[] = {
    "virtio_ring",    "virtio",     "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
    "virtio_console", "virtio_blk", "virtio_balloon",
};

typedef struct {
    const char *cache;
    char *work; /* a directory in the cache, ours, removed at the end */
    int lock;
    VhLabProgress progress;
    gpointer data;
} Job;

static void say(const Job *job, const char *text)
{
    if (job->progress)
        job->progress(text, job->data);
}

char *vh_lab_images_dir(void)
{
    const char *set = g_getenv("VH_LAB_IMAGES");

    return set && *set ? g_strdup(set) : g_build_filename(g_get_user_cache_dir(), "virthint", NULL);
}

gboolean vh_lab_run_tool(const char *cwd, const char *const *argv, char **ret_output,
                         GError **error)
{
    g_autofree char *out = NULL, *err = NULL;
    g_autoptr(GError) failure = NULL;
    const char *last;
    int status;

    if (!g_spawn_sync(cwd, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err,
                      &status, error))
        return FALSE;
    if (!g_spawn_check_wait_status(status, &failure)) {
        g_strchomp(err);
        last = strrchr(err, '\n');
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", argv[0],
                    *err ? (last ? last + 1 : err) : failure->message);
        return FALSE;
    }
    if (ret_output)
        *ret_output = g_steal_pointer(&out);
    return TRUE;
}

static void remove_tree(const char *path)
{
    const char *argv[] = {"rm", "-rf", "--", path, NULL};
    g_autoptr(GError) error = NULL;

    /* What stays is in our own cache, under a name that nobody reads. */
    if (!vh_lab_run_tool(NULL, argv, NULL, &error))
        g_debug("%s", error->message);
}

static gboolean job_start(Job *job, GError **error)
{
    g_autofree char *lock = g_build_filename(job->cache, "lock", NULL);
    g_autofree char *work = g_build_filename(job->cache, ".work-XXXXXX", NULL);

    job->lock = -1;
    if (g_mkdir_with_parents(job->cache, 0755) < 0 ||
        (job->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644)) < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", job->cache, g_strerror(errno));
        return FALSE;
    }
    if (flock(job->lock, LOCK_EX | LOCK_NB) < 0) {
        say(job, "waiting for another process that prepares kernels");
        while (flock(job->lock, LOCK_EX) < 0 && errno == EINTR)
            continue;
    }
    if (!g_mkdtemp(work)) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", work, g_strerror(errno));
        return FALSE;
    }
    job->work = g_steal_pointer(&work);
    return TRUE;
}

static void job_end(Job *job)
{
    if (job->work)
        remove_tree(job->work);
    g_clear_pointer(&job->work, g_free);
    if (job->lock >= 0)
        close(job->lock);
}

/* The first line of what find(1) prints. */
static char *find_file(const char *below, const char *pattern, GError **error)
{
    const char *argv[] = {"find", below, "-type", "f", "-name", pattern, "-print", "-quit", NULL};
    char *found = NULL;

    return vh_lab_run_tool(NULL, argv, &found, error) ? g_strchomp(found) : NULL;
}

static gboolean copy_module(const char *tree, const char *name, guint number, const char *to,
                            GError **error)
{
    g_autofree char *pattern = g_strdup_printf("%s.ko*", name);
    g_autofree char *from = find_file(tree, pattern, error);
    g_autofree char *target = g_strdup_printf("%s/%02u-%s.ko", to, number, name);
    g_autofree char *packed = g_strconcat(target, ".xz", NULL);
    gboolean is_packed = from && g_str_has_suffix(from, ".xz");
    const char *copy[] = {"cp", "--", from, is_packed ? packed : target, NULL};
    const char *unpack[] = {"xz", "-d", "--", packed, NULL};

    if (!from)
        return FALSE;
    if (!*from)
        return TRUE;
    return vh_lab_run_tool(NULL, copy, NULL, error) &&
           (!is_packed || vh_lab_run_tool(NULL, unpack, NULL, error));
}

static gboolean fill_kernel(const char *tree, const char *image, const char *kernel, GError **error)
{
    g_autofree char *vmlinux = g_build_filename(kernel, "vmlinux", NULL);
    g_autofree char *module_dir = g_build_filename(kernel, "modules", NULL);
    g_autoptr(GBytes) unpacked = vh_lab_kernel_unpack(image, error);
    gsize length;
    const char *data = unpacked ? g_bytes_get_data(unpacked, &length) : NULL;

    if (!data || g_mkdir_with_parents(module_dir, 0755) < 0 ||
        !g_file_set_contents(vmlinux, data, (gssize)length, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(modules); i++) {
        if (!copy_module(tree, modules[i], 10 + i, module_dir, error))
            return FALSE;
    }
    return TRUE;
}

/* Unpacks a package into the cache; the caller holds the lock. */
static gboolean add_deb(const Job *job, const char *deb, char **ret_name, GError **error)
{
    g_autofree char *tree = g_build_filename(job->work, "tree", NULL);
    g_autofree char *kernel = g_build_filename(job->work, "kernel", NULL);
    g_autofree char *image = NULL, *version = NULL, *name = NULL, *final = NULL;
    const char *ask[] = {"dpkg-deb", "-f", deb, "Version", NULL};
    const char *extract[] = {"dpkg-deb", "-x", deb, tree, NULL};

    say(job, "unpacking the kernel");
    if (!vh_lab_run_tool(NULL, ask, &version, error) ||
        !vh_lab_run_tool(NULL, extract, NULL, error) ||
        !(image = find_file(tree, "vmlinuz-*", error)))
        return FALSE;
    if (!*image) {
        g_set_error(error, VH_ERROR, VH_ERROR_INVALID,
                    "%s: has no kernel in it; give a linux-image package", deb);
        return FALSE;
    }
    name = g_strdup_printf("%s_%s", strrchr(image, '/') + strlen("/vmlinuz-"), g_strchomp(version));
    final = g_strdup_printf("%s/" PREFIX "%s", job->cache, name);
    if (access(final, F_OK) < 0) {
        if (!fill_kernel(tree, image, kernel, error))
            return FALSE;
        if (rename(kernel, final) < 0) {
            g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", final, g_strerror(errno));
            return FALSE;
        }
    }
    *ret_name = g_steal_pointer(&name);
    return TRUE;
}

static gboolean fetch(const Job *job, const char *branch, char **ret_deb, GError **error)
{
    say(job, "downloading Debian's kernel for guests (27 MB)");
    if (!vh_lab_apt_download_kernel(job->work, branch, job->progress, job->data, error))
        return FALSE;
    *ret_deb = find_file(job->work, "linux-image-*.deb", error);
    return *ret_deb != NULL;
}

/* "6.1" is the start of "6.1.0-56-cloud-amd64_6.1.192-2", but neither of "6.12..." nor of a variant
 * such as "6.1-debug_...". */
static gboolean fits(const char *name, const char *choice)
{
    gsize length = strlen(choice);

    return strncmp(name, choice, length) == 0 && strchr("._", name[length]);
}

/* The name in the file "default"; it may name a kernel that is not there. */
static char *read_default(const char *cache)
{
    g_autofree char *file = g_build_filename(cache, "default", NULL);
    char *name = NULL;

    g_file_get_contents(file, &name, NULL, NULL);
    return name;
}

static gboolean prepare_locked(const Job *job, const char *branch, gboolean update, GError **error)
{
    g_autofree char *deb = NULL, *name = NULL, *present = NULL;
    g_autofree char *file = g_build_filename(job->cache, "default", NULL);
    g_autofree char *preferred = read_default(job->cache);

    /* Another process may have done it while we waited for the lock. */
    if (!update && (present = vh_lab_images_kernel(branch, NULL)))
        return TRUE;
    if (!fetch(job, branch, &deb, error) || !add_deb(job, deb, &name, error))
        return FALSE;
    if (branch && !(preferred && fits(preferred, branch)))
        return TRUE;
    return g_file_set_contents(file, name, -1, error);
}

gboolean vh_lab_images_prepare(const char *branch, gboolean update, VhLabProgress progress,
                               gpointer data, GError **error)
{
    g_autofree char *cache = vh_lab_images_dir();
    g_autofree char *present = update ? NULL : vh_lab_images_kernel(branch, NULL);
    Job job = {.cache = cache, .progress = progress, .data = data};
    gboolean ok;

    if (present)
        return TRUE;
    ok = job_start(&job, error) && prepare_locked(&job, branch, update, error);
    job_end(&job);
    return ok;
}

gboolean vh_lab_images_add_deb(const char *deb, VhLabProgress progress, gpointer data,
                               char **ret_name, GError **error)
{
    g_autofree char *cache = vh_lab_images_dir();
    Job job = {.cache = cache, .progress = progress, .data = data};
    gboolean ok = job_start(&job, error) && add_deb(&job, deb, ret_name, error);

    job_end(&job);
    return ok;
}

static int compare_versions(gconstpointer a, gconstpointer b)
{
    return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

static char *find_kernel(const char *cache, const char *choice, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(cache, 0, NULL);
    g_autofree char *all = NULL, *preferred = read_default(cache);
    const char *name, *best = NULL;

    while (dir && (name = g_dir_read_name(dir))) {
        if (g_str_has_prefix(name, PREFIX))
            g_ptr_array_add(names, g_strdup(name + strlen(PREFIX)));
    }
    g_ptr_array_sort(names, compare_versions);
    for (guint i = 0; i < names->len; i++) {
        if (!fits(names->pdata[i], choice))
            continue;
        best = names->pdata[i];
        if (g_strcmp0(best, preferred) == 0)
            break;
    }
    if (best)
        return g_strdup_printf("%s/" PREFIX "%s", cache, best);
    g_ptr_array_add(names, NULL);
    all = g_strjoinv(", ", (char **)names->pdata);
    g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                "there is no kernel '%s' in %s (there are: %s); virthint-lab images gets them",
                choice, cache, *all ? all : "none");
    return NULL;
}

char *vh_lab_images_kernel(const char *choice, GError **error)
{
    g_autofree char *cache = vh_lab_images_dir();
    g_autofree char *name = NULL;

    if (choice && strchr(choice, '/'))
        return g_strdup(choice);
    if (choice)
        return find_kernel(cache, choice, error);
    name = read_default(cache);
    if (!name) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE,
                    "there is no kernel for guests in %s; virthint-lab images gets it", cache);
        return NULL;
    }
    return find_kernel(cache, name, error);
}
