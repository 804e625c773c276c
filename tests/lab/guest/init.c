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
#include <unistd.h>

#define PORTS_PATH "/sys/class/virtio-ports"
#define PORT_WAIT_US 20000000

_Noreturn static void give_up_saying(const char *why)
{
    fprintf(stderr, "virthint-lab-init: %s\n", why);
    fflush(stderr);
    reboot(RB_POWER_OFF);
    _exit(1);
}

_Noreturn static void give_up(const char *what)
{
    char why[400];

    snprintf(why, sizeof(why), "%.300s: %s", what, strerror(errno));
    give_up_saying(why);
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
    char path[256], why[400];
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
    if (!modules_load(getenv("vh_lab_skip"), why, sizeof(why)))
        give_up_saying(why);
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
