/* image_source.c - image files as a source: each is read, decoded and cropped when a loader
 * thread asks for it, so that no more of them are in memory than the loader's batches hold.
 *
 * Decoders keep their memory from image to image. A thread takes one from a pool and puts it
 * back, so there are never more of them than threads. */
#include "data/image_source.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/crop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { POOL_MAX = 64, DAMAGED_SKIP = 1 };

struct store {
    char *root; /* owned */
    struct mwn_crop crop;
    pthread_mutex_t lock;
    mwn_image_decoder *idle[POOL_MAX]; /* owned, under the lock */
    size_t idle_count;
};

/* ---- Lists -------------------------------------------------------------------------- */

static bool grow_list(struct mwn_image_list *list)
{
    size_t room = list->room ? 2 * list->room : 64;
    char **path = mwn_resize(list->path, room, sizeof(*path));
    if (path)
        list->path = path;
    int32_t *label = mwn_resize(list->label, room, sizeof(*label));
    if (label)
        list->label = label;
    float *weight = mwn_resize(list->weight, room, sizeof(*weight));
    if (weight)
        list->weight = weight;
    if (!path || !label || !weight)
        return false;
    list->room = room;
    return true;
}

mwn_status mwn_image_list_add(struct mwn_image_list *list, const char *path, int32_t label,
                              float weight, struct mwn_error *err)
{
    char *copy = list->n < list->room || grow_list(list) ? mwn_strdup(path) : NULL;
    if (!copy)
        return mwn_fail_memory(err, list->n * sizeof(*list->path), "a list of images");
    list->path[list->n] = copy;
    list->label[list->n] = label;
    list->weight[list->n] = weight;
    list->has_weights = list->has_weights || weight < 1 || weight > 1;
    list->n++;
    return MWN_OK;
}

void mwn_image_list_release(struct mwn_image_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        mwn_free(list->path[i]);
    mwn_free(list->path);
    mwn_free(list->label);
    mwn_free(list->weight);
    *list = (struct mwn_image_list){0};
}

static bool has_suffix(const char *name, const char *const *suffixes, size_t count)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < count; i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

bool mwn_image_has_suffix(const char *name)
{
    static const char *const known[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png"};
    return has_suffix(name, known, MWN_COUNT(known));
}

bool mwn_image_has_other_suffix(const char *name)
{
    static const char *const others[] = {".gif",  ".bmp",  ".webp", ".tif", ".tiff",
                                         ".heic", ".avif", ".jp2",  ".ppm", ".pgm"};
    return has_suffix(name, others, MWN_COUNT(others));
}

/* ---- Paths -------------------------------------------------------------------------- */

/* What follows the folder root in an absolute path; NULL if that is not in root. */
static const char *below(const char *root, const char *path)
{
    size_t size = strlen(root);
    while (size > 1 && root[size - 1] == '/')
        size--;
    if (strncmp(root, path, size) != 0 || (path[size] != '/' && size > 1))
        return NULL;
    return path + size;
}

mwn_status mwn_image_path_clean(const char *root, char *path, struct mwn_error *err)
{
    const char *in = path[0] == '/' ? below(root, path) : path;
    if (!in)
        return mwn_fail(err, MWN_ERR_DATA, "'%.100s' is outside of the folder %.80s", path,
                        root);
    char *out = path;
    while (*in) {
        size_t size = strcspn(in, "/");
        if (size == 2 && in[0] == '.' && in[1] == '.')
            return mwn_fail(err, MWN_ERR_DATA,
                            "'..' in a path could lead out of the folder %.80s", root);
        if (size > 0 && !(size == 1 && in[0] == '.')) {
            if (out > path)
                *out++ = '/';
            memmove(out, in, size);
            out += size;
        }
        in += size;
        in += *in == '/';
    }
    *out = '\0';
    return out > path ? MWN_OK : mwn_fail(err, MWN_ERR_DATA, "a path is empty");
}

/* ---- One image ---------------------------------------------------------------------- */

static mwn_status take_decoder(struct store *store, mwn_image_decoder **out,
                               struct mwn_error *err)
{
    pthread_mutex_lock(&store->lock);
    *out = store->idle_count > 0 ? store->idle[--store->idle_count] : NULL;
    pthread_mutex_unlock(&store->lock);
    return *out ? MWN_OK : mwn_image_decoder_create(out, err);
}

static void give_decoder(struct store *store, mwn_image_decoder *decoder)
{
    pthread_mutex_lock(&store->lock);
    if (decoder && store->idle_count < POOL_MAX) {
        store->idle[store->idle_count++] = decoder;
        decoder = NULL;
    }
    pthread_mutex_unlock(&store->lock);
    mwn_image_decoder_free(decoder);
}

/* Reads a file below root; *name, its whole path, is freed by mwn_free(). */
static mwn_status read_image(const struct store *store, const char *path, char **name,
                             struct mwn_bytes *bytes, struct mwn_error *err)
{
    *name = mwn_path_join(store->root, path);
    if (!*name)
        return mwn_fail_memory(err, strlen(path), "a path");
    return mwn_file_read_plain(*name, MWN_IMAGE_FILE_MAX, bytes, err);
}

mwn_status mwn_image_source_load(const struct mwn_source *source, size_t i,
                                 struct mwn_rng *rng, void *out, struct mwn_error *err)
{
    mwn_status status;
    struct store *store = source->store;
    mwn_image_decoder *decoder = NULL;
    struct mwn_bytes bytes = {0};
    struct mwn_image_info info = {0};
    struct mwn_image_view view = {0};
    char *name = NULL;
    MWN_TRY(read_image(store, source->id[i], &name, &bytes, err));
    MWN_TRY(take_decoder(store, &decoder, err));
    const struct mwn_image_file file = {name, bytes.data, bytes.size};
    MWN_TRY(mwn_image_probe(decoder, &file, &info, err));
    mwn_crop_choose(&store->crop, info.w, info.h, rng, &view);
    MWN_TRY(mwn_image_load(decoder, &file, &info, &view, out, err));
out:
    give_decoder(store, decoder);
    mwn_bytes_release(&bytes);
    mwn_free(name);
    return status;
}

mwn_status mwn_image_source_hash(const struct mwn_source *source, size_t i,
                                 struct mwn_hash *out, struct mwn_error *err)
{
    struct mwn_bytes bytes = {0};
    char *name = NULL;
    mwn_status status = read_image(source->store, source->id[i], &name, &bytes, err);
    if (status == MWN_OK)
        *out = mwn_hash_bytes(bytes.data, bytes.size);
    mwn_bytes_release(&bytes);
    mwn_free(name);
    return status;
}

/* ---- Damaged images ----------------------------------------------------------------- */

/* All images being decoded once by several threads. */
struct survey {
    const struct mwn_source *source;
    bool *damaged; /* [n] */
    atomic_size_t next;
    pthread_mutex_t lock;
    mwn_status status; /* under the lock: of the first failure that is no damage */
    struct mwn_error err;
};

static void note_failure(struct survey *survey, const struct mwn_error *err)
{
    pthread_mutex_lock(&survey->lock);
    if (survey->status == MWN_OK) {
        survey->status = err->status;
        survey->err = *err;
    }
    pthread_mutex_unlock(&survey->lock);
    atomic_store(&survey->next, survey->source->n);
}

static void *look_at_images(void *argument)
{
    struct survey *survey = argument;
    const struct mwn_source *source = survey->source;
    struct mwn_error err = {0};
    void *out = mwn_alloc(1, mwn_source_stride(source));
    if (!out) {
        (void)mwn_fail_memory(&err, mwn_source_stride(source), "an image");
        note_failure(survey, &err);
        return NULL;
    }
    for (;;) {
        size_t i = atomic_fetch_add(&survey->next, 1);
        if (i >= source->n)
            break;
        mwn_status status = mwn_image_source_load(source, i, NULL, out, &err);
        survey->damaged[i] = status == MWN_ERR_DATA;
        if (status != MWN_OK && status != MWN_ERR_DATA)
            note_failure(survey, &err);
    }
    mwn_free(out);
    return NULL;
}

/* Runs the survey in as many threads as there are processors, this one included. Signals are
 * for the program's own threads. */
static void run_survey(struct survey *survey)
{
    pthread_t threads[POOL_MAX];
    sigset_t all, old;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = processors > 1 ? (size_t)processors - 1 : 0, count = 0;
    if (wanted > POOL_MAX)
        wanted = POOL_MAX;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (count < wanted &&
           pthread_create(&threads[count], NULL, look_at_images, survey) == 0)
        count++;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)look_at_images(survey);
    while (count > 0)
        pthread_join(threads[--count], NULL);
}

static void leave_out(struct mwn_source *source, const bool *damaged)
{
    size_t kept = 0;
    for (size_t i = 0; i < source->n; i++) {
        if (damaged[i]) {
            mwn_free(source->id[i]);
            continue;
        }
        source->id[kept] = source->id[i];
        source->label[kept] = source->label[i];
        if (source->weight)
            source->weight[kept] = source->weight[i];
        kept++;
    }
    source->skipped += source->n - kept;
    source->n = kept;
}

static mwn_status skip_damaged(struct mwn_source *source, struct mwn_error *err)
{
    struct survey survey = {.source = source, .lock = PTHREAD_MUTEX_INITIALIZER};
    survey.damaged = mwn_alloc(source->n, sizeof(*survey.damaged));
    if (!survey.damaged)
        return mwn_fail_memory(err, source->n, "a list of damaged images");
    run_survey(&survey);
    if (survey.status == MWN_OK)
        leave_out(source, survey.damaged);
    else if (err)
        *err = survey.err;
    mwn_free(survey.damaged);
    pthread_mutex_destroy(&survey.lock);
    return survey.status;
}

/* ---- Opening and closing ------------------------------------------------------------ */

static mwn_status read_crop(const struct mwn_data_options *options, struct mwn_crop *crop,
                            struct mwn_error *err)
{
    int64_t resize =
        options->resize > 0 ? options->resize : (options->size * 256 + 112) / 224;
    if (options->size < 1 || resize < options->size)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.resize: %lld is less than data.size=%lld", (long long)resize,
                        (long long)options->size);
    *crop = (struct mwn_crop){.size = (int)options->size,
                              .resize = (int)resize,
                              .kind = (enum mwn_crop_kind)options->crop,
                              .flip = options->flip};
    return MWN_OK;
}

static mwn_status make_store(struct mwn_source *source,
                             const struct mwn_data_options *options, const char *root,
                             struct mwn_error *err)
{
    struct mwn_crop crop;
    mwn_status status = read_crop(options, &crop, err);
    if (status != MWN_OK)
        return status;
    struct store *store = mwn_alloc(1, sizeof(*store));
    if (!store)
        return mwn_fail_memory(err, sizeof(*store), "an image source");
    pthread_mutex_init(&store->lock, NULL);
    source->store = store;
    store->crop = crop;
    store->root = mwn_strdup(root);
    return store->root ? MWN_OK : mwn_fail_memory(err, strlen(root), "a path");
}

mwn_status mwn_image_source_open(struct mwn_source *source,
                                 const struct mwn_data_options *options, const char *root,
                                 struct mwn_image_list *list, struct mwn_classes *classes,
                                 struct mwn_error *err)
{
    mwn_status status;
    MWN_TRY(make_store(source, options, root, err));
    source->schema = mwn_classes_schema(classes);
    if (!source->schema) {
        status = mwn_fail_memory(err, 0, "class names");
        goto out;
    }
    int side = (int)options->size;
    source->type = MWN_SAMPLE_U8;
    source->shape = (struct mwn_shape){3, side, side};
    source->classes = classes->count;
    source->class_names = classes->name;
    *classes = (struct mwn_classes){0};
    source->n = list->n;
    source->id = list->path;
    source->label = list->label;
    source->weight = list->has_weights ? list->weight : NULL;
    source->skipped = list->skipped;
    if (!list->has_weights)
        mwn_free(list->weight);
    *list = (struct mwn_image_list){0};
    if (options->damaged == DAMAGED_SKIP && source->n > 0)
        status = skip_damaged(source, err);
out:
    mwn_image_list_release(list);
    mwn_classes_release(classes);
    return status;
}

void mwn_image_source_close(struct mwn_source *source)
{
    struct store *store = source->store;
    if (!store)
        return;
    for (size_t i = 0; i < store->idle_count; i++)
        mwn_image_decoder_free(store->idle[i]);
    pthread_mutex_destroy(&store->lock);
    mwn_free(store->root);
    mwn_free(store);
}
