/* libsvm.c - reader of LIBSVM's text format, "label index:value index:value ..", into dense
 * features. */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/reader.h"
#include "data/schema.h"

#include <assert.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bounds on the text and on the dense features, in bytes; and on an index. */
#define FILE_MAX     ((size_t)16 << 30)
#define FEATURES_MAX ((size_t)8 << 30)
#define INDEX_MAX    ((size_t)INT_MAX)

/* A file being read: twice, first to find its size. */
struct reading {
    const struct mwn_request *request;
    const char *path;
    char *text;  /* owned */
    size_t size; /* of the text */
    size_t rows;
    size_t low, high;         /* smallest and largest index there is; low > high: none */
    char **label;             /* owned [rows], into text */
    size_t *line;             /* owned [rows]            */
    struct mwn_schema schema; /* owned: its classes */
};

static void reading_release(struct reading *r)
{
    mwn_free(r->text);
    mwn_free(r->label);
    mwn_free(r->line);
    mwn_label_set_release(&r->schema.classes);
}

/* ---- Lines -------------------------------------------------------------------------- */

/* The next word of a line; *rest is behind it. NULL at the end. */
static char *take_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t\r");
    if (!*word)
        return NULL;
    char *end = word + strcspn(word, " \t\r");
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

/* The next line of the text that holds something, without its comment; NULL at the end. */
static char *take_line(char **rest, size_t *line)
{
    while (*rest) {
        char *text = strsep(rest, "\n");
        (*line)++;
        text[strcspn(text, "#")] = '\0';
        if (text[strspn(text, " \t\r")])
            return text;
    }
    return NULL;
}

static mwn_status fail_word(const struct reading *r, size_t line, const char *word,
                            const char *what, struct mwn_error *err)
{
    return mwn_fail(err, MWN_ERR_DATA, "%s:%zu: '%.80s' %s", r->path, line, word, what);
}

/* Reads "index:value". */
static mwn_status read_pair(const struct reading *r, size_t line, char *word, size_t *index,
                            double *value, struct mwn_error *err)
{
    char *colon = strchr(word, ':'), *end = NULL;
    if (!colon)
        return fail_word(r, line, word, "is not index:value", err);
    unsigned long long number = strtoull(word, &end, 10);
    if (end != colon || *word < '0' || *word > '9' || number > INDEX_MAX)
        return fail_word(r, line, word, "has no index from 0 to 2147483647", err);
    if (!mwn_text_real(colon + 1, value) || !(fabs(*value) <= (double)FLT_MAX))
        return fail_word(r, line, word, "has no finite number as its value", err);
    *index = (size_t)number;
    return MWN_OK;
}

/* Walks the features of a line. out NULL: notes the smallest and the largest index. */
static mwn_status walk_pairs(struct reading *r, size_t line, char *rest, float *out,
                             struct mwn_error *err)
{
    size_t before = 0, index = 0;
    bool first = true;
    double value = 0;
    for (char *word = take_word(&rest); word; word = take_word(&rest)) {
        if (strncmp(word, "qid:", 4) == 0)
            continue;
        mwn_status status = read_pair(r, line, word, &index, &value, err);
        if (status != MWN_OK)
            return status;
        if (!first && index <= before)
            return fail_word(r, line, word, "does not rise: indices of a line do", err);
        first = false;
        before = index;
        r->low = index < r->low ? index : r->low;
        r->high = index > r->high ? index : r->high;
        if (out)
            out[index - r->schema.base] = (float)value;
    }
    return MWN_OK;
}

/* ---- The passes --------------------------------------------------------------------- */

/* One walk over a copy of the text, which it cuts to pieces. samples NULL: the first pass. */
static mwn_status walk(struct reading *r, char *text, float *samples, struct mwn_error *err)
{
    size_t line = 0, row = 0;
    mwn_status status = MWN_OK;
    for (char *at = take_line(&text, &line); at && status == MWN_OK;
         at = take_line(&text, &line)) {
        char *label = take_word(&at);
        if (r->label && !samples) {
            r->label[row] = label;
            r->line[row] = line;
        }
        status = walk_pairs(r, line, at,
                            samples ? samples + row * r->schema.features : NULL, err);
        row++;
    }
    r->rows = row;
    return status;
}

static size_t count_lines(const char *text)
{
    size_t lines = 1;
    for (const char *c = strchr(text, '\n'); c; c = strchr(c + 1, '\n'))
        lines++;
    return lines;
}

/* Reads the file, finds its rows and checks all of it; the text is cut to pieces then. */
static mwn_status scan(struct reading *r, const char *copy, struct mwn_error *err)
{
    mwn_status status;
    size_t lines = count_lines(copy);
    r->label = mwn_alloc(lines, sizeof(*r->label));
    r->line = mwn_alloc(lines, sizeof(*r->line));
    r->low = SIZE_MAX;
    if (!r->label || !r->line)
        return mwn_fail_memory(err, lines * 16, "labels");
    MWN_TRY(walk(r, mwn_text_begin(r->text), NULL, err));
    if (r->rows == 0 || r->low > r->high) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s: has no %s", r->path,
                          r->rows == 0 ? "rows" : "features");
        goto out;
    }
    r->schema.base = r->low == 0 ? 0 : 1;
    r->schema.features = r->high - r->schema.base + 1;
out:
    return status;
}

/* ---- The schema --------------------------------------------------------------------- */

/* Takes base, features and classes of the training part. */
static mwn_status use_schema(struct reading *r, struct mwn_error *err)
{
    struct mwn_schema *schema = &r->schema;
    mwn_status status = mwn_schema_parse(schema, r->request->schema, err);
    if (status != MWN_OK)
        return status;
    if (r->low >= schema->base && r->high - schema->base < schema->features)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_DATA,
             "%s: has features %zu .. %zu, the training data has %zu .. %zu", r->path,
             r->low, r->high, schema->base, schema->base + schema->features - 1);
    return mwn_hint(err,
                    "a feature that only the test data has is made known by '%zu:0' in any "
                    "line of the training data",
                    r->high);
}

/* ---- The reader --------------------------------------------------------------------- */

static mwn_status read_labels(struct mwn_source *source, struct reading *r,
                              struct mwn_error *err)
{
    int64_t value;
    source->label = mwn_alloc(r->rows, sizeof(*source->label));
    if (!source->label)
        return mwn_fail_memory(err, r->rows * sizeof(*source->label), "labels");
    for (size_t i = 0; i < r->rows; i++)
        if (!mwn_text_whole(r->label[i], &value)) {
            fail_word(r, r->line[i], r->label[i], "is not an integer, the label of a class",
                      err);
            return mwn_hint(err, "a line is 'label index:value index:value ..'");
        }
    if (!r->request->schema) {
        mwn_status status = mwn_label_set_learn(
            &r->schema.classes, (const char *const *)r->label, r->rows, r->path, "it", err);
        if (status != MWN_OK)
            return status;
    }
    for (size_t i = 0; i < r->rows; i++) {
        source->label[i] = mwn_label_set_find(&r->schema.classes, r->label[i]);
        if (source->label[i] < 0 && !r->request->unlabelled)
            return mwn_label_set_fail(&r->schema.classes, r->path, r->line[i], r->label[i],
                                      err);
    }
    return MWN_OK;
}

/* The bound on the features in bytes: a small file asks for much by a mistake only. */
static size_t features_max(const struct reading *r)
{
    size_t most = ((size_t)64 << 20) + r->size * 1024;
    return most < FEATURES_MAX ? most : FEATURES_MAX;
}

static mwn_status read_features(struct mwn_source *source, struct reading *r, char *copy,
                                struct mwn_error *err)
{
    size_t most = features_max(r);
    assert(r->schema.features > 0);
    if (r->rows > most / sizeof(float) / r->schema.features) {
        mwn_fail(
            err, MWN_ERR_DATA,
            "%s: %zu rows of %zu features are, when stored in full, more than %zu bytes",
            r->path, r->rows, r->schema.features, most);
        return mwn_hint(err,
                        "is an index wrong? Else leave out rare features, or hash them to "
                        "fewer indices");
    }
    float *samples = mwn_alloc(r->rows, r->schema.features * sizeof(*samples));
    source->store = samples;
    source->samples = samples;
    source->n = r->rows;
    source->type = MWN_SAMPLE_F32;
    source->shape = (struct mwn_shape){(int)r->schema.features, 1, 1};
    if (!samples)
        return mwn_fail_memory(err, r->rows * r->schema.features * sizeof(*samples),
                               "features");
    return walk(r, copy, samples, err);
}

static mwn_status libsvm_open(struct mwn_source *source, const struct mwn_request *request,
                              struct mwn_error *err)
{
    mwn_status status;
    struct mwn_bytes bytes = {0};
    struct reading r = {
        .request = request, .path = request->path, .schema.reader = "libsvm"};
    char *copy = NULL;

    MWN_TRY(mwn_file_read(r.path, FILE_MAX, &bytes, err));
    r.text = (char *)bytes.data;
    r.size = bytes.size;
    if (strlen(r.text) != r.size) {
        status = mwn_fail(err, MWN_ERR_DATA, "%s: is not text (it has zero bytes)", r.path);
        goto out;
    }
    copy = mwn_strdup(mwn_text_begin(r.text));
    if (!copy) {
        status = mwn_fail_memory(err, r.size, "a data file");
        goto out;
    }
    MWN_TRY(scan(&r, copy, err));
    if (request->schema)
        MWN_TRY(use_schema(&r, err));
    MWN_TRY(read_labels(source, &r, err));
    MWN_TRY(read_features(source, &r, copy, err));
    MWN_TRY(mwn_schema_print(&r.schema, &source->schema, err));
    source->classes = r.schema.classes.count;
    MWN_TRY(mwn_label_set_names(&r.schema.classes, &source->class_names, err));
out:
    mwn_free(copy);
    reading_release(&r);
    return status;
}

static void libsvm_close(struct mwn_source *source)
{
    mwn_free(source->store);
}

const struct mwn_reader mwn_reader_libsvm = {
    .name = "libsvm",
    .summary = "LIBSVM's text format, plain or .gz: label index:value ..",
    .normalize = "mean",
    .single = true,
    .open = libsvm_open,
    .close = libsvm_close,
};
