/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements vh-socket.h: openat2(2), and a connection through the descriptor. */
#include "vh-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

VhSocket *vh_socket_new(const char *uri_before, const char *root, const char *way,
                        gboolean is_other_root, guint64 device, guint64 inode)
{
    VhSocket *socket = g_atomic_rc_box_new0(VhSocket);

    socket->path = g_build_filename(root, way, NULL);
    /* whatever bytes a folder's name has */
    g_autofree char *escaped = g_uri_escape_string(socket->path, "/", FALSE);
    socket->uri = g_strconcat(uri_before, escaped, NULL);
    socket->root = g_strdup(root);
    socket->way = g_strdup(way);
    socket->is_other_root = is_other_root;
    socket->uri_before = g_strdup(uri_before);
    socket->device = device;
    socket->inode = inode;
    return socket;
}

VhSocket *vh_socket_ref(VhSocket *socket)
{
    return g_atomic_rc_box_acquire(socket);
}

static void clear(gpointer data)
{
    VhSocket *socket = data;

    g_free(socket->uri);
    g_free(socket->path);
    g_free(socket->root);
    g_free(socket->way);
    g_free(socket->uri_before);
}

void vh_socket_unref(VhSocket *socket)
{
    if (socket)
        g_atomic_rc_box_release_full(socket, clear);
}

int vh_socket_walk(int root_fd, const char *way, gboolean is_other_root, int flags)
{
    struct open_how how = {
        .flags = (guint64)(flags | O_CLOEXEC),
        .resolve = is_other_root ? RESOLVE_IN_ROOT : RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, root_fd, way, &how, sizeof how);
}

/* -1 where it is not there any more, or is another one. */
static int pin(const VhSocket *socket)
{
    int links = socket->is_other_root ? 0 : O_NOFOLLOW;
    int root = open(socket->root, O_PATH | O_DIRECTORY | O_CLOEXEC | links);
    struct stat st;
    int fd;

    if (root < 0)
        return -1;
    fd = vh_socket_walk(root, socket->way, socket->is_other_root, O_PATH);
    close(root);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_dev == socket->device &&
        st.st_ino == socket->inode)
        return fd;
    close(fd);
    return -1;
}

virConnectPtr vh_socket_open(const VhSocket *socket, const char *uri, gboolean read_only,
                             GError **error)
{
    if (!socket)
        return vh_libvirt_open(uri, read_only, error);
    int fd = pin(socket);
    if (fd < 0) {
        g_set_error(error, VH_ERROR, VH_ERROR_GONE, "the socket is gone, or another one");
        return NULL;
    }
    /* The kernel goes from there to the socket itself, and looks at no path. */
    g_autofree char *pinned = g_strdup_printf("%s/proc/self/fd/%d", socket->uri_before, fd);
    virConnectPtr connection = vh_libvirt_open(pinned, read_only, error);
    close(fd);
    return connection;
}
