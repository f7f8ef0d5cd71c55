/* inspect.c - what is in data before anything is trained on it: classes, sizes, ranges, equal
 * samples, and what would go wrong. */
#include "base/base.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/ids_file.h"
#include "data/split.h"
#include "train/config.h"
#include "train/inspect.h"
#include "train/json_writer.h"
#include "train/run.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { EXAMPLES = 3, CLASSES_NAMED = 10, CONSTANTS_NAMED = 20, DECODED_MOST = 20000 };

struct inspection {
    struct mwn_settings settings; /* owned */
    bool guessed;
    struct mwn_source sources[MWN_INSPECT_PARTS]; /* owned, by part; n = 0: there is none */
    const char *paths[MWN_INSPECT_PARTS];         /* of them; borrowed                    */
    size_t *count;                                /* owned [most classes]                 */
    struct mwn_equals *equals;                    /* owned                                */
    struct mwn_json json, problems;
};

static void inspection_release(struct inspection *in)
{
    for (int p = 0; p < MWN_INSPECT_PARTS; p++)
        mwn_source_close(&in->sources[p]);
    if (in->settings.method)
        mwn_settings_release(&in->settings);
    mwn_free(in->count);
    mwn_free(in->equals);
    mwn_json_release(&in->json);
    mwn_json_release(&in->problems);
}

/* One more sentence of the list of problems. */
__attribute__((format(printf, 2, 3))) static void add_problem(struct inspection *in,
                                                              const char *format, ...)
{
    char text[600];
    va_list list;
    va_start(list, format);
    (void)vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    mwn_json_text(&in->problems, NULL, text);
}

/* ---- Opening ------------------------------------------------------------------------- */

/* The training part has to be readable; what is wrong with another one is a problem to tell. */
static mwn_status open_parts(struct inspection *in, struct mwn_error *err)
{
    const struct mwn_data_options *data = &in->settings.data;
    const char *const paths[] = {
        [MWN_PART_TRAIN] = data->path,
        [MWN_PART_TEST] = data->test,
        [MWN_PART_META] = data->meta,
        [MWN_PART_VALID] = data->valid,
    };
    for (int p = 0; p < MWN_INSPECT_PARTS; p++) {
        struct mwn_error problem = {0};
        struct mwn_source *train = &in->sources[MWN_PART_TRAIN];
        const struct mwn_request request = {
            .options = data,
            .part = (enum mwn_part)p,
            .schema = p == MWN_PART_TRAIN ? NULL : train->schema,
        };
        in->paths[p] = paths[p] && *paths[p] ? paths[p] : data->path;
        if (p != MWN_PART_TRAIN && !mwn_source_has(data, request.part))
            continue;
        mwn_status status = mwn_source_open(&in->sources[p], &request, &problem);
        if (status == MWN_OK)
            continue;
        if (p == MWN_PART_TRAIN || status == MWN_ERR_MEMORY) {
            mwn_fail(err, status, "%s", problem.text);
            return problem.hint[0] ? mwn_hint(err, "%s", problem.hint) : status;
        }
        add_problem(in, "%s part: %s", mwn_part_name(request.part), problem.text);
    }
    return MWN_OK;
}

static mwn_status open_all(struct inspection *in, const mwn_config *config,
                           struct mwn_error *err)
{
    mwn_status status;
    int classes = 1;
    MWN_TRY(mwn_settings_resolve(&in->settings, config, err));
    in->guessed = strcmp(in->settings.data.reader, "auto") == 0;
    MWN_TRY(mwn_settings_find_reader(&in->settings, err));
    MWN_TRY(open_parts(in, err));
    for (int p = 0; p < MWN_INSPECT_PARTS; p++)
        if (in->sources[p].classes > classes)
            classes = in->sources[p].classes;
    in->count = mwn_alloc((size_t)classes, sizeof(*in->count));
    in->equals = mwn_alloc(1, sizeof(*in->equals));
    if (!in->count || !in->equals)
        return mwn_fail_memory(err, (size_t)classes * sizeof(*in->count), "a report");
out:
    return status;
}

/* ---- Parts --------------------------------------------------------------------------- */

static void add_id(struct mwn_json *json, const struct mwn_source *source, size_t i)
{
    if (source->id)
        mwn_json_text(json, NULL, source->id[i]);
    else
        mwn_json_size(json, NULL, i);
}

/* Numbers of classes with nothing (`most` = 0) or a single sample (1): "3, 7, 8 and 12 more". */
static size_t name_classes(const struct inspection *in, int classes, size_t most,
                           char *text, size_t room)
{
    size_t found = 0, used = 0;
    text[0] = '\0';
    for (int c = 0; c < classes; c++) {
        if (in->count[c] != most)
            continue;
        if (found < CLASSES_NAMED && used < room)
            used +=
                (size_t)snprintf(text + used, room - used, "%s%d", found ? ", " : "", c);
        found++;
    }
    if (found > CLASSES_NAMED && used < room)
        (void)snprintf(text + used, room - used, " and %zu more", found - CLASSES_NAMED);
    return found;
}

static void check_classes(struct inspection *in, int part)
{
    char text[160];
    const struct mwn_source *source = &in->sources[part];
    const char *name = mwn_part_name((enum mwn_part)part);
    int classes = in->sources[MWN_PART_TRAIN].classes;
    size_t found = name_classes(in, source->classes, 0, text, sizeof(text));
    if (found > 0)
        add_problem(in, "%zu of %d classes have no samples in the %s part: %s", found,
                    source->classes, name, text);
    found = name_classes(in, source->classes, 1, text, sizeof(text));
    if (part == MWN_PART_TRAIN && found > 0)
        add_problem(in,
                    "%zu of %d classes have a single training sample, which cannot be "
                    "divided: %s",
                    found, source->classes, text);
    if (source->classes > classes)
        add_problem(in, "the %s part has %d classes, the training part %d", name,
                    source->classes, classes);
}

static void add_classes(struct inspection *in, int part)
{
    const struct mwn_source *source = &in->sources[part];
    size_t most = 0, least = SIZE_MAX, unlabelled = 0;
    memset(in->count, 0, (size_t)source->classes * sizeof(*in->count));
    for (size_t i = 0; i < source->n; i++) {
        if (source->label[i] < 0)
            unlabelled++;
        else
            in->count[source->label[i]]++;
    }
    mwn_json_array(&in->json, "samples_of_class");
    for (int c = 0; c < source->classes; c++) {
        size_t n = in->count[c];
        mwn_json_size(&in->json, NULL, n);
        most = n > most ? n : most;
        least = n > 0 && n < least ? n : least;
    }
    mwn_json_end_array(&in->json);
    if (most > 0) {
        mwn_json_size(&in->json, "largest_class", most);
        mwn_json_size(&in->json, "smallest_class", least);
        mwn_json_real(&in->json, "imbalance", (double)most / (double)least, 4);
    }
    if (unlabelled > 0)
        mwn_json_size(&in->json, "unlabelled", unlabelled);
    check_classes(in, part);
}

static double value_at(const struct mwn_source *source, size_t i)
{
    if (source->type == MWN_SAMPLE_U8)
        return ((const unsigned char *)source->samples)[i];
    if (source->type == MWN_SAMPLE_F32)
        return (double)((const float *)source->samples)[i];
    return ((const double *)source->samples)[i];
}

/* Range of all numbers, and which features have one value only. */
static void add_range(struct inspection *in, int part)
{
    const struct mwn_source *source = &in->sources[part];
    size_t numbers = mwn_source_numbers(source), constant = 0;
    double low = (double)INFINITY, high = -(double)INFINITY, sum = 0;
    if (!source->samples)
        return;
    for (size_t i = 0; i < source->n * numbers; i++) {
        double value = value_at(source, i);
        low = value < low ? value : low;
        high = value > high ? value : high;
        sum += value;
    }
    mwn_json_real(&in->json, "min", low, 6);
    mwn_json_real(&in->json, "max", high, 6);
    mwn_json_real(&in->json, "mean", sum / (double)(source->n * numbers), 6);
    if (source->shape.h > 1 || source->shape.w > 1)
        return;
    mwn_json_array(&in->json, "constant_features");
    for (size_t f = 0; f < numbers; f++) {
        size_t i = 1;
        while (i < source->n && value_at(source, i * numbers + f) == value_at(source, f))
            i++;
        if (i < source->n)
            continue;
        if (constant++ < CONSTANTS_NAMED)
            mwn_json_size(&in->json, NULL, f);
    }
    mwn_json_end_array(&in->json);
    if (constant > 0 && part == MWN_PART_TRAIN && source->n > 1)
        add_problem(in, "%zu of %zu features have the same value in every training sample",
                    constant, numbers);
}

static size_t source_memory(const struct mwn_source *source)
{
    size_t sample = sizeof(*source->label) + (source->weight ? sizeof(float) : 0) +
                    (source->mark ? 1 : 0) +
                    (source->samples ? mwn_source_stride(source) : 0);
    size_t bytes = source->n * sample;
    for (size_t i = 0; source->id && i < source->n; i++)
        bytes += strlen(source->id[i]) + 1 + sizeof(char *);
    return bytes;
}

static void add_extras(struct inspection *in, const struct mwn_source *source)
{
    if (source->skipped > 0)
        mwn_json_size(&in->json, "skipped", source->skipped);
    if (source->mark) {
        size_t marked = 0;
        for (size_t i = 0; i < source->n; i++)
            marked += source->mark[i] != 0;
        mwn_json_size(&in->json, "checked", marked);
    }
    if (source->weight && source->n > 0) {
        double low = (double)source->weight[0], high = low;
        for (size_t i = 0; i < source->n; i++) {
            double value = (double)source->weight[i];
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        mwn_json_real(&in->json, "min_weight", low, 6);
        mwn_json_real(&in->json, "max_weight", high, 6);
    }
}

/* Loads samples that are decoded on demand, evenly spread over the part, and tells which cannot
 * be. */
static mwn_status check_decoding(struct inspection *in, int part, struct mwn_error *err)
{
    const struct mwn_source *source = &in->sources[part];
    size_t n = source->n < DECODED_MOST ? source->n : DECODED_MOST, damaged = 0;
    if (source->samples || n == 0)
        return MWN_OK;
    unsigned char *failed = mwn_alloc(n, 1);
    size_t stride = mwn_source_stride(source);
    if (!failed)
        return mwn_fail_memory(err, n, "a check of the samples");
#pragma omp parallel
    {
        void *work = mwn_alloc(stride, 1);
#pragma omp for schedule(dynamic, 16)
        for (size_t i = 0; i < n; i++)
            failed[i] = !work || source->reader->load(source, i * source->n / n, NULL, work,
                                                      NULL) != MWN_OK;
        mwn_free(work);
    }
    void *work = mwn_alloc(stride, 1);
    for (size_t i = 0; i < n && work; i++) {
        struct mwn_error problem = {0};
        if (!failed[i])
            continue;
        if (source->reader->load(source, i * source->n / n, NULL, work, &problem) == MWN_OK)
            continue;
        if (damaged++ < MWN_INSPECT_SHOWN)
            add_problem(in, "%s", problem.text);
    }
    if (damaged > MWN_INSPECT_SHOWN)
        add_problem(in, "%zu more samples of the %s part cannot be decoded",
                    damaged - MWN_INSPECT_SHOWN, mwn_part_name((enum mwn_part)part));
    mwn_json_size(&in->json, "decoded", n);
    mwn_json_size(&in->json, "damaged", damaged);
    mwn_free(failed);
    if (!work)
        return mwn_fail_memory(err, stride, "a sample");
    mwn_free(work);
    return MWN_OK;
}

static mwn_status add_part(struct inspection *in, int part, struct mwn_error *err)
{
    mwn_status status;
    const struct mwn_source *source = &in->sources[part];
    mwn_json_object(&in->json, NULL);
    mwn_json_text(&in->json, "name", mwn_part_name((enum mwn_part)part));
    mwn_json_text(&in->json, "path", in->paths[part]);
    mwn_json_size(&in->json, "samples", source->n);
    add_extras(in, source);
    add_classes(in, part);
    add_range(in, part);
    status = check_decoding(in, part, err);
    mwn_json_size(&in->json, "copies", in->equals->copies[part]);
    mwn_json_size(&in->json, "memory", source_memory(source));
    mwn_json_end_object(&in->json);
    if (source->skipped > 0)
        add_problem(in, "%zu damaged samples of the %s part are left out", source->skipped,
                    mwn_part_name((enum mwn_part)part));
    return status;
}

/* ---- All parts ----------------------------------------------------------------------- */

static void add_head(struct inspection *in)
{
    static const char *const types[] = {"uint8", "float32", "float64"};
    const struct mwn_source *source = &in->sources[MWN_PART_TRAIN];
    size_t memory = 0;
    mwn_json_text(&in->json, "path", in->settings.data.path);
    mwn_json_text(&in->json, "reader", in->settings.data.reader);
    mwn_json_bool(&in->json, "guessed", in->guessed);
    mwn_json_array(&in->json, "sample");
    mwn_json_int(&in->json, NULL, source->shape.c);
    mwn_json_int(&in->json, NULL, source->shape.h);
    mwn_json_int(&in->json, NULL, source->shape.w);
    mwn_json_end_array(&in->json);
    mwn_json_text(&in->json, "type", types[source->type]);
    mwn_json_bool(&in->json, "on_demand", !source->samples);
    mwn_json_int(&in->json, "classes", source->classes);
    for (int p = 0; p < MWN_INSPECT_PARTS; p++)
        memory += source_memory(&in->sources[p]);
    mwn_json_size(&in->json, "memory", memory);
    if (source->schema)
        mwn_json_raw(&in->json, "schema", source->schema);
}

/* Ids name training samples, to the options and to mwnet apply. */
static mwn_status check_ids(struct inspection *in, struct mwn_error *err)
{
    const struct mwn_source *source = &in->sources[MWN_PART_TRAIN];
    struct mwn_id_index index = {0};
    size_t first[2] = {0};
    mwn_status status = mwn_id_index_init(&index, source, err);
    if (status != MWN_OK)
        return status;
    size_t repeats = mwn_id_index_repeats(&index, first);
    if (repeats > 0)
        add_problem(in,
                    "%zu training samples have the id of an earlier one: samples %zu and "
                    "%zu are both called '%.80s'",
                    repeats, first[0], first[1], source->id[first[0]]);
    mwn_id_index_release(&index);
    return MWN_OK;
}

/* Name and first samples of every class of the training part. */
static void add_examples(struct inspection *in)
{
    const struct mwn_source *source = &in->sources[MWN_PART_TRAIN];
    mwn_json_array(&in->json, "class");
    for (int c = 0; c < source->classes; c++) {
        size_t shown = 0;
        mwn_json_object(&in->json, NULL);
        mwn_json_int(&in->json, "number", c);
        if (source->class_names)
            mwn_json_text(&in->json, "name", source->class_names[c]);
        mwn_json_array(&in->json, "examples");
        for (size_t i = 0; i < source->n && shown < EXAMPLES; i++) {
            if (source->label[i] != c)
                continue;
            add_id(&in->json, source, i);
            shown++;
        }
        mwn_json_end_array(&in->json);
        mwn_json_end_object(&in->json);
    }
    mwn_json_end_array(&in->json);
}

static void add_overlap(struct inspection *in)
{
    mwn_json_array(&in->json, "overlap");
    for (int a = 0; a < MWN_INSPECT_PARTS; a++)
        for (int b = 0; b < MWN_INSPECT_PARTS; b++) {
            size_t n = in->equals->shared[a][b];
            if (n == 0)
                continue;
            const char *name = mwn_part_name((enum mwn_part)a);
            const char *other = mwn_part_name((enum mwn_part)b);
            mwn_json_object(&in->json, NULL);
            mwn_json_text(&in->json, "part", name);
            mwn_json_text(&in->json, "other", other);
            mwn_json_size(&in->json, "samples", n);
            mwn_json_end_object(&in->json);
            if (a < b)
                add_problem(in, "%zu samples of the %s part are in the %s part as well", n,
                            name, other);
        }
    mwn_json_end_array(&in->json);
}

static void add_conflict(struct inspection *in, const struct mwn_conflict *conflict)
{
    mwn_json_object(&in->json, NULL);
    mwn_json_size(&in->json, "samples", conflict->n);
    mwn_json_array(&in->json, "first");
    for (size_t i = 0; i < conflict->n && i < MWN_INSPECT_IN_GROUP; i++) {
        const struct mwn_place *place = &conflict->place[i];
        const struct mwn_source *source = &in->sources[place->part];
        int label = source->label[place->sample];
        mwn_json_object(&in->json, NULL);
        mwn_json_text(&in->json, "part", mwn_part_name((enum mwn_part)place->part));
        mwn_json_array(&in->json, "id");
        add_id(&in->json, source, place->sample);
        mwn_json_end_array(&in->json);
        mwn_json_int(&in->json, "label", label);
        if (source->class_names && label >= 0)
            mwn_json_text(&in->json, "class", source->class_names[label]);
        mwn_json_end_object(&in->json);
    }
    mwn_json_end_array(&in->json);
    mwn_json_end_object(&in->json);
}

static void add_conflicts(struct inspection *in)
{
    const struct mwn_equals *equals = in->equals;
    mwn_json_object(&in->json, "conflicts");
    mwn_json_size(&in->json, "groups", equals->conflicts);
    mwn_json_size(&in->json, "samples", equals->conflicting);
    mwn_json_array(&in->json, "first");
    for (size_t i = 0; i < equals->conflicts && i < MWN_INSPECT_SHOWN; i++)
        add_conflict(in, &equals->first[i]);
    mwn_json_end_array(&in->json);
    mwn_json_end_object(&in->json);
    if (equals->conflicts > 0)
        add_problem(in, "%zu equal samples have different labels (%zu group%s)",
                    equals->conflicting, equals->conflicts,
                    equals->conflicts == 1 ? "" : "s");
    for (size_t i = 0; i < equals->unreadable && i < MWN_INSPECT_SHOWN; i++)
        add_problem(in, "%s", equals->unread[i]);
    if (equals->unreadable > MWN_INSPECT_SHOWN)
        add_problem(in, "%zu more samples cannot be read",
                    equals->unreadable - MWN_INSPECT_SHOWN);
}

/* Makes the sets as a run would, after the parts have been closed. */
static mwn_status add_sets(struct inspection *in, struct mwn_error *err)
{
    struct mwn_sets sets = {0};
    struct mwn_error problem = {0};
    const struct mwn_settings *settings = &in->settings;
    for (int p = 0; p < MWN_INSPECT_PARTS; p++)
        mwn_source_close(&in->sources[p]);
    mwn_status status =
        mwn_sets_open(&sets, &settings->data, (uint64_t)settings->train.seed, &problem);
    if (status == MWN_ERR_MEMORY)
        return mwn_fail(err, status, "%s", problem.text);
    if (status == MWN_OK) {
        mwn_summary_sets(&in->json, &sets);
        mwn_sets_close(&sets);
    } else {
        mwn_json_text(&in->json, "sets", NULL);
        add_problem(in, "a run would fail: %s", problem.text);
    }
    return MWN_OK;
}

mwn_status mwn_inspect(const mwn_config *config, char **json, struct mwn_error *err)
{
    mwn_status status;
    char *problems = NULL;
    struct inspection in = {.guessed = false};

    mwn_json_array(&in.problems, NULL);
    MWN_TRY(open_all(&in, config, err));
    MWN_TRY(mwn_inspect_equals(in.sources, in.equals, err));
    mwn_json_object(&in.json, NULL);
    add_head(&in);
    mwn_json_array(&in.json, "parts");
    for (int p = 0; p < MWN_INSPECT_PARTS; p++)
        if (in.sources[p].n > 0)
            MWN_TRY(add_part(&in, p, err));
    mwn_json_end_array(&in.json);
    MWN_TRY(check_ids(&in, err));
    add_examples(&in);
    add_overlap(&in);
    add_conflicts(&in);
    MWN_TRY(add_sets(&in, err));
    mwn_json_end_array(&in.problems);
    MWN_TRY(mwn_json_take(&in.problems, &problems, err));
    mwn_json_raw(&in.json, "problems", problems);
    mwn_json_end_object(&in.json);
    MWN_TRY(mwn_json_take(&in.json, json, err));
out:
    mwn_text_free(problems);
    inspection_release(&in);
    return status;
}
