/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virthint-lab stress over the kinds of guests there are, each pair of whose properties comes
 * together in one of them; and over two planted faults, a driver and a device that each forget to
 * wait for the other, which it has to find.
 */
#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/wait.h>

#define SHORT_SECONDS "30"
#define LONG_SECONDS "600"
#define FAULT_SECONDS "60"
#define FAULT_TRIES 4

/* Exit statuses of the stress. */
#define WELL 0
#define CORRUPTED 1
#define BROKEN 2

typedef struct {
    const char *name;
    const char *vcpus, *kernel, *kernel_args;
    const char *memory;   /* an option, or NULL */
    gboolean stock;       /* the kernel's own driver */
    const char *emulator; /* the variable that names it; NULL: VH_QEMU */
} Guest;

static const Guest guests[] = {
    {"a", "1", "6.1", "init_on_alloc=0 init_on_free=0", NULL, FALSE, NULL},
    {"b", "2", "6.12", "init_on_alloc=1 init_on_free=0", NULL, FALSE, NULL},
    {"c", "2", "6.12", "init_on_alloc=0 init_on_free=1", "--memfd", FALSE, NULL},
    {"d", "2", "6.1", "init_on_alloc=1 init_on_free=1", NULL, FALSE, NULL},
    {"e", "1", "6.12", "init_on_alloc=0 init_on_free=1", "--memfd", FALSE, NULL},
    {"f", "1", "6.1", "init_on_alloc=1 init_on_free=0", "--memfd", FALSE, NULL},
    {"stock-driver", "2", "6.1", "init_on_alloc=0 init_on_free=0", NULL, TRUE, NULL},
};

/* With what only the long run of the tests builds: a kernel that checks itself, and a QEMU that can
 * migrate guests without stopping them. */
static const Guest long_guests[] = {
    {"debug-kernel", "2", "6.1-debug", "init_on_alloc=0 init_on_free=0", NULL, FALSE, NULL},
    {"live-migration", "2", "6.1", "init_on_alloc=0 init_on_free=0", NULL, FALSE, "VH_QEMU_10"},
    {"live-migration-memfd", "1", "6.12", "init_on_alloc=1 init_on_free=0", "--memfd", FALSE,
     "VH_QEMU_10"},
};

/* $VH_GUEST_MODULES/KIND/virtio_balloon.ko, or NULL where it is not there. Free with g_free(). */
static char *module_path(const char *kind)
{
    const char *modules = g_getenv("VH_GUEST_MODULES");
    g_autofree char *path =
        modules && *modules ? g_build_filename(modules, kind, "virtio_balloon.ko", NULL) : NULL;

    if (path && g_file_test(path, G_FILE_TEST_EXISTS))
        return g_steal_pointer(&path);
    g_test_skip("the driver is not built: tools/guest-build makes it, and VH_GUEST_MODULES "
                "names where it is");
    return NULL;
}

static gboolean lacks(const char *variable, const char *why)
{
    const char *value = g_getenv(variable);

    if (value && *value)
        return FALSE;
    g_test_skip(why);
    return TRUE;
}

static gboolean lacks_qemu(void)
{
    return lacks("VH_QEMU", "no patched QEMU: tools/qemu-build makes one, and VH_QEMU names it");
}

/* Runs the stress; its exit status, and what it found out. */
static int run(const GPtrArray *options, JsonObject **ret_result)
{
    g_autofree char *line = NULL, *out = NULL, *err = NULL;
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(JsonNode) node = NULL;
    g_autoptr(GError) error = NULL;
    int status;

    g_ptr_array_add(argv, (gpointer)g_getenv("VIRTHINT_LAB"));
    g_ptr_array_add(argv, "stress");
    g_ptr_array_add(argv, "--json");
    for (guint i = 0; i < options->len; i++)
        g_ptr_array_add(argv, options->pdata[i]);
    g_ptr_array_add(argv, NULL);
    line = g_strjoinv(" ", (char **)argv->pdata);
    g_test_message("%s", line);
    g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status,
                 &error);
    g_assert_no_error(error);
    g_test_message("%s%s", out, err);
    g_assert_true(WIFEXITED(status));
    node = json_from_string(out, NULL);
    if (!node || !JSON_NODE_HOLDS_OBJECT(node))
        g_error("exit status %d, and no result: %s", WEXITSTATUS(status), err);
    *ret_result = json_object_ref(json_node_get_object(node));
    return WEXITSTATUS(status);
}

static GPtrArray *new_options(void)
{
    return g_ptr_array_new_with_free_func(g_free);
}

static void add(GPtrArray *options, const char *option, const char *value)
{
    g_ptr_array_add(options, g_strdup(option));
    if (value)
        g_ptr_array_add(options, g_strdup(value));
}

static void assert_all_done(JsonObject *result)
{
    g_assert_cmpint(json_object_get_int_member(result, "corrupt_bytes"), ==, 0);
    g_assert_cmpint(json_object_get_int_member(result, "verified_bytes"), >, 0);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(result, "problems")), ==,
                     0);
}

static void loses_nothing(gconstpointer data)
{
    const Guest *guest = data;
    const char *emulator = guest->emulator ? guest->emulator : "VH_QEMU";
    g_autofree char *module = NULL, *seed = g_strdup_printf("%u", g_test_rand_int());
    g_autoptr(GPtrArray) options = new_options();
    g_autoptr(JsonObject) result = NULL;

    if (lacks(emulator, "no patched QEMU: tools/qemu-build makes one; VH_QEMU and, for version "
                        "10.0, VH_QEMU_10 name it") ||
        (!guest->stock && !(module = module_path(guest->kernel))))
        return;
    add(options, "--emulator", g_getenv(emulator));
    add(options, "--seed", seed);
    add(options, "--time", g_getenv("VH_TEST_LONG") ? LONG_SECONDS : SHORT_SECONDS);
    add(options, "--vcpus", guest->vcpus);
    add(options, "--kernel", guest->kernel);
    add(options, "--kernel-args", guest->kernel_args);
    if (guest->memory)
        add(options, guest->memory, NULL);
    if (module)
        add(options, "--module", module);
    else /* which gives too little back at a time to keep every process of a squeezed guest */
        add(options, "--without", "squeeze");
    g_assert_cmpint(run(options, &result), ==, WELL);
    assert_all_done(result);
}

/*
 * A fault may take the guest's kernel with it before one of its programs can say so: then another
 * seed decides. That it is found by what was verified, too, is what has to be seen once.
 */
static void assert_found(const char *emulator, const char *module, const char *memory)
{
    for (guint seed = 1; seed <= FAULT_TRIES; seed++) {
        g_autofree char *text = g_strdup_printf("%u", seed);
        g_autoptr(GPtrArray) options = new_options();
        g_autoptr(JsonObject) result = NULL;
        int status;

        add(options, "--seed", text);
        add(options, "--time", FAULT_SECONDS);
        add(options, "--only", "pass");
        add(options, "--emulator", emulator);
        add(options, "--module", module);
        add(options, "--memory", "512MiB");
        if (memory)
            add(options, memory, NULL);
        status = run(options, &result);
        if (status == CORRUPTED)
            return;
        g_assert_cmpint(status, ==, BROKEN);
    }
    g_test_fail_printf("%d runs, and what is corrupted was not found", FAULT_TRIES);
}

static void finds_a_hasty_driver(gconstpointer memory)
{
    g_autofree char *module = NULL;

    if (!lacks_qemu() && (module = module_path("6.1-early-putback")))
        assert_found(g_getenv("VH_QEMU"), module, memory);
}

static void finds_a_hasty_device(gconstpointer memory)
{
    g_autofree char *module = NULL;

    if (!lacks("VH_QEMU_EARLY_ACK", "no QEMU with the planted fault: tools/test builds it") &&
        (module = module_path("6.1")))
        assert_found(g_getenv("VH_QEMU_EARLY_ACK"), module, memory);
}

/* What is not known is refused before anything is started. */
static void refuses_what_it_does_not_know(void)
{
    static const char *const wrong[][2] = {
        {"--only", "passes"}, {"--without", "pass,fill"}, {"--only", "fork"},
        {"--time", "0"},      {"--vcpus", "65"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        const char *argv[] = {g_getenv("VIRTHINT_LAB"), "stress", wrong[i][0], wrong[i][1], NULL};
        g_autofree char *err = NULL;
        g_autoptr(GError) error = NULL;
        int status;

        g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &err,
                     &status, &error);
        g_assert_no_error(error);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 125);
        g_assert_nonnull(strstr(err, wrong[i][0]));
    }
}

static void add_guests(const Guest *first, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/stress/loses-nothing/%s", first[i].name);

        g_test_add_data_func(path, &first[i], loses_nothing);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stress/refuses-what-it-does-not-know", refuses_what_it_does_not_know);
    g_test_add_data_func("/stress/finds-a-hasty-driver/anonymous", NULL, finds_a_hasty_driver);
    g_test_add_data_func("/stress/finds-a-hasty-driver/memfd", "--memfd", finds_a_hasty_driver);
    g_test_add_data_func("/stress/finds-a-hasty-device/anonymous", NULL, finds_a_hasty_device);
    g_test_add_data_func("/stress/finds-a-hasty-device/memfd", "--memfd", finds_a_hasty_device);
    add_guests(guests, G_N_ELEMENTS(guests));
    if (g_getenv("VH_TEST_LONG"))
        add_guests(long_guests, G_N_ELEMENTS(long_guests));
    return g_test_run();
}
