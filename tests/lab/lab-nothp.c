/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a program whose memory never gets transparent huge pages: the switch is the process's own,
 * and outlives exec. So one guest can be without them and the host's setting stays as it is.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("virthint-lab-nothp: run what? virthint-lab-nothp PROGRAM [ARGUMENT...]\n", stderr);
        return 125;
    }
    if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0) {
        perror("virthint-lab-nothp: PR_SET_THP_DISABLE");
        return 125;
    }
    execv(argv[1], argv + 1);
    perror(argv[1]);
    return 127;
}
