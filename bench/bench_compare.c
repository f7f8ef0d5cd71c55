/* bench_compare.c - what has become slower between two files that mwnet bench --json wrote.
 *
 *   bench_compare OLD.json NEW.json
 *
 * A file may hold the objects of several runs one after the other: then medians are compared,
 * and the noise is the range of a value over the runs, as a share of its median, the larger one
 * of the two files. It is at least NOISE_LEAST, and NOISE_UNKNOWN where a file has one run only.
 * Exit code 0: nothing is worse by more than the noise; 1: something is; 2: usage; 3: a file is
 * not what mwnet bench writes; 4: it cannot be read. */
#include "base/base.h"
#include "base/file.h"
#include "base/sort.h"
#include "base/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 200, FILE_LIMIT = 64 << 20 };
static const double noise_least = 0.02, noise_unknown = 0.05;

struct runs {
    const char *path;
    json_t *root[RUNS_MAX]; /* owned */
    size_t count;
};

/* A value over the runs of a file. */
struct figure {
    double median, range;
    size_t count; /* of runs that have it */
};

struct tally {
    size_t rows, worse, better;
};

static void runs_release(struct runs *runs)
{
    for (size_t i = 0; i < runs->count; i++)
        json_decref(runs->root[i]);
    runs->count = 0;
}

static mwn_status not_a_report(const struct runs *runs, const char *problem,
                               struct mwn_error *err)
{
    mwn_fail(err, MWN_ERR_DATA, "%s: object %zu: %s", runs->path, runs->count + 1, problem);
    return mwn_hint(err, "'mwnet bench --json >> FILE' writes such a file");
}

static mwn_status add_run(struct runs *runs, json_t *root, struct mwn_error *err)
{
    if (!json_is_string(json_object_get(root, "version"))) {
        json_decref(root);
        return not_a_report(runs, "it has no \"version\", as a benchmark's has", err);
    }
    if (runs->count == RUNS_MAX) {
        json_decref(root);
        return mwn_fail(err, MWN_ERR_DATA, "%s: more than %d runs", runs->path, RUNS_MAX);
    }
    runs->root[runs->count++] = root;
    return MWN_OK;
}

static mwn_status read_runs(struct runs *runs, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_bytes bytes = {0};
    MWN_TRY(mwn_file_read(runs->path, FILE_LIMIT, &bytes, err));
    const char *text = (const char *)bytes.data, *end = text + bytes.size;
    for (text += strspn(text, " \t\r\n"); text < end; text += strspn(text, " \t\r\n")) {
        json_error_t problem;
        json_t *root =
            json_loadb(text, (size_t)(end - text), JSON_DISABLE_EOF_CHECK, &problem);
        if (!root) {
            status = not_a_report(runs, problem.text, err);
            goto out;
        }
        MWN_TRY(add_run(runs, root, err));
        text += problem.position;
    }
    if (runs->count == 0)
        status = mwn_fail(err, MWN_ERR_DATA, "%s: the file is empty", runs->path);
out:
    mwn_bytes_release(&bytes);
    return status;
}

static struct figure figure_of(const struct runs *runs, const char *net, const char *key)
{
    double values[RUNS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < runs->count; i++) {
        json_t *value = json_object_get(json_object_get(runs->root[i], net), key);
        if (json_is_number(value) && json_number_value(value) > 0)
            values[n++] = json_number_value(value);
    }
    if (n == 0)
        return (struct figure){0};
    double median = mwn_median(n, values);
    return (struct figure){median, (values[n - 1] - values[0]) / median, n};
}

static bool ends_with(const char *key, const char *end)
{
    size_t length = strlen(key), tail = strlen(end);
    return length >= tail && strcmp(key + length - tail, end) == 0;
}

/* 1: more of it is better, -1: less is, 0: neither. */
static int direction_of(const char *key)
{
    static const char *const less[] = {"_seconds", "_mb"};
    static const char *const more[] = {"peak_share", "speedup", "samples_per_second",
                                       "gflops"};
    for (size_t i = 0; i < MWN_COUNT(less); i++)
        if (ends_with(key, less[i]))
            return -1;
    for (size_t i = 0; i < MWN_COUNT(more); i++)
        if (ends_with(key, more[i]))
            return 1;
    return 0;
}

static double noise_of(struct figure before, struct figure after)
{
    double least = before.count > 1 && after.count > 1 ? noise_least : noise_unknown;
    double range = before.range > after.range ? before.range : after.range;
    return range > least ? range : least;
}

static void compare_key(const struct runs files[2], const char *net, const char *key,
                        struct tally *tally)
{
    int direction = direction_of(key);
    struct figure before = figure_of(&files[0], net, key);
    struct figure after = figure_of(&files[1], net, key);
    if (direction == 0 || before.count == 0 || after.count == 0)
        return;
    double ratio = after.median / before.median, noise = noise_of(before, after);
    bool worse = direction > 0 ? ratio < 1 - noise : ratio > 1 + noise;
    bool better = direction > 0 ? ratio > 1 + noise : ratio < 1 - noise;
    printf("%-10s %-25s %12.6g %12.6g %7.3f %6.1f %%%s\n", net, key, before.median,
           after.median, ratio, 100 * noise,
           worse    ? "  WORSE"
           : better ? "  better"
                    : "");
    tally->rows++;
    tally->worse += worse;
    tally->better += better;
}

/* Networks and keys in the order of the new file's last run, which has them all. */
static struct tally compare(const struct runs files[2])
{
    struct tally tally = {0};
    json_t *newest = files[1].root[files[1].count - 1];
    const char *net = NULL, *key = NULL;
    json_t *object = NULL, *value = NULL;
    json_object_foreach(newest, net, object)
    {
        json_object_foreach(object, key, value)
        {
            compare_key(files, net, key, &tally);
        }
    }
    return tally;
}

/* The speed of the machine, which is not of our making. */
static void print_file(const char *name, const struct runs *runs)
{
    double least = 0, most = 0;
    for (size_t i = 0; i < runs->count; i++) {
        double peak = json_number_value(json_object_get(runs->root[i], "fma_peak_gflops"));
        least = i == 0 || peak < least ? peak : least;
        most = peak > most ? peak : most;
    }
    printf("%s: %s, %zu run%s, FMA peak %.0f to %.0f GFLOP/s\n", name, runs->path,
           runs->count, runs->count == 1 ? "" : "s", least, most);
}

static mwn_status run(struct runs files[2], struct tally *tally, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(read_runs(&files[0], err));
    MWN_TRY(read_runs(&files[1], err));
    print_file("old", &files[0]);
    print_file("new", &files[1]);
    printf("\n%-36s %12s %12s %7s %8s\n", "", "old", "new", "new/old", "noise");
    *tally = compare(files);
    if (tally->rows == 0)
        return mwn_fail(err, MWN_ERR_DATA, "%s and %s have no measurement in common",
                        files[0].path, files[1].path);
    printf("\n%zu worse, %zu better, %zu within the noise\n", tally->worse, tally->better,
           tally->rows - tally->worse - tally->better);
out:
    return status;
}

int main(int argc, char **argv)
{
    struct mwn_error err = {0};
    struct tally tally = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: bench_compare OLD.json NEW.json\n");
        return MWN_ERR_CONFIG;
    }
    struct runs files[2] = {{.path = argv[1]}, {.path = argv[2]}};
    mwn_status status = run(files, &tally, &err);
    if (status != MWN_OK)
        fprintf(stderr, "bench_compare: %s%s%s\n", err.text, err.hint[0] ? "\nhint: " : "",
                err.hint);
    runs_release(&files[0]);
    runs_release(&files[1]);
    return status == MWN_OK ? tally.worse > 0 : (int)status;
}
