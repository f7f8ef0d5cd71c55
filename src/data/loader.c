/* loader.c - batches in a ring of slots, filled ahead by threads.
 *
 * Batches are numbered by tickets 0, 1, 2, .. in the order in which next() hands them out,
 * whatever epoch they are of; ticket t lives in slot t % slots. A worker claims the next
 * ticket under the lock (which fixes the batch's samples: permutations are made in order),
 * fills the slot without it, and reports back. The two tickets handed out last are left
 * alone. Without threads next() claims and fills itself.
 *
 * After a seek the tickets go on; those prepared for the old place are claimed again. */
#include "base/base.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/loader.h"
#include "tensor/vec.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

/* Slots that the caller may still look at, and batches to prepare ahead. */
enum { HELD = 2, AHEAD = 2 };

struct slot {
    void *x;                /* owned [batch][sample] of the loader's type */
    int32_t *label;         /* owned [batch]                              */
    uint32_t *index;        /* owned [batch]                              */
    float *scratch;         /* owned [sample]: for double samples, else NULL */
    void *work;             /* owned: for a source without samples, else NULL */
    struct mwn_error error; /* what went wrong in filling it              */
    size_t n;
    uint64_t epoch; /* of the first sample; ENDLESS: its round    */
    uint64_t turn;  /* samples of that round; the next rounds follow */
    uint64_t first; /* place in the epoch of the first one; not ENDLESS */
    bool ready;
};

/* A place in the sequence of batches. ENDLESS: epoch is 0. */
struct place {
    uint64_t epoch, step;
};

struct mwn_loader {
    const struct mwn_set *set;             /* borrowed */
    const struct mwn_normalize *normalize; /* borrowed */
    struct mwn_loader_options options;
    size_t sample; /* numbers of one */
    size_t batch, steps;
    uint32_t *order; /* owned [set->n]: the permutation of round order_round */
    uint64_t order_round;
    bool has_order;
    double *upto; /* owned [set->n]: chances of the samples up to each; NULL: no draws */
    double waited;

    struct slot *slots; /* owned [slot_count] */
    size_t slot_count;
    pthread_t *threads; /* owned [thread_count], those that were started */
    int thread_count;
    pthread_mutex_t lock;
    pthread_cond_t work, done; /* there may be a ticket to claim; a slot was filled */
    /* Under the lock: */
    uint64_t out, claim; /* tickets: the next to hand out, the next to claim */
    struct place out_place, claim_place;
    int busy; /* workers that are filling a slot */
    bool stopping;
};

/* ---- Which samples ------------------------------------------------------------------ */

/* The first sample whose `upto` is above a point of 0..upto[n-1]. */
static uint32_t sample_at(const mwn_loader *loader, double point)
{
    size_t low = 0, high = loader->set->n - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (loader->upto[middle] > point)
            high = middle;
        else
            low = middle + 1;
    }
    return (uint32_t)low;
}

static void use_order(mwn_loader *loader, uint64_t round)
{
    if (loader->has_order && loader->order_round == round)
        return;
    struct mwn_rng rng =
        mwn_rng_at(loader->options.seed, loader->options.order_stream, round, 0);
    size_t n = loader->set->n;
    if (!loader->upto)
        mwn_rng_permutation(&rng, loader->order, n);
    for (size_t i = 0; loader->upto && i < n; i++)
        loader->order[i] = sample_at(loader, mwn_rng_unit(&rng) * loader->upto[n - 1]);
    loader->order_round = round;
    loader->has_order = true;
}

/* Positions from `first`, counted from the run's start, on. */
static void pick_endless(mwn_loader *loader, struct slot *slot, uint64_t first)
{
    uint64_t n = loader->set->n;
    slot->n = loader->batch;
    slot->epoch = first / n;
    slot->turn = n - first % n;
    for (size_t i = 0; i < slot->n; i++) {
        use_order(loader, (first + i) / n);
        slot->index[i] = loader->order[(first + i) % n];
    }
}

static void pick_samples(mwn_loader *loader, struct slot *slot, const struct place *place)
{
    size_t first = (size_t)place->step * loader->batch;
    if (loader->options.order == MWN_ORDER_ENDLESS) {
        pick_endless(loader, slot, place->step * loader->batch);
        return;
    }
    size_t left = loader->set->n - first;
    slot->n = left < loader->batch ? left : loader->batch;
    slot->epoch = place->epoch;
    slot->turn = slot->n;
    slot->first = first;
    if (loader->options.order == MWN_ORDER_SHUFFLE)
        use_order(loader, place->epoch);
    for (size_t i = 0; i < slot->n; i++)
        slot->index[i] = loader->options.order == MWN_ORDER_SHUFFLE
                             ? loader->order[first + i]
                             : (uint32_t)(first + i);
}

/* Steps to the place after this one. */
static void advance(const mwn_loader *loader, struct place *place)
{
    place->step++;
    if (loader->options.order != MWN_ORDER_ENDLESS && place->step >= loader->steps)
        *place = (struct place){place->epoch + 1, 0};
}

/* ---- Filling a slot ----------------------------------------------------------------- */

/* The round of sample i of the batch. */
static uint64_t round_of(const mwn_loader *loader, const struct slot *slot, size_t i)
{
    if (i < slot->turn)
        return slot->epoch;
    return slot->epoch + 1 + (i - slot->turn) / loader->set->n;
}

/* Asks the memory for a sample that will be copied soon: in shuffled order nothing else would. */
static void fetch_sample(const struct mwn_source *source, size_t i)
{
    enum { LINE = 64, MOST = 4096 };
    size_t bytes = mwn_source_stride(source);
    if (!source->samples)
        return;
    const char *at = (const char *)source->samples + i * bytes;
    for (size_t k = 0; k < bytes && k < MOST; k += LINE)
        __builtin_prefetch(at + k);
}

/* A failure stays in the slot until next() comes to it. */
static void fill_slot(const mwn_loader *loader, struct slot *slot)
{
    const struct mwn_loader_options *options = &loader->options;
    const struct mwn_preparation how = {loader->set, loader->normalize, options->pad,
                                        options->flip, slot->work};
    slot->error.status = MWN_OK;
    for (size_t i = 0; i < slot->n; i++) {
        uint32_t position = slot->index[i];
        if (i + 1 < slot->n)
            fetch_sample(loader->set->source, loader->set->id[slot->index[i + 1]]);
        /* A sample that was drawn twice is varied twice. */
        uint64_t key = loader->upto ? slot->first + i : position;
        struct mwn_rng rng = mwn_rng_at(options->seed, options->augment_stream,
                                        round_of(loader, slot, i), key);
        float *out = slot->scratch ? slot->scratch : (float *)slot->x + i * loader->sample;
        if (mwn_sample_prepare(&how, position, options->augment ? &rng : NULL, out,
                               &slot->error) != MWN_OK)
            return;
        slot->label[i] = loader->set->given[position];
        for (size_t j = 0; slot->scratch && j < loader->sample; j++)
            ((double *)slot->x)[i * loader->sample + j] = (double)out[j];
    }
}

/* Whether the next ticket's slot is free: neither held by the caller nor prepared. */
static bool can_claim(const mwn_loader *loader)
{
    return loader->claim + HELD < loader->out + loader->slot_count;
}

static struct slot *claim_slot(mwn_loader *loader)
{
    struct slot *slot = &loader->slots[loader->claim % loader->slot_count];
    slot->ready = false;
    pick_samples(loader, slot, &loader->claim_place);
    advance(loader, &loader->claim_place);
    loader->claim++;
    return slot;
}

static void *work(void *argument)
{
    mwn_loader *loader = argument;
    pthread_mutex_lock(&loader->lock);
    while (!loader->stopping) {
        if (!can_claim(loader)) {
            pthread_cond_wait(&loader->work, &loader->lock);
            continue;
        }
        struct slot *slot = claim_slot(loader);
        loader->busy++;
        pthread_mutex_unlock(&loader->lock);
        fill_slot(loader, slot);
        pthread_mutex_lock(&loader->lock);
        loader->busy--;
        slot->ready = true;
        pthread_cond_broadcast(&loader->done);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

/* ---- Making and freeing ------------------------------------------------------------- */

static mwn_status check_options(const struct mwn_set *set,
                                const struct mwn_normalize *normalize,
                                const struct mwn_loader_options *options,
                                struct mwn_error *err)
{
    if (set->n == 0)
        return mwn_fail(err, MWN_ERR_DATA, "a set to load batches from is empty");
    const struct mwn_shape *shape = &set->source->shape;
    if (options->batch == 0)
        return mwn_fail(err, MWN_ERR_CONFIG, "a batch must have at least one sample");
    if (normalize->channels != 1 && normalize->channels != shape->c)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.normalize: has constants for %d channels, the data has %d",
                        normalize->channels, shape->c);
    bool varied =
        set->source->samples || (set->source->reader && set->source->reader->plain);
    if (options->augment && varied && (shape->h > 1 || shape->w > 1) &&
        (options->pad < 0 || options->pad >= shape->h || options->pad >= shape->w) &&
        options->pad != 0)
        return mwn_fail(err, MWN_ERR_CONFIG,
                        "data.pad: %d does not fit samples of %d x %d (expected less than "
                        "either side)",
                        options->pad, shape->h, shape->w);
    return MWN_OK;
}

static mwn_status make_slots(mwn_loader *loader, struct mwn_error *err)
{
    size_t threads = loader->options.threads > 0 ? (size_t)loader->options.threads : 0;
    bool wide = loader->options.dtype == MWN_F64;
    bool loads = !loader->set->source->samples;
    loader->slot_count = HELD;
    if (threads > 0)
        loader->slot_count += threads > AHEAD ? threads : AHEAD;
    loader->slots = mwn_alloc(loader->slot_count, sizeof(*loader->slots));
    loader->order = mwn_alloc(loader->set->n, sizeof(*loader->order));
    bool failed = !loader->slots || !loader->order;
    for (size_t i = 0; i < loader->slot_count && !failed; i++) {
        struct slot *slot = &loader->slots[i];
        size_t item = loader->sample * mwn_dtype_size(loader->options.dtype);
        slot->x = mwn_alloc(loader->batch, item);
        slot->label = mwn_alloc(loader->batch, sizeof(*slot->label));
        slot->index = mwn_alloc(loader->batch, sizeof(*slot->index));
        slot->scratch = wide ? mwn_alloc(loader->sample, sizeof(float)) : NULL;
        slot->work = loads ? mwn_alloc(1, mwn_source_stride(loader->set->source)) : NULL;
        failed = !slot->x || !slot->label || !slot->index || (wide && !slot->scratch) ||
                 (loads && !slot->work);
    }
    if (failed)
        return mwn_fail_memory(err, loader->slot_count * loader->batch * loader->sample,
                               "batches");
    return MWN_OK;
}

static mwn_status make_chances(mwn_loader *loader, struct mwn_error *err)
{
    const struct mwn_set *set = loader->set;
    const double *chance = loader->options.class_chance;
    double sum = 0;
    if (!chance || loader->options.order != MWN_ORDER_SHUFFLE)
        return MWN_OK;
    loader->upto = mwn_alloc(set->n, sizeof *loader->upto);
    if (!loader->upto)
        return mwn_fail_memory(err, set->n * sizeof *loader->upto, "chances of samples");
    for (size_t i = 0; i < set->n; i++)
        loader->upto[i] = sum += chance[set->given[i]];
    loader->options.class_chance = NULL;
    return MWN_OK;
}

/* Starts the workers with all signals blocked: these are for the program's own threads. */
static mwn_status start_threads(mwn_loader *loader, struct mwn_error *err)
{
    sigset_t all, old;
    int wanted = loader->options.threads > 0 ? loader->options.threads : 0, failure = 0;
    loader->threads = mwn_alloc((size_t)wanted, sizeof(*loader->threads));
    if (!loader->threads)
        return mwn_fail_memory(err, (size_t)wanted * sizeof(*loader->threads),
                               "loader threads");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (loader->thread_count < wanted && !failure) {
        failure =
            pthread_create(&loader->threads[loader->thread_count], NULL, work, loader);
        loader->thread_count += !failure;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!failure)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_RUNTIME, "cannot start thread %d of a loader: %s",
             loader->thread_count + 1, strerror(failure));
    return mwn_hint(err, "set data.threads=0 to do without");
}

static size_t count_steps(size_t n, size_t batch, enum mwn_loader_order order)
{
    size_t whole = batch > 0 ? n / batch : 0;
    return order == MWN_ORDER_SHUFFLE ? whole : whole + (n > whole * batch);
}

mwn_status mwn_loader_create(mwn_loader **out, const struct mwn_set *set,
                             const struct mwn_normalize *normalize,
                             const struct mwn_loader_options *options,
                             struct mwn_error *err)
{
    mwn_status status = check_options(set, normalize, options, err);
    if (status != MWN_OK)
        return status;
    mwn_loader *loader = mwn_alloc(1, sizeof(*loader));
    if (!loader)
        return mwn_fail_memory(err, sizeof(*loader), "a loader");
    const struct mwn_shape *shape = &set->source->shape;
    bool endless = options->order == MWN_ORDER_ENDLESS;
    loader->set = set;
    loader->normalize = normalize;
    loader->options = *options;
    loader->sample = (size_t)shape->c * (size_t)shape->h * (size_t)shape->w;
    loader->batch = options->batch > set->n && !endless ? set->n : options->batch;
    loader->steps = count_steps(set->n, loader->batch, options->order);
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->work, NULL);
    pthread_cond_init(&loader->done, NULL);
    MWN_TRY(make_slots(loader, err));
    MWN_TRY(make_chances(loader, err));
    MWN_TRY(start_threads(loader, err));
    *out = loader;
out:
    if (status != MWN_OK)
        mwn_loader_free(loader);
    return status;
}

void mwn_loader_free(mwn_loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stopping = true;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->thread_count; i++)
        pthread_join(loader->threads[i], NULL);
    pthread_cond_destroy(&loader->done);
    pthread_cond_destroy(&loader->work);
    pthread_mutex_destroy(&loader->lock);
    for (size_t i = 0; loader->slots && i < loader->slot_count; i++) {
        mwn_free(loader->slots[i].x);
        mwn_free(loader->slots[i].label);
        mwn_free(loader->slots[i].index);
        mwn_free(loader->slots[i].scratch);
        mwn_free(loader->slots[i].work);
    }
    mwn_free(loader->slots);
    mwn_free(loader->order);
    mwn_free(loader->upto);
    mwn_free(loader->threads);
    mwn_free(loader);
}

/* ---- Use ---------------------------------------------------------------------------- */

size_t mwn_loader_batch(const mwn_loader *loader)
{
    return loader->batch;
}

size_t mwn_loader_steps(const mwn_loader *loader)
{
    return loader->steps;
}

size_t mwn_loader_bytes(const mwn_loader *loader)
{
    if (!loader)
        return 0;
    size_t sample = loader->sample * mwn_dtype_size(loader->options.dtype);
    size_t one = sample + sizeof *loader->slots->label + sizeof *loader->slots->index;
    size_t batch = loader->batch * one;
    size_t place = sizeof *loader->order + (loader->upto ? sizeof *loader->upto : 0);
    return loader->slot_count * batch + loader->set->n * place;
}

double mwn_loader_waited(const mwn_loader *loader)
{
    return loader->waited;
}

/* Whether the loader is at this place already. Epochs only differ by order and
 * augmentation. */
static bool is_at(const mwn_loader *loader, const struct place *place)
{
    bool alike = loader->options.order == MWN_ORDER_FIXED && !loader->options.augment;
    return loader->out_place.step == place->step &&
           (alike || loader->out_place.epoch == place->epoch);
}

mwn_status mwn_loader_seek(mwn_loader *loader, uint64_t epoch, uint64_t step,
                           struct mwn_error *err)
{
    bool endless = loader->options.order == MWN_ORDER_ENDLESS;
    struct place place = {endless ? 0 : epoch, step};
    if (!endless && step > loader->steps)
        return mwn_fail(err, MWN_ERR_MISMATCH, "there is no step %llu in an epoch of %zu",
                        (unsigned long long)step, loader->steps);
    pthread_mutex_lock(&loader->lock);
    if (!is_at(loader, &place)) {
        while (loader->busy > 0)
            pthread_cond_wait(&loader->done, &loader->lock);
        loader->claim = loader->out;
        loader->out_place = loader->claim_place = place;
        if (!endless && step == loader->steps)
            loader->claim_place = (struct place){epoch + 1, 0};
        pthread_cond_broadcast(&loader->work);
    }
    pthread_mutex_unlock(&loader->lock);
    return MWN_OK;
}

void mwn_loader_change(mwn_loader *loader, void (*change)(void *user), void *user)
{
    pthread_mutex_lock(&loader->lock);
    while (loader->busy > 0)
        pthread_cond_wait(&loader->done, &loader->lock);
    change(user);
    loader->claim = loader->out;
    loader->claim_place = loader->out_place;
    bool endless = loader->options.order == MWN_ORDER_ENDLESS;
    if (!endless && loader->out_place.step >= loader->steps)
        loader->claim_place = (struct place){loader->out_place.epoch + 1, 0};
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
}

/* Waits until the next ticket's slot is filled, or fills it. */
static struct slot *next_slot(mwn_loader *loader)
{
    struct slot *slot = &loader->slots[loader->out % loader->slot_count];
    if (loader->thread_count == 0) {
        claim_slot(loader);
        fill_slot(loader, slot);
        return slot;
    }
    while (loader->claim == loader->out || !slot->ready)
        pthread_cond_wait(&loader->done, &loader->lock);
    return slot;
}

mwn_status mwn_loader_next(mwn_loader *loader, struct mwn_batch *out, struct mwn_error *err)
{
    memset(out, 0, sizeof(*out));
    bool endless = loader->options.order == MWN_ORDER_ENDLESS;
    pthread_mutex_lock(&loader->lock);
    if (!endless && loader->out_place.step >= loader->steps) {
        loader->out_place = (struct place){loader->out_place.epoch + 1, 0};
        pthread_mutex_unlock(&loader->lock);
        return MWN_OK;
    }
    double start = mwn_clock_now();
    struct slot *slot = next_slot(loader);
    loader->waited += mwn_clock_now() - start;
    loader->out++;
    loader->out_place.step++;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    if (slot->error.status != MWN_OK) {
        if (err)
            *err = slot->error;
        return slot->error.status;
    }
    out->n = slot->n;
    out->x = slot->x;
    out->label = slot->label;
    out->index = slot->index;
    return MWN_OK;
}
