/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Implements guard.h: our own open() and the like in front of libc's, and libxml2's allocator. */
/* both names of open() are wanted, each for itself */
#undef _FILE_OFFSET_BITS

#include "guard.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A node takes some hundred bytes and can be written in four, and there are up to three documents
 * at once; what entities blow up takes thousands for each. */
#define BASE_BYTES ((size_t)1 << 20)
#define BYTES_PER_BYTE 600

static gboolean is_up;
static size_t live_bytes, limit_bytes;

static void refuse(const char *what)
{
    if (!is_up)
        return;
    is_up = FALSE;
    fprintf(stderr, "guard: %s while input is read\n", what);
    abort();
}

/* ---- files and sockets ---- */

static int open_file(int folder, const char *path, int flags, mode_t mode)
{
    refuse("a file is opened");
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

static mode_t mode_of(int flags, va_list arguments)
{
    return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                             \
    int name(const char *path, int flags, ...);                                       \
    __attribute__((visibility("default"))) int name(const char *path, int flags, ...) \
    {                                                                                 \
        va_list arguments;                                                            \
        va_start(arguments, flags);                                                   \
        mode_t mode = mode_of(flags, arguments);                                      \
        va_end(arguments);                                                            \
        return open_file(AT_FDCWD, path, flags, mode);                                \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_FOPEN(name)                                                                \
    FILE *name(const char *path, const char *mode);                                       \
    __attribute__((visibility("default"))) FILE *name(const char *path, const char *mode) \
    {                                                                                     \
        static FILE *(*real)(const char *, const char *);                                 \
        refuse("a file is opened");                                                       \
        if (!real)                                                                        \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                    \
        return real(path, mode);                                                          \
    }
DEFINE_FOPEN(fopen)
DEFINE_FOPEN(fopen64)

int socket(int domain, int type, int protocol);
__attribute__((visibility("default"))) int socket(int domain, int type, int protocol)
{
    refuse("a socket is opened");
    return (int)syscall(SYS_socket, domain, type, protocol);
}

/* ---- libxml2's memory ---- */

static void *count(void *memory)
{
    live_bytes += malloc_usable_size(memory);
    if (live_bytes > limit_bytes)
        refuse("more memory than the input's length allows is taken");
    return memory;
}

static void uncount(void *memory)
{
    size_t bytes = malloc_usable_size(memory);

    live_bytes -= MIN(bytes, live_bytes);
}

static void count_free(void *memory)
{
    uncount(memory);
    free(memory);
}

static void *count_malloc(size_t size)
{
    return count(malloc(size));
}

static void *count_realloc(void *memory, size_t size)
{
    uncount(memory);
    return count(realloc(memory, size));
}

static char *count_strdup(const char *text)
{
    return count(strdup(text));
}

/* ---- the guard ---- */

void fuzz_guard_up(size_t size)
{
    static gboolean is_set;

    if (!is_set) {
        limit_bytes = SIZE_MAX;
        xmlMemSetup(count_free, count_malloc, count_realloc, count_strdup);
        xmlInitParser();
        is_set = TRUE;
    }
    limit_bytes = live_bytes + BASE_BYTES + size * BYTES_PER_BYTE;
    is_up = TRUE;
}

void fuzz_guard_down(void)
{
    is_up = FALSE;
    limit_bytes = SIZE_MAX;
}

static void note_doctype(void *data, const xmlChar *name, const xmlChar *public,
                         const xmlChar *system)
{
    *(gboolean *)data = TRUE;
}

gboolean fuzz_guard_has_doctype(const char *xml)
{
    xmlSAXHandler handler = {.internalSubset = note_doctype};
    gboolean has_doctype = FALSE;

    (void)xmlSAXUserParseMemory(&handler, &has_doctype, xml, (int)strlen(xml));
    return has_doctype;
}

void fuzz_guard_check_error(const GError *error)
{
    g_assert_nonnull(error);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    g_assert_null(strpbrk(error->message, "\n\r\033"));
    g_assert_cmpuint(strlen(error->message), >, 0);
    g_assert_cmpuint(strlen(error->message), <, 1000);
}
