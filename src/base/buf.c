/* buf.c - growable text, and numbers to and from text whatever the program's locale. */
#include "base/buf.h"
#include "base/mem.h"

#include <locale.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t c_locale;

static void make_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Switches this thread to the C locale, where the decimal point is a point. */
static locale_t enter_c_locale(void)
{
    (void)pthread_once(&locale_once, make_locale);
    return c_locale == (locale_t)0 ? (locale_t)0 : uselocale(c_locale);
}

static void leave_c_locale(locale_t before)
{
    if (before != (locale_t)0)
        (void)uselocale(before);
}

char *mwn_text_begin(char *text)
{
    return text + (strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
}

bool mwn_text_real(const char *text, double *out)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0')
        return false;
    char *end = NULL;
    locale_t before = enter_c_locale();
    double value = strtod(text, &end);
    leave_c_locale(before);
    if (end == text || *end != '\0')
        return false;
    *out = value;
    return true;
}

/* Makes room for `more` bytes and a zero byte. */
static bool reserve(struct mwn_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more > (size_t)PTRDIFF_MAX / 2 - buf->size - 1) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->size + more + 1;
    if (need <= buf->room)
        return true;
    size_t room = buf->room + buf->room / 2 + 64;
    if (room < need)
        room = need;
    char *text = mwn_resize(buf->text, room, 1);
    if (text == NULL) {
        buf->failed = true;
        return false;
    }
    buf->text = text;
    buf->room = room;
    return true;
}

void mwn_buf_add(struct mwn_buf *buf, const void *bytes, size_t size)
{
    if (!reserve(buf, size))
        return;
    if (size > 0)
        memcpy(buf->text + buf->size, bytes, size);
    buf->size += size;
    buf->text[buf->size] = '\0';
}

void mwn_buf_printf(struct mwn_buf *buf, const char *format, ...)
{
    va_list args, again;
    locale_t before = enter_c_locale();
    va_start(args, format);
    va_copy(again, args);
    char small[256];
    int size = vsnprintf(small, sizeof(small), format, args);
    if (size < 0) {
        buf->failed = true;
    } else if ((size_t)size < sizeof(small)) {
        mwn_buf_add(buf, small, (size_t)size);
    } else if (reserve(buf, (size_t)size)) {
        (void)vsnprintf(buf->text + buf->size, (size_t)size + 1, format, again);
        buf->size += (size_t)size;
    }
    va_end(again);
    va_end(args);
    leave_c_locale(before);
}

char *mwn_buf_take(struct mwn_buf *buf)
{
    mwn_buf_add(buf, "", 0);
    char *text = buf->failed ? NULL : buf->text;
    if (text == NULL)
        mwn_free(buf->text);
    *buf = (struct mwn_buf){0};
    return text;
}

void mwn_buf_release(struct mwn_buf *buf)
{
    if (buf == NULL)
        return;
    mwn_free(buf->text);
    *buf = (struct mwn_buf){0};
}
