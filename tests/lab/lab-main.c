/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command virthint-lab: its subcommands and their options. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab-run.h"
#include "vh-lab-images.h"
#include "vh-lab.h"
#include "vh-units.h"

#define DEFAULT_SCRATCH_BYTES VH_GIB
#define MAX_SHELL_GUESTS 64

static const char usage[] =
    "Usage: virthint-lab COMMAND ...\n"
    "Real Linux guests on a private libvirt that cannot touch the system's. All of\n"
    "it is gone when the command ends, however it ends.\n"
    "\n"
    "Commands:\n"
    "  run [--scratch SIZE] [--] COMMAND [ARGUMENT...]\n"
    "                       run a command in a new lab; its exit status is ours\n"
    "  shell [OPTION...]    a shell in a new lab, with guests if wanted\n"
    "  guest COMMAND ...    guests, from inside a lab (virthint-lab guest --help)\n"
    "  stress [OPTION...]   verify a guest's memory while its balloon gets no rest\n"
    "                       (virthint-lab stress --help)\n"
    "  images [--update] [--kernel BRANCH] [--deb FILE]...\n"
    "                       get or update the guests' kernel, or another of Debian's,\n"
    "                       say 6.12; add one of a package\n"
    "\n"
    "Options:\n"
    "  --scratch SIZE       limit of what is written inside, in memory (1GiB)\n"
    "  --help               this text\n"
    "\n"
    "Options of shell, besides --scratch:\n"
    "  --guests N           boot N guests first, guest1 to guestN\n" LAB_GUEST_OPTIONS_HELP "\n"
    "Needs user namespaces, libvirt-daemon, qemu-system-x86, and once apt; no root.\n";

static void say(const char *text, gpointer data)
{
    (void)data;
    fprintf(stderr, "virthint-lab: %s\n", text);
}

static int fail(const GError *error)
{
    fprintf(stderr, "virthint-lab: %s\n", error->message);
    return LAB_EXIT_FAILED;
}

/* Kernels are got outside, where the network and the user's cache are. */
static int run_lab(LabRun *run)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *images = vh_lab_images_dir();

    if (!vh_lab_images_prepare(NULL, FALSE, say, NULL, &error))
        return fail(error);
    run->images = images;
    return lab_run(run);
}

static int run_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"scratch", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
    LabRun run = {.scratch_bytes = DEFAULT_SCRATCH_BYTES};
    g_autoptr(GError) error = NULL;
    int option;

    /* '+': the command's own options are not ours. */
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) >= 0) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option != 's')
            return LAB_EXIT_FAILED;
        if (!vh_parse_size(optarg, &run.scratch_bytes, &error))
            return fail(error);
    }
    if (optind == argc) {
        fputs("virthint-lab: run what? virthint-lab run -- COMMAND\n", stderr);
        return LAB_EXIT_FAILED;
    }
    run.argv = argv + optind;
    return run_lab(&run);
}

static int enter(char **argv)
{
    LabRun run = {.scratch_bytes = DEFAULT_SCRATCH_BYTES, .argv = argv};

    return run_lab(&run);
}

static int stress_main(int argc, char **argv)
{
    return lab_stress_main(argc, argv, enter);
}

typedef struct {
    VhLabGuestSpec spec;
    guint guests;
} Shell;

static gboolean boot_all(VhLab *lab, const Shell *shell, VhLabGuest **guests, GError **error)
{
    for (guint i = 0; i < shell->guests; i++) {
        g_autofree char *name = g_strdup_printf("guest%u", i + 1);
        VhLabGuestSpec spec = shell->spec;

        spec.name = name;
        if (!(guests[i] = vh_lab_guest_launch(lab, &spec, error)))
            return FALSE;
    }
    for (guint i = 0; i < shell->guests; i++) {
        if (!vh_lab_guest_wait_ready(guests[i], VH_LAB_TIMEOUT_MS, error))
            return FALSE;
        fprintf(stderr, "virthint-lab: %s is ready after %.2f s\n", vh_lab_guest_name(guests[i]),
                (double)vh_lab_guest_boot_us(guests[i]) / 1e6);
    }
    return TRUE;
}

static gboolean prepare_shell(gpointer data, GError **error)
{
    const Shell *shell = data;
    VhLabGuest *guests[MAX_SHELL_GUESTS] = {NULL};
    VhLab *lab = vh_lab_open(error);
    gboolean ok = lab && boot_all(lab, shell, guests, error);

    for (guint i = 0; i < shell->guests; i++)
        vh_lab_guest_leave(guests[i]);
    vh_lab_free(lab);
    if (ok)
        fputs("\nThis shell is in a lab: its libvirt is private, and gone when you exit. Try\n"
              "  virsh list\n"
              "  virthint-lab guest start web --memory 1GiB\n"
              "  virthint-lab guest work web 'alloc a 500MiB; free a 80%; report'\n"
              "  virthint-lab guest list\n"
              "  virthint -c $VH_LAB_URI list\n\n",
              stderr);
    return ok;
}

static int shell_main(int argc, char **argv)
{
    static const struct option options[] = {LAB_GUEST_OPTIONS,
                                            {"guests", required_argument, NULL, 'g'},
                                            {"scratch", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *login_shell = g_getenv("SHELL");
    char *command[] = {(char *)(login_shell && *login_shell ? login_shell : "/bin/sh"), NULL};
    Shell shell = {0};
    LabRun run = {.scratch_bytes = DEFAULT_SCRATCH_BYTES,
                  .interactive = TRUE,
                  .argv = command,
                  .prepare = prepare_shell,
                  .data = &shell};
    g_autoptr(GError) error = NULL;
    gboolean ok;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option == 'g')
            ok = lab_parse_number("--guests", optarg, 0, MAX_SHELL_GUESTS, &shell.guests, &error);
        else if (option == 's')
            ok = vh_parse_size(optarg, &run.scratch_bytes, &error);
        else
            ok = lab_guest_option(option, optarg, &shell.spec, &error);
        if (!ok)
            return fail(error);
    }
    if (optind < argc) {
        fprintf(stderr, "virthint-lab: shell takes no '%s'; see virthint-lab --help\n",
                argv[optind]);
        return LAB_EXIT_FAILED;
    }
    return run_lab(&run);
}

static gboolean add_deb(const char *deb, GError **error)
{
    g_autofree char *name = NULL;

    if (!vh_lab_images_add_deb(deb, say, NULL, &name, error))
        return FALSE;
    printf("%s\n", name);
    return TRUE;
}

static int images_main(int argc, char **argv)
{
    static const struct option options[] = {{"update", no_argument, NULL, 'u'},
                                            {"kernel", required_argument, NULL, 'k'},
                                            {"deb", required_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    g_autofree char *kernel = NULL;
    g_autoptr(GError) error = NULL;
    gboolean update = FALSE, only_debs = FALSE;
    const char *branch = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
        if (option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option == 'u')
            update = TRUE;
        else if (option == 'k')
            branch = optarg;
        else if (option != 'd')
            return LAB_EXIT_FAILED;
        else if (!add_deb(optarg, &error))
            return fail(error);
        else
            only_debs = TRUE;
    }
    if (only_debs && !update && !branch)
        return 0;
    if (!vh_lab_images_prepare(branch, update, say, NULL, &error) ||
        !(kernel = vh_lab_images_kernel(branch, &error)))
        return fail(error);
    printf("%s\n", kernel);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", run_main},       {"shell", shell_main},   {"guest", lab_guest_main},
    {"stress", stress_main}, {"images", images_main},
};

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, name))
            return commands[i].run(argc - 1, argv + 1);
    }
    if (g_str_equal(name, "--help") || g_str_equal(name, "-h")) {
        fputs(usage, stdout);
        return 0;
    }
    fprintf(stderr, "virthint-lab: '%s' is no command; see virthint-lab --help\n", name);
    return LAB_EXIT_FAILED;
}
