/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lab as a whole: its connection, its libvirtd, and other programs that run in it. */
#include <errno.h>
#include <fcntl.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vh-lab-libvirtd.h"
#include "vh-lab-private.h"

#define POLL_US 2000
#define PEER_HOST_NAME "virthint-peer.lab"

static VhErrorCode code_of(int libvirt_code)
{
    switch (libvirt_code) {
    case VIR_ERR_NO_DOMAIN:
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_INVALID_CONN:
        return VH_ERROR_GONE;
    case VIR_ERR_OPERATION_TIMEOUT:
        return VH_ERROR_TIMEOUT;
    case VIR_ERR_OPERATION_DENIED:
    case VIR_ERR_AUTH_FAILED:
        return VH_ERROR_DENIED;
    case VIR_ERR_XML_ERROR:
    case VIR_ERR_INVALID_ARG:
        return VH_ERROR_INVALID;
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_NO_SUPPORT:
        return VH_ERROR_UNSUPPORTED;
    default:
        return VH_ERROR_FAILED;
    }
}

void vh_lab_set_libvirt_error(GError **error, const char *what)
{
    virErrorPtr last = virGetLastError();

    g_set_error(error, VH_ERROR, last ? code_of(last->code) : VH_ERROR_FAILED, "%s: %s", what,
                last && last->message ? last->message : "libvirt gives no reason");
}

/* libvirt prints every error by itself otherwise; ours are returned. */
static void keep_quiet(void *data, virErrorPtr error)
{
    (void)data;
    (void)error;
}

VhLab *vh_lab_open(GError **error)
{
    const char *dir = g_getenv("VH_LAB_DIR"), *uri = g_getenv("VH_LAB_URI");
    VhLab *lab;

    if (!dir || !uri) {
        g_set_error(error, VH_ERROR, VH_ERROR_UNSUPPORTED,
                    "this runs inside a lab only: virthint-lab run -- COMMAND");
        return NULL;
    }
    virSetErrorFunc(NULL, keep_quiet);
    /* libvirt 9.0 writes to a socket whose libvirtd was killed with SIGPIPE unblocked. */
    signal(SIGPIPE, SIG_IGN);
    lab = g_new0(VhLab, 1);
    lab->dir = g_strdup(dir);
    lab->uri = g_strdup(uri);
    if (!vh_lab_connection(lab, error))
        g_clear_pointer(&lab, vh_lab_free);
    return lab;
}

static gboolean make_peer_folders(const char *dir, GError **error)
{
    static const char *const names[] = {"run", "config", "data", "cache", "state", "guests", NULL};

    for (const char *const *name = names; *name; name++) {
        g_autofree char *path = g_build_filename(dir, *name, NULL);

        if (g_mkdir_with_parents(path, 0700) < 0) {
            g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", path, g_strerror(errno));
            return FALSE;
        }
    }
    return TRUE;
}

VhLab *vh_lab_peer_open(const VhLab *lab, GError **error)
{
    g_autoptr(VhLab) peer = g_new0(VhLab, 1);

    peer->dir = g_build_filename(lab->dir, "peer", NULL);
    peer->first_dir = g_strdup(lab->dir);
    peer->uri = g_strdup_printf("qemu:///session?socket=%s/run/libvirt/libvirt-sock", peer->dir);
    if (!make_peer_folders(peer->dir, error))
        return NULL;
    if (vh_lab_libvirtd_pid(peer) < 0 &&
        (!vh_lab_libvirtd_configure(peer->dir, error) || !vh_lab_libvirtd_start(peer, error)))
        return NULL;
    return vh_lab_connection(peer, error) ? g_steal_pointer(&peer) : NULL;
}

void vh_lab_free(VhLab *lab)
{
    if (!lab)
        return;
    if (lab->connection)
        virConnectClose(lab->connection);
    g_free(lab->dir);
    g_free(lab->uri);
    g_free(lab->first_dir);
    g_free(lab);
}

const char *vh_lab_dir(const VhLab *lab)
{
    return lab->dir;
}

const char *vh_lab_uri(const VhLab *lab)
{
    return lab->uri;
}

virConnectPtr vh_lab_connection(VhLab *lab, GError **error)
{
    if (lab->connection && virConnectIsAlive(lab->connection) != 1) {
        virConnectClose(lab->connection);
        lab->connection = NULL;
    }
    if (!lab->connection)
        lab->connection = virConnectOpen(lab->uri);
    if (!lab->connection)
        vh_lab_set_libvirt_error(error, "the lab's libvirtd");
    return lab->connection;
}

pid_t vh_lab_libvirtd_pid(const VhLab *lab)
{
    g_autofree char *path = g_build_filename(lab->dir, "libvirtd.pid", NULL);
    g_autofree char *text = NULL;
    guint64 pid;

    if (!g_file_get_contents(path, &text, NULL, NULL) ||
        !g_ascii_string_to_unsigned(g_strstrip(text), 10, 1, G_MAXINT, &pid, NULL) ||
        kill((pid_t)pid, 0) < 0)
        return -1;
    return (pid_t)pid;
}

gboolean vh_lab_libvirtd_kill9(VhLab *lab, GError **error)
{
    pid_t pid = vh_lab_libvirtd_pid(lab);

    if (pid < 0 || kill(pid, SIGKILL) < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "the lab's libvirtd does not run");
        return FALSE;
    }
    /* It is this process's child where _start made it, and the supervisor's otherwise. */
    while (kill(pid, 0) == 0) {
        waitpid(pid, NULL, WNOHANG);
        g_usleep(POLL_US);
    }
    return TRUE;
}

static gboolean spawn_libvirtd(const VhLab *lab, pid_t *ret_pid, GError **error)
{
    g_autofree char *to = g_build_filename(lab->dir, "guests", NULL);
    g_autofree char *from =
        lab->first_dir ? g_build_filename(lab->first_dir, "guests", NULL) : NULL;
    const VhLabLibvirtdHost host = {PEER_HOST_NAME, from, to};

    return vh_lab_libvirtd_spawn(lab->dir, from ? &host : NULL, ret_pid, error);
}

gboolean vh_lab_libvirtd_start(VhLab *lab, GError **error)
{
    pid_t pid;

    if (vh_lab_libvirtd_pid(lab) > 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_BUSY, "the lab's libvirtd runs already");
        return FALSE;
    }
    return spawn_libvirtd(lab, &pid, error) && vh_lab_libvirtd_wait(lab->dir, lab->uri, pid, error);
}

/* Between fork and exec. */
static void tie_to_parent(gpointer parent)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (getppid() != GPOINTER_TO_INT(parent))
        _exit(1);
}

static char **extended_environment(const char *const *added)
{
    char **all = g_get_environ();

    for (; added && *added; added++) {
        g_auto(GStrv) pair = g_strsplit(*added, "=", 2);

        all = g_environ_setenv(all, pair[0], pair[1] ? pair[1] : "", TRUE);
    }
    return all;
}

gboolean vh_lab_spawn(const VhLab *lab, const char *const *argv, const char *const *environment,
                      const char *log, pid_t *ret_pid, GError **error)
{
    g_autofree char *path = log ? g_build_filename(lab->dir, log, NULL) : NULL;
    g_auto(GStrv) all = extended_environment(environment);
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    gboolean ok;

    if (path && fd < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_FAILED, "%s: %s", path, g_strerror(errno));
        return FALSE;
    }
    ok = g_spawn_async_with_fds(NULL, (char **)argv, all,
                                G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, tie_to_parent,
                                GINT_TO_POINTER(getpid()), ret_pid, -1,
                                fd >= 0 ? fd : STDOUT_FILENO, fd >= 0 ? fd : STDERR_FILENO, error);
    if (fd >= 0)
        close(fd);
    return ok;
}

gboolean vh_lab_stop(pid_t pid, int sig, guint timeout_ms, int *ret_wait_status, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    pid_t ended;

    if (sig)
        kill(pid, sig);
    while ((ended = waitpid(pid, ret_wait_status, WNOHANG)) == 0) {
        if (g_get_monotonic_time() > deadline) {
            g_set_error(error, VH_ERROR, VH_ERROR_TIMEOUT, "process %d has not ended", (int)pid);
            return FALSE;
        }
        g_usleep(POLL_US);
    }
    if (ended < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "process %d: %s", (int)pid, g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}
