/* cmd_fetch.c - mwnet fetch: brings a published data set. */
#include "cmd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIR_SIZE = 4096 };

/* The line on stderr. */
struct line {
    bool quiet, is_terminal;
    double last; /* seconds of the fetch when it was written last */
    char phase[16];
    size_t number;
};

static void print_line(const struct mwn_fetch_progress *now)
{
    char have[32], all[32], rate[32], time[32];
    if (now->files > 1)
        fprintf(stderr, "%zu/%zu ", now->number, now->files);
    fprintf(stderr, "%s  %s", now->file, now->phase);
    if (now->bytes > 0 || now->total > 0)
        fprintf(stderr, "  %s", say_bytes((double)now->bytes, have));
    if (now->total > 0)
        fprintf(stderr, " of %s (%.0f %%)", say_bytes((double)now->total, all),
                100 * (double)now->bytes / (double)now->total);
    if (now->bytes_per_second > 0)
        fprintf(stderr, "  %s/s", say_bytes(now->bytes_per_second, rate));
    if (now->eta_seconds >= 0)
        fprintf(stderr, "  ETA %s", say_seconds(now->eta_seconds, time));
}

/* Writes a line a few times a second on a terminal, seldom elsewhere; at once when there is
 * something new to say. */
static int step(const struct mwn_fetch_progress *now, void *user)
{
    struct line *line = user;
    double interval = line->is_terminal ? 0.2 : 10;
    bool is_new = strcmp(line->phase, now->phase) != 0 || line->number != now->number;
    if (!line->quiet && (is_new || now->seconds - line->last >= interval)) {
        line->last = now->seconds;
        line->number = now->number;
        snprintf(line->phase, sizeof(line->phase), "%s", now->phase);
        fprintf(stderr, "%s", line->is_terminal ? "\r" : "");
        print_line(now);
        fprintf(stderr, "%s", line->is_terminal ? "\033[K" : "\n");
        fflush(stderr);
    }
    return progress_signal() != 0;
}

static int print_json(const char *name, const char *dir,
                      const struct mwn_fetch_result *result)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:f}", "name", name, "dir", dir, "reader",
                  result->reader, "files", (json_int_t)result->files, "fetched",
                  (json_int_t)result->fetched, "bytes", (json_int_t)result->bytes,
                  "seconds", result->seconds);
    char *text =
        object ? json_dumps(object, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(4)) : NULL;
    if (text)
        printf("%s\n", text);
    free(text);
    json_decref(object);
    return text ? 0 : MWN_ERR_RUNTIME;
}

static void print_text(const char *name, const char *dir,
                       const struct mwn_fetch_result *result)
{
    char bytes[32], time[32];
    if (result->fetched == 0)
        printf("%s is in %s already, and right: nothing to do.\n", name, dir);
    else
        printf("%s is in %s (%s in %s).\n", name, dir,
               say_bytes((double)result->bytes, bytes), say_seconds(result->seconds, time));
    printf("What now:\n  mwnet inspect %s\n  mwnet train RECIPE data.reader=%s "
           "data.path=%s\n",
           dir, result->reader, dir);
}

static int fetch(const struct args *args)
{
    struct mwn_error err = {0};
    struct mwn_fetch_result result = {0};
    struct line line = {.quiet = args->quiet, .is_terminal = isatty(STDERR_FILENO) == 1};
    const struct mwn_fetch_options options = {
        .from = args->from,
        .sums = args->sums,
        .retries = args->retries,
        .progress = step,
        .user = &line,
    };
    char usual[DIR_SIZE];

    if (args->words < 1 || args->words > 2 || args->settings > 0)
        return (int)say_usage("fetch", "name one data set, and a folder if you like; "
                                       "'mwnet list datasets' shows them");
    const char *name = args->word[0], *dir = args->word[1];
    if (!dir) {
        snprintf(usual, sizeof(usual), "data/%s", name);
        dir = usual;
    }
    progress_watch_signals();
    progress_catch_signals();
    mwn_status status = mwn_fetch(name, dir, &options, &result, &err);
    if (!line.quiet && line.is_terminal && line.number > 0)
        fprintf(stderr, "\r\033[K");
    if (status != MWN_OK)
        return say_stopped(&err);
    if (args->json)
        return print_json(name, dir, &result);
    print_text(name, dir, &result);
    return 0;
}

const struct cmd cmd_fetch = {
    .name = "fetch",
    .summary = "bring a published data set",
    .help =
        "Usage: mwnet fetch NAME [DIR]\n"
        "\n"
        "Brings a data set that 'mwnet list datasets' names into the folder DIR (default:\n"
        "data/NAME), checks it against its published checksum and unpacks it. What is "
        "there\n"
        "and right is left alone; what was broken off goes on where it ended. A proxy is "
        "named\n"
        "by the variables https_proxy and http_proxy.\n"
        "\n"
        "Options\n"
        "  --from URL         another server's folder with the files, or file:///DIR\n"
        "  --sums FILE        checksums as sha256sum or md5sum writes them, for files that "
        "were\n"
        "                     packed anew\n"
        "  --retries N        attempts in a row that bring nothing new before it gives up "
        "(default: 4)\n"
        "  --json             the last line on stdout is a JSON object\n"
        "  -q, --quiet        no progress on stderr\n"
        "  -h, --help         this text\n"
        "\n"
        "Example\n"
        "  mwnet fetch cifar10\n",
    .flags = (const char *const[]){"from", "sums", "retries", "quiet", NULL},
    .run = fetch,
};
