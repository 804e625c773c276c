/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kernels and initramfs images for lab guests, in a cache of the user's: unpacked from Debian
 * packages, never installed. Several processes may use and fill the cache at once: what is there
 * under its final name is complete. Knows nothing of libvirt.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One line about a step that may take longer than two seconds; no newline in it. */
typedef void (*VhLabProgress)(const char *text, gpointer data);

/* $VH_LAB_IMAGES, or virthint in the user's cache directory. Free with g_free(). */
char *vh_lab_images_dir(void);

/*
 * Makes sure that a kernel is in the cache: the newest of Debian's cloud kernels of `branch`, such
 * as "6.12"; NULL: the default one, Debian's linux-image-cloud-amd64. Asks apt (with the user's own
 * sources; without root, and without touching the system's apt state) when it is missing, or when
 * `update` is set; a newer one of the default's branch becomes the default. Blocks, for half a
 * minute at most on a usual line. VH_ERROR_UNSUPPORTED where there is no apt or no such package.
 */
gboolean vh_lab_images_prepare(const char *branch, gboolean update, VhLabProgress progress,
                               gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Adds the kernel of a Debian linux-image package file to the cache; *ret_name is its name there,
 * for vh_lab_images_kernel(). Blocks for some seconds. */
gboolean vh_lab_images_add_deb(const char *deb, VhLabProgress progress, gpointer data,
                               char **ret_name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The directory of a kernel (in it: vmlinux, modules/). NULL: the default one. With a slash: a
 * directory. Otherwise the start of the name of one in the cache up to a dot or underscore, such as
 * "6.12"; where several fit, the default one, or else the last in order of version. VH_ERROR_GONE
 * names what there is. Free with g_free().
 */
char *vh_lab_images_kernel(const char *choice, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The path of an initramfs with the lab's agent and the modules of `kernel_dir`, made where it is
 * not in the cache yet; a `balloon_module` file takes the place of virtio_balloon.ko (NULL: the
 * kernel's own). Free with g_free().
 */
char *vh_lab_images_initramfs(const char *kernel_dir, const char *balloon_module,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * The uncompressed kernel inside a bzImage: LZ4 is decoded here, other formats by gzip, xz or zstd.
 * VH_ERROR_INVALID where it is no bzImage. Does not touch the network.
 */
GBytes *vh_lab_kernel_unpack(const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Runs a program to its end in `cwd` (NULL: here); stdout to *ret_output (may be NULL). On failure
 * the message has the last line of what it printed to stderr. */
gboolean vh_lab_run_tool(const char *cwd, const char *const *argv, char **ret_output,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
