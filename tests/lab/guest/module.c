/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The guest's kernel modules: those that the image carries, in the order of their names at boot,
 * and one of them at the host's request, which also takes it out again.
 */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES_PATH "/modules"

/* The two digits and the dash in front of each name give the order. */
static const char *name_of(const char *file)
{
    const char *dash = strchr(file, '-');

    return dash ? dash + 1 : file;
}

static bool is_named(const char *file, const char *name, size_t length)
{
    return strncmp(name_of(file), name, length) == 0 && strcmp(name_of(file) + length, ".ko") == 0;
}

/* `skip` has commas between its names. */
static bool is_skipped(const char *file, const char *skip)
{
    size_t length;

    for (const char *c = skip; c && *c; c += length + (c[length] == ',')) {
        length = strcspn(c, ",");
        if (length && is_named(file, c, length))
            return true;
    }
    return false;
}

static bool load_file(const char *file, char *error, size_t error_bytes)
{
    char path[300];
    bool ok;
    int fd;

    snprintf(path, sizeof(path), MODULES_PATH "/%s", file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ok = fd >= 0 && (syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST);
    if (!ok)
        snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

bool modules_load(const char *skip, char *error, size_t error_bytes)
{
    struct dirent **files;
    int n = scandir(MODULES_PATH, &files, NULL, alphasort);
    bool ok = n >= 0;

    if (!ok)
        snprintf(error, error_bytes, "cannot read " MODULES_PATH ": %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        const char *file = files[i]->d_name;

        if (ok && file[0] != '.' && !is_skipped(file, skip))
            ok = load_file(file, error, error_bytes);
        free(files[i]);
    }
    if (n >= 0)
        free(files);
    return ok;
}

bool module_load(const char *name, char *error, size_t error_bytes)
{
    DIR *modules = opendir(MODULES_PATH);
    bool found = false, ok = false;
    struct dirent *entry;

    while (modules && !found && (entry = readdir(modules))) {
        found = is_named(entry->d_name, name, strlen(name));
        if (found)
            ok = load_file(entry->d_name, error, error_bytes);
    }
    if (modules)
        closedir(modules);
    if (!found)
        snprintf(error, error_bytes, "there is no module %.100s in the image", name);
    return ok;
}

bool module_unload(const char *name, char *error, size_t error_bytes)
{
    if (syscall(SYS_delete_module, name, O_NONBLOCK) == 0)
        return true;
    snprintf(error, error_bytes, "cannot unload %.100s: %s", name, strerror(errno));
    return false;
}
