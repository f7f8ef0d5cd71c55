/* run_setup.c - builds a run from its resolved options: sets, loaders, network, method. */
#include "base/base.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/overlap.h"
#include "models/model.h"
#include "train/meta_source.h"
#include "train/model_file.h"
#include "train/run.h"

#include <string.h>

/* Options against each other where a run, with data, needs more than a bare step. */
static mwn_status check_run(const struct mwn_settings *settings, struct mwn_error *err)
{
    const struct mwn_data_options *data = &settings->data;

    if (!data->path || !*data->path) {
        mwn_fail(err, MWN_ERR_CONFIG, "data.path: the folder of the data is not given");
        return mwn_hint(err, "add data.path=FOLDER");
    }
    return MWN_OK;
}

/* A method that learns from a meta set needs one. */
static mwn_status check_meta(const struct mwn_run *run, struct mwn_error *err)
{
    if (!(run->settings.needs & MWN_NEEDS_META) || run->sets.meta.n > 0)
        return MWN_OK;
    mwn_fail(err, MWN_ERR_CONFIG,
             "data.meta_per_class: method '%s' needs a meta set, but there is none",
             run->settings.method->name);
    return mwn_hint(err, "name samples that were checked: data.meta, data.meta_ids, or "
                         "data.meta_per_class=10 if all labels are right; or do without: "
                         "meta.source=lowest_loss meta.loss=mae");
}

mwn_status mwn_run_make_net(mwn_net **out, const struct mwn_settings *settings,
                            struct mwn_shape shape, int classes, struct mwn_error *err)
{
    struct mwn_graph graph = {0};
    enum mwn_precision train = (enum mwn_precision)settings->train.precision;
    const struct mwn_net_options options = {
        .backend = settings->train.backend,
        .dtype = MWN_F32,
        .precision = train,
        .meta_precision = settings->meta.precision == 0
                              ? train
                              : (enum mwn_precision)(settings->meta.precision - 1),
        .low_memory = settings->train.memory != 0,
        .threads = (int)settings->train.threads,
        .bn_eps = settings->bn.eps,
        .bn_momentum = settings->bn.momentum,
        .gamma_uniform = settings->bn.gamma_init != 0,
        .seed = (uint64_t)settings->train.seed,
    };
    mwn_status status = mwn_model_build(&graph, &settings->model, shape, classes, err);
    if (status != MWN_OK)
        return status;
    return mwn_net_create(out, &graph, &options, err);
}

mwn_status mwn_run_make_eval_loader(mwn_loader **out, const struct mwn_settings *settings,
                                    const struct mwn_set *set,
                                    const struct mwn_normalize *normalize,
                                    struct mwn_error *err)
{
    const struct mwn_loader_options options = {
        .batch = (size_t)settings->train.eval_batch,
        .order = MWN_ORDER_FIXED,
        .threads = (int)settings->data.threads,
        .seed = (uint64_t)settings->train.seed,
        .order_stream = MWN_STREAM_ORDER,
        .augment_stream = MWN_STREAM_AUGMENT,
        .dtype = MWN_F32,
    };
    return mwn_loader_create(out, set, normalize, &options, err);
}

/* What the method may know of the data; steps is 0 as long as there is no loader. */
static struct mwn_data_facts data_facts(const struct mwn_run *run)
{
    return (struct mwn_data_facts){.n = run->sets.train.n,
                                   .classes = (size_t)run->sets.classes,
                                   .class_count = run->class_count,
                                   .epochs = (uint64_t)run->settings.train.epochs,
                                   .steps = run->train ? mwn_run_steps(run) : 0};
}

static mwn_status count_classes(struct mwn_run *run, struct mwn_error *err)
{
    const struct mwn_set *set = &run->sets.train;
    size_t classes = (size_t)run->sets.classes;
    run->class_count = mwn_alloc(classes, sizeof *run->class_count);
    if (!run->class_count)
        return mwn_fail_memory(err, classes * sizeof *run->class_count, "class counts");
    for (size_t i = 0; i < set->n; i++)
        run->class_count[set->given[i]] += 1;
    return MWN_OK;
}

static mwn_status make_train_loader(struct mwn_run *run, struct mwn_loader_options options,
                                    struct mwn_error *err)
{
    const struct mwn_method *method = run->settings.method;
    const struct mwn_data_facts facts = data_facts(run);
    double *chance = NULL;
    if (method->draw) {
        chance = mwn_alloc(facts.classes, sizeof *chance);
        if (!chance)
            return mwn_fail_memory(err, facts.classes * sizeof *chance, "class chances");
        method->draw(run->settings.method_options, &facts, chance);
        options.class_chance = chance;
    }
    mwn_status status =
        mwn_loader_create(&run->train, &run->sets.train, &run->normalize, &options, err);
    mwn_free(chance);
    return status;
}

static mwn_status make_loaders(struct mwn_run *run, struct mwn_error *err)
{
    const struct mwn_settings *settings = &run->settings;
    struct mwn_loader_options options = {
        .batch = (size_t)settings->train.batch,
        .order = MWN_ORDER_SHUFFLE,
        .augment = settings->data.augment,
        .flip = settings->data.flip,
        .pad = (int)settings->data.pad,
        .threads = (int)settings->data.threads,
        .seed = (uint64_t)settings->train.seed,
        .order_stream = MWN_STREAM_ORDER,
        .augment_stream = MWN_STREAM_AUGMENT,
        .dtype = MWN_F32,
    };
    mwn_status status = make_train_loader(run, options, err);
    if (status == MWN_OK && (settings->needs & MWN_NEEDS_META)) {
        options.batch = (size_t)settings->meta.batch;
        options.order = MWN_ORDER_ENDLESS;
        options.order_stream = MWN_STREAM_META_ORDER;
        options.augment_stream = MWN_STREAM_META_AUGMENT;
        status =
            mwn_loader_create(&run->meta, &run->sets.meta, &run->normalize, &options, err);
    }
    if (status == MWN_OK && run->sets.valid.n > 0)
        status = mwn_run_make_eval_loader(&run->valid, settings, &run->sets.valid,
                                          &run->normalize, err);
    if (status == MWN_OK && run->sets.test.n > 0)
        status = mwn_run_make_eval_loader(&run->test, settings, &run->sets.test,
                                          &run->normalize, err);
    return status;
}

/* The deviation of a single number is none: batch-norm would make nothing of any input. */
static mwn_status check_norms(const struct mwn_run *run, size_t batch, size_t meta,
                              struct mwn_error *err)
{
    const struct mwn_graph *graph = mwn_net_graph(run->net);
    for (int i = 0; i < graph->node_count && (batch == 1 || meta == 1); i++) {
        const struct mwn_node *node = &graph->nodes[i];
        if (node->op != MWN_OP_bnorm || node->shape.h * node->shape.w > 1)
            continue;
        mwn_fail(
            err, MWN_ERR_CONFIG,
            "%s: batch-norm needs more than one number of a channel, and a batch of one "
            "has no more there",
            batch == 1 ? "train.batch" : "meta.batch");
        return mwn_hint(err, "set it to 2 or more");
    }
    return MWN_OK;
}

/* Plans all batch sizes that will occur, so that no step allocates. */
static mwn_status plan_net(struct mwn_run *run, struct mwn_error *err)
{
    size_t batch = mwn_loader_batch(run->train);
    size_t meta = run->meta ? mwn_loader_batch(run->meta) : 0;
    bool learns = run->settings.needs & MWN_NEEDS_HYPERGRADIENT;
    mwn_status status = check_norms(run, batch, meta, err);
    if (status == MWN_OK)
        status = mwn_net_plan(run->net, batch, learns ? meta : 0, err);
    if (status == MWN_OK && meta &&
        (!learns ||
         (run->settings.needs & MWN_NEEDS_OUTPUT))) /* It takes the train batch's place. */
        status = mwn_net_plan(run->net, meta, 0, err);
    mwn_loader *const loaders[] = {run->valid, run->test};
    const size_t samples[] = {run->sets.valid.n, run->sets.test.n};

    for (size_t i = 0; i < MWN_COUNT(loaders) && status == MWN_OK; i++) {
        if (!loaders[i])
            continue;
        size_t n = mwn_loader_batch(loaders[i]);
        status = mwn_net_plan_eval(run->net, n, err);
        if (status == MWN_OK && samples[i] % n != 0)
            status = mwn_net_plan_eval(run->net, samples[i] % n, err);
    }
    return status;
}

static mwn_status make_method(struct mwn_run *run, struct mwn_error *err)
{
    const struct mwn_settings *settings = &run->settings;
    const struct mwn_method *method = settings->method;
    size_t batch = mwn_loader_batch(run->train);
    size_t meta = run->meta ? mwn_loader_batch(run->meta) : 0;
    size_t max_n = batch > meta ? batch : meta;

    mwn_net_learner(run->net, &run->learner);
    run->step.sgd.momentum = settings->train.momentum;
    run->step.sgd.dampening = settings->train.dampening;
    run->step.sgd.weight_decay = settings->train.weight_decay;
    run->step.sgd.nesterov = settings->train.nesterov;
    mwn_status status = mwn_step_init(&run->step, &run->learner, &settings->meta, max_n,
                                      settings->needs & MWN_NEEDS_HYPERGRADIENT, err);
    if (status != MWN_OK)
        return status;
    run->step.seed = (uint64_t)settings->train.seed;
    bool weighted = run->sets.train.source->weight != NULL;
    run->given = weighted ? mwn_alloc(batch, sizeof *run->given) : NULL;
    run->method_self = mwn_alloc(1, method->self_size);
    if (!run->method_self || (weighted && !run->given))
        return mwn_fail_memory(err, method->self_size, "the method");
    const struct mwn_method_context context = {.max_n = max_n,
                                               .seed = (uint64_t)settings->train.seed,
                                               .outputs = run->learner.classes,
                                               .features = run->learner.features,
                                               .facts = data_facts(run),
                                               .step = &run->step};
    status = mwn_method_check(method, settings->method_options, &context.facts,
                              &run->learner, err);
    if (status == MWN_OK && method->begin)
        status = method->begin(run->method_self, settings->method_options, &context, err);
    return status;
}

static struct mwn_hash hash_pair(struct mwn_hash first, struct mwn_hash second)
{
    struct mwn_hash both[2] = {first, second};
    return mwn_hash_bytes(both, sizeof(both));
}

static struct mwn_hash hash_more(struct mwn_hash hash, const void *bytes, size_t size)
{
    return hash_pair(hash, mwn_hash_bytes(bytes, size));
}

/* Adds the ids of a set's samples. */
static void hash_ids(struct mwn_hash *hash, const struct mwn_set *set)
{
    for (size_t i = 0; set->source->id && i < set->n; i++) {
        const char *id = set->source->id[set->id[i]];
        *hash = hash_more(*hash, id, strlen(id));
    }
}

/* Adds the content of a set's samples; of many, of some that are evenly spread. Images that are
 * decoded one by one go by their ids, which are their paths. */
static mwn_status hash_samples(struct mwn_hash *hash, const struct mwn_set *set,
                               struct mwn_error *err)
{
    enum { ALL = 64 << 20, SOME = 4096 }; /* bytes, samples */
    mwn_status status = MWN_OK;
    const struct mwn_source *source = set->source;
    if (set->n == 0)
        return MWN_OK;
    if (!(source->samples || source->reader->plain)) {
        hash_ids(hash, set);
        return MWN_OK;
    }
    size_t size = mwn_source_stride(source);
    size_t every = set->n <= ALL / size || set->n < SOME ? 1 : set->n / SOME;
    for (size_t i = 0; i < set->n && status == MWN_OK; i += every) {
        struct mwn_hash one = {0, 0};
        status = mwn_source_hash(source, set->id[i], &one, err);
        *hash = hash_pair(*hash, one);
    }
    return status;
}

/* Names the data: which samples are in which set, with which labels and weights. */
static mwn_status hash_sets(const struct mwn_sets *sets, struct mwn_hash *out,
                            struct mwn_error *err)
{
    const struct mwn_set *const all[] = {&sets->train, &sets->meta, &sets->valid,
                                         &sets->test};
    const struct mwn_source *source = sets->train.source;
    const int facts[] = {sets->classes, sets->shape.c, sets->shape.h, sets->shape.w};
    struct mwn_hash hash = mwn_hash_bytes(facts, sizeof(facts));
    mwn_status status = MWN_OK;

    for (size_t i = 0; i < MWN_COUNT(all) && status == MWN_OK; i++) {
        hash = hash_more(hash, &all[i]->n, sizeof(all[i]->n));
        hash = hash_more(hash, all[i]->id, all[i]->n * sizeof(*all[i]->id));
        hash = hash_more(hash, all[i]->given, all[i]->n * sizeof(*all[i]->given));
        if (all[i]->truth)
            hash = hash_more(hash, all[i]->truth, all[i]->n * sizeof(*all[i]->truth));
        status = hash_samples(&hash, all[i], err);
    }
    if (source->weight)
        hash = hash_more(hash, source->weight, source->n * sizeof(*source->weight));
    *out = hash;
    return status;
}

/* Names the options, but for those that may change when a run is taken up again, and for paths:
 * what they lead to is in the data's hash or in the state. */
static mwn_status hash_options(struct mwn_run *run, struct mwn_error *err)
{
    static char nothing[] = "";
    struct mwn_buf text = {0};
    struct mwn_settings copy = run->settings;
    char **paths[MWN_PATHS_MAX], *before[MWN_PATHS_MAX];
    size_t count = mwn_settings_paths(&copy, paths);

    copy.train.epochs = 0;
    mwn_settings_drop_free(&copy);
    for (size_t i = 0; i < count; i++) {
        before[i] = *paths[i];
        *paths[i] = nothing;
    }
    mwn_settings_yaml(&copy, &text);
    for (size_t i = 0; i < count; i++) /* The method's options are not copied. */
        *paths[i] = before[i];
    if (text.failed || !text.text) {
        mwn_buf_release(&text);
        return mwn_fail_memory(err, 0, "the options");
    }
    run->option_hash = mwn_hash_bytes(text.text, text.size);
    mwn_buf_release(&text);
    return MWN_OK;
}

mwn_status mwn_run_setup(struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_settings *settings = &run->settings;

    MWN_TRY(check_run(settings, err));
    MWN_TRY(mwn_settings_find_reader(settings, err));
    MWN_TRY(
        mwn_sets_open(&run->sets, &settings->data, (uint64_t)settings->train.seed, err));
    MWN_TRY(mwn_normalize_resolve(&run->normalize, &settings->data, &run->sets.train, err));
    MWN_TRY(count_classes(run, err));
    MWN_TRY(mwn_meta_source_init(run, err));
    MWN_TRY(check_meta(run, err));
    MWN_TRY(make_loaders(run, err));
    MWN_TRY(mwn_run_make_net(&run->net, settings, run->sets.shape, run->sets.classes, err));
    MWN_TRY(plan_net(run, err));
    MWN_TRY(make_method(run, err));
    MWN_TRY(mwn_weight_log_init(&run->weights, run->sets.train.n,
                                (size_t)settings->train.weight_epochs, err));
    if (settings->train.journal)
        MWN_TRY(mwn_journal_init(&run->journal, run->sets.train.n,
                                 mwn_loader_batch(run->train), err));
    MWN_TRY(hash_sets(&run->sets, &run->data_hash, err));
    MWN_TRY(hash_options(run, err));
    run->best_valid.accuracy = run->best_test.accuracy = -1;
    run->last_valid.accuracy = run->last_test.accuracy = -1;
out:
    return status;
}

void mwn_run_release(struct mwn_run *run)
{
    mwn_loader_free(run->train);
    mwn_loader_free(run->meta);
    mwn_loader_free(run->valid);
    mwn_loader_free(run->test);
    if (run->method_self && run->settings.method->end)
        run->settings.method->end(run->method_self);
    mwn_free(run->method_self);
    mwn_free(run->given);
    mwn_free(run->meta_items);
    mwn_free(run->meta_chosen);
    mwn_free(run->class_count);
    mwn_step_release(&run->step);
    mwn_net_free(run->net);
    mwn_normalize_release(&run->normalize);
    mwn_sets_close(&run->sets);
    mwn_weight_log_release(&run->weights);
    mwn_journal_release(&run->journal);
    mwn_settings_release(&run->settings);
    mwn_path_unlock(run->lock - 1);
    mwn_free(run->dir);
    memset(run, 0, sizeof(*run));
}

mwn_status mwn_run_begin(struct mwn_run *run, struct mwn_error *err)
{
    const char *path = run->settings.model.init;
    mwn_st_file *file = NULL;

    if (!path || !*path)
        return MWN_OK;
    mwn_status status = mwn_st_open(&file, path, err);
    if (status == MWN_OK)
        status = mwn_model_load(run->net, file, path, &run->head_replaced, err);
    if (status == MWN_OK)
        mwn_net_set_pretrained(run->net);
    mwn_st_close(file);
    return status;
}

mwn_status mwn_run_seek(struct mwn_run *run, struct mwn_error *err)
{
    mwn_status status = mwn_loader_seek(run->train, run->epoch, run->epoch_step, err);
    if (status == MWN_OK && run->meta)
        status =
            mwn_loader_seek(run->meta, 0, mwn_meta_source_steps(run, run->iteration), err);
    return status;
}
