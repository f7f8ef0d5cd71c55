/* say.c - errors, numbers and the last check of stdout. */
#include "cmd.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool wants_json;

void say_set_json(bool json)
{
    wants_json = json;
}

static void print_json_error(const struct mwn_error *err)
{
    json_t *object = json_pack("{s:i, s:s, s:s}", "status", (int)err->status, "error",
                               err->text, "hint", err->hint);
    char *text = object ? json_dumps(object, JSON_PRESERVE_ORDER) : NULL;
    if (text)
        printf("%s\n", text);
    free(text);
    json_decref(object);
}

int say_error(const struct mwn_error *err)
{
    fprintf(stderr, "mwnet: %s\n", err->text);
    if (err->hint[0])
        fprintf(stderr, "hint: %s\n", err->hint);
    if (wants_json)
        print_json_error(err);
    return (int)err->status;
}

int say_stopped(const struct mwn_error *err)
{
    int code = say_error(err);
    bool terminated = err->status == MWN_INTERRUPTED && progress_signal() == SIGTERM;
    return terminated ? 128 + SIGTERM : code;
}

mwn_status say_usage(const char *command, const char *format, ...)
{
    struct mwn_error err = {.status = MWN_ERR_CONFIG};
    va_list list;
    va_start(list, format);
    vsnprintf(err.text, sizeof(err.text), format, list);
    va_end(list);
    snprintf(err.hint, sizeof(err.hint), "'mwnet help %s' shows the usage", command);
    say_error(&err);
    return err.status;
}

const char *say_seconds(double seconds, char out[32])
{
    long whole = seconds < 0 || seconds > 1e12 ? 0 : (long)(seconds + 0.5);
    if (whole < 60)
        snprintf(out, 32, "%ld s", whole);
    else if (whole < 3600)
        snprintf(out, 32, "%ld:%02ld", whole / 60, whole % 60);
    else
        snprintf(out, 32, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    return out;
}

const char *say_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out, 32, "%.*f %s", unit > 0 && bytes < 10 ? 1 : 0, bytes, units[unit]);
    return out;
}

int say_finish(int code)
{
    errno = 0;
    bool failed = fflush(stdout) != 0;
    failed = ferror(stdout) || failed;
    if (!failed)
        return code;
    fprintf(stderr, "mwnet: standard output: cannot write: %s\n",
            errno ? strerror(errno) : "an earlier write failed");
    return code == 0 ? MWN_ERR_IO : code;
}
