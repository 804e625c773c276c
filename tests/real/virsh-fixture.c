/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virsh under test, and what it says. */
#include "virsh-fixture.h"

#include <gio/gio.h>

void virsh_result_clear(VirshResult *result)
{
    g_clear_pointer(&result->out, g_free);
    g_clear_pointer(&result->err, g_free);
}

const char *virsh_fixture_variable(const char *name)
{
    const char *value = g_getenv(name);

    if (value == NULL)
        g_error("%s is not set: run this test by 'meson test'", name);
    return value;
}

char **virsh_fixture_environment(const DaemonFixture *fixture, gboolean with_daemon)
{
    g_autofree char *folder = g_path_get_dirname(virsh_fixture_variable("VIRSH_DISPATCHER"));
    g_autofree char *path = g_strdup_printf("%s:%s", folder, g_getenv("PATH"));
    char **env = g_environ_setenv(g_get_environ(), "PATH", path, TRUE);

    if (with_daemon)
        return g_environ_setenv(env, "VIRTHINT_BUS_ADDRESS", fixture->bus, TRUE);
    return g_environ_unsetenv(env, "VIRTHINT_BUS_ADDRESS");
}

VirshResult virsh_fixture_feed(const DaemonFixture *fixture, const char *virsh,
                               gboolean with_daemon, const char *const *arguments,
                               const char *input)
{
    g_auto(GStrv) env = virsh_fixture_environment(fixture, with_daemon);
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
        G_SUBPROCESS_FLAGS_STDERR_PIPE | G_SUBPROCESS_FLAGS_SEARCH_PATH_FROM_ENVP);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    VirshResult result = {0};

    g_ptr_array_add(argv, (gpointer)virsh);
    g_ptr_array_add(argv, "-c");
    g_ptr_array_add(argv, (gpointer)vh_lab_uri(fixture->lab));
    for (guint i = 0; arguments[i] != NULL; i++)
        g_ptr_array_add(argv, (gpointer)arguments[i]);
    g_ptr_array_add(argv, NULL);
    g_subprocess_launcher_set_environ(launcher, env);
    g_autoptr(GSubprocess) process =
        g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, &error);
    g_assert_no_error(error);
    g_subprocess_communicate_utf8(process, input, NULL, &result.out, &result.err, &error);
    g_assert_no_error(error);
    result.status =
        g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process) : -1;
    return result;
}

VirshResult virsh_fixture_run(const DaemonFixture *fixture, const char *virsh, gboolean with_daemon,
                              const char *const *arguments)
{
    return virsh_fixture_feed(fixture, virsh, with_daemon, arguments, NULL);
}

VirshResult virsh_fixture_virthint(const DaemonFixture *fixture, const char *const *arguments)
{
    VirshResult result = {0};

    result.status = daemon_fixture_run(fixture, FALSE, arguments, &result.out, &result.err);
    return result;
}

gboolean virsh_fixture_is_same(const char *a, const char *b)
{
    g_autofree char *first = g_strchomp(g_strdup(a));
    g_autofree char *second = g_strchomp(g_strdup(b));

    return g_str_equal(first, second);
}

gboolean virsh_fixture_has_line(const char *text, const char *line)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        if (g_str_equal(g_strstrip(lines[i]), line))
            return TRUE;
    }
    return FALSE;
}
