/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PID 1 of a lab guest: mounts what it needs, loads the modules the image carries, finds its
 * virtio-serial port and serves it. When anything of that fails it says so on the console and
 * powers off, so that the host sees the guest end instead of waiting for it.
 */
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULES_PATH "/modules"
#define PORTS_PATH "/sys/class/virtio-ports"
#define PORT_WAIT_US 20000000

_Noreturn static void give_up(const char *what)
{
    fprintf(stderr, "virthint-lab-init: %s: %s\n", what, strerror(errno));
    fflush(stderr);
    reboot(RB_POWER_OFF);
    _exit(1);
}

static bool is_skipped(const char *file, const char *skip)
{
    size_t length;

    for (const char *c = skip; c && *c; c += length + (c[length] == ',')) {
        length = strcspn(c, ",");
        if (length && strncmp(file, c, length) == 0 && strcmp(file + length, ".ko") == 0)
            return true;
    }
    return false;
}

/* The two digits and the dash in front of each name give the order. */
static const char *module_name(const char *file)
{
    const char *dash = strchr(file, '-');

    return dash ? dash + 1 : file;
}

/* In the order of the names, but those in `skip` (commas between them). */
static void modules_load(const char *skip)
{
    struct dirent **files;
    int n = scandir(MODULES_PATH, &files, NULL, alphasort);

    if (n < 0)
        give_up("cannot read " MODULES_PATH);
    for (int i = 0; i < n; i++) {
        const char *file = files[i]->d_name;
        char path[300];
        int fd;

        if (file[0] == '.' || is_skipped(module_name(file), skip))
            continue;
        snprintf(path, sizeof(path), MODULES_PATH "/%s", file);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
            give_up(path);
        close(fd);
    }
}

/* The name of the device whose port has our name; false while there is none. */
static bool find_port(char *path, size_t bytes)
{
    DIR *ports = opendir(PORTS_PATH);
    struct dirent *entry;
    bool found = false;

    while (ports && !found && (entry = readdir(ports))) {
        char name_path[300], name[64] = "";
        FILE *file;

        snprintf(name_path, sizeof(name_path), PORTS_PATH "/%s/name", entry->d_name);
        file = entry->d_name[0] == '.' ? NULL : fopen(name_path, "re");
        if (!file)
            continue;
        if (fgets(name, sizeof(name), file) && strcmp(name, AGENT_PORT_NAME "\n") == 0) {
            snprintf(path, bytes, "/dev/%.200s", entry->d_name);
            found = access(path, F_OK) == 0;
        }
        fclose(file);
    }
    if (ports)
        closedir(ports);
    return found;
}

int main(void)
{
    char path[256];
    uint64_t deadline;
    int port;

    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mkdir("/dev", 0755);
    if (mount("proc", "/proc", "proc", 0, NULL) < 0 || mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
        give_up("cannot mount /proc and /sys");
    /* Mounted already where the kernel does it itself. */
    if (mount("dev", "/dev", "devtmpfs", 0, NULL) < 0 && errno != EBUSY)
        give_up("cannot mount /dev");
    /* For tests that look into the kernel; one built without them is no less of a guest. */
    mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
    modules_load(getenv("vh_lab_skip"));
    for (deadline = now_us() + PORT_WAIT_US; !find_port(path, sizeof(path));) {
        if (now_us() > deadline)
            give_up("there is no virtio-serial port " AGENT_PORT_NAME);
        usleep(2000);
    }
    port = open(path, O_RDWR | O_CLOEXEC);
    if (port < 0)
        give_up(path);
    serve(port);
}
