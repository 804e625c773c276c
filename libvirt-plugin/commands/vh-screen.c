/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plain ANSI sequences, which every terminal of today knows, and termios for the keys. */
#include "vh-screen.h"

#include "vh-loop.h"
#include "vh-text.h"

#include <termios.h>
#include <unistd.h>

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

struct VhScreen {
    const VhOutput *output;
    GCancellable *quit;
    struct termios before;
    gboolean has_before;
    GSource *keys; /* NULL: there are none */
};

static gboolean take_key(int fd, GIOCondition condition, gpointer data)
{
    VhScreen *screen = data;
    char key;

    if (read(fd, &key, 1) == 1 && key != 'q' && key != 'Q')
        return G_SOURCE_CONTINUE;
    g_cancellable_cancel(screen->quit);
    return G_SOURCE_REMOVE;
}

static void watch_keys(VhScreen *screen)
{
    int fd = screen->output->input_fd;
    struct termios raw;

    if (fd < 0 || tcgetattr(fd, &screen->before) != 0)
        return;
    screen->has_before = TRUE;
    raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* ISIG stays: Ctrl-C is a signal */
    tcsetattr(fd, TCSANOW, &raw);
    screen->keys = vh_loop_add_fd(fd, G_IO_IN | G_IO_HUP, take_key, screen);
}

VhScreen *vh_screen_new(const VhOutput *output, GCancellable *quit)
{
    VhScreen *screen = g_new0(VhScreen, 1);

    screen->output = output;
    screen->quit = g_object_ref(quit);
    watch_keys(screen);
    output->write(FALSE, ENTER, output->data);
    return screen;
}

void vh_screen_draw(VhScreen *screen, const char *text)
{
    g_autofree char *harmless = vh_text_harmless(text);
    g_auto(GStrv) lines = g_strsplit(harmless, "\n", -1);
    g_autoptr(GString) frame = g_string_new(HOME);
    guint rows = screen->output->height;

    for (guint i = 0; lines[i] != NULL && (rows == 0 || i < rows); i++) {
        if (i != 0)
            g_string_append(frame, "\r\n");
        g_string_append_printf(frame, "%s" CLEAR_LINE, lines[i]);
    }
    g_string_append(frame, CLEAR_REST);
    screen->output->write(FALSE, frame->str, screen->output->data);
}

void vh_screen_free(VhScreen *screen)
{
    if (screen == NULL)
        return;
    vh_loop_remove(&screen->keys);
    if (screen->has_before)
        tcsetattr(screen->output->input_fd, TCSANOW, &screen->before);
    screen->output->write(FALSE, LEAVE, screen->output->data);
    g_object_unref(screen->quit);
    g_free(screen);
}
