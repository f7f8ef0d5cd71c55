/* fixture_run.h - runs a case of an oracle folder: an iteration of Meta-Weight-Net or L2RW step
 * by step, or by the method itself; keeps every intermediate result. */
#ifndef FIXTURE_RUN_H
#define FIXTURE_RUN_H

#include "engine/step.h"
#include "engine/weight_net.h"
#include "engine/weighting.h"
#include "fixture_net.h"
#include "methods/method.h"
#include "nn/net.h"
#include "tensor/vec.h"

enum { RESULTS_MAX = 40 };

struct backend {
    const char *name, *net;
    enum mwn_dtype dtype;
    double tolerance;
};

/* A result to compare: a vector of the network, one of V, or plain numbers. */
struct result {
    const char *kind;
    void *vector;   /* owned: learner's layout, or NULL      */
    double *values; /* owned [count]                         */
    size_t count;
    bool of_theta;
};

struct run {
    const struct fixture_case *c;
    const struct backend *backend;
    mwn_net *net;
    struct mwn_learner learner;
    struct mwn_batch train, meta;
    int32_t label[FIXTURE_SAMPLES], meta_label[FIXTURE_SAMPLES], head[FIXTURE_SAMPLES];
    void *x, *meta_x; /* owned: in the learner's type  */
    struct mwn_step step;
    struct mwn_weight_net v;
    struct mwn_theta_optimizer theta;
    bool no_memory;
    struct result results[RESULTS_MAX];
    size_t result_count;
};

/* ---- results ---- */

static struct result *add_result(struct run *run, const char *kind)
{
    struct result *r = &run->results[run->result_count];
    if (run->result_count + 1 < RESULTS_MAX)
        run->result_count++;
    *r = (struct result){.kind = kind};
    return r;
}

static void keep_values(struct run *run, const char *kind, const double *values,
                        size_t count)
{
    struct result *r = add_result(run, kind);
    r->values = mwn_alloc(count, sizeof *values);
    r->count = r->values ? count : 0;
    run->no_memory = run->no_memory || !r->values;
    if (r->values)
        memcpy(r->values, values, count * sizeof *values);
}

static void keep_theta(struct run *run, const char *kind, const double *values)
{
    keep_values(run, kind, values, run->v.n_params);
    run->results[run->result_count - 1].of_theta = true;
}

static void keep_vector(struct run *run, const char *kind, const void *vector)
{
    struct result *r = add_result(run, kind);
    size_t size = mwn_dtype_size(run->learner.dtype);
    r->vector = mwn_alloc(run->learner.n_params, size);
    run->no_memory = run->no_memory || !r->vector;
    if (r->vector)
        memcpy(r->vector, vector, run->learner.n_params * size);
}

static void drop_results(struct run *run)
{
    for (size_t i = 0; i < run->result_count; i++) {
        mwn_free(run->results[i].vector);
        mwn_free(run->results[i].values);
    }
    run->result_count = 0;
}

static const struct result *find_result(const struct run *run, const char *kind)
{
    for (size_t i = 0; i < run->result_count; i++)
        if (strcmp(run->results[i].kind, kind) == 0)
            return &run->results[i];
    return NULL;
}

/* ---- setting up a case ---- */

static mwn_status load_batch(struct run *run, const char *key, int32_t *label, void **x,
                             struct mwn_batch *batch, struct mwn_error *err)
{
    const struct mwn_shape in = mwn_net_graph(run->net)->nodes[0].shape;
    const bool meta = strcmp(key, "mx") == 0;
    size_t n = 0;
    double *values = NULL;
    mwn_status status = fixture_labels(run->c, meta ? "my" : "y", label, &n, err);
    if (status == MWN_OK && n == 0)
        status = mwn_fail(err, MWN_ERR_DATA, "case %s has no labels", run->c->name);
    if (status != MWN_OK)
        return status;
    size_t count = n * (size_t)in.c * (size_t)in.h * (size_t)in.w;
    status = fixture_input(run->c, key, count,
                           (struct fixture_stream){meta ? 601 : 600, 1.7, 0}, &values, err);
    if (status != MWN_OK)
        return status;
    *x = mwn_alloc(count, mwn_dtype_size(run->learner.dtype));
    if (*x)
        mwn_vec_from_double(run->learner.dtype, count, values, *x);
    *batch = (struct mwn_batch){.n = n, .x = *x, .label = label};
    mwn_free(values);
    return *x ? MWN_OK : mwn_fail_memory(err, count * sizeof(double), "a batch");
}

/* "param_sum_check": sum and sum of squares of a parameter made from its stream. */
static mwn_status check_sums(const struct run *run, const json_t *sums, const char *name,
                             const double *values, size_t count, struct mwn_error *err)
{
    double sum[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        sum[0] += values[i];
        sum[1] += values[i] * values[i];
    }
    for (size_t k = 0; k < 2 && sums; k++) {
        double wanted = json_number_value(json_array_get(sums, k));
        if (!(fabs(sum[k] - wanted) <= 1e-9 * (1 + fabs(sum[1]))))
            return mwn_fail(err, MWN_ERR_DATA,
                            "case %s: the stream of %s sums to %.15g (expected %.15g)",
                            run->c->name, name, sum[k], wanted);
    }
    return MWN_OK;
}

static mwn_status load_param(struct run *run, size_t j, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct fixture_case *c = run->c;
    const struct mwn_graph *graph = mwn_net_graph(run->net);
    const struct fixture_param param = fixture_param(c, j);
    char key[96];
    double *values = NULL, *momentum = NULL;
    int p = fixture_find(graph, param.name, param.count);
    if (p < 0)
        return mwn_fail(err, MWN_ERR_DATA, "case %s: the network has no parameter %s",
                        c->name, param.name);
    snprintf(key, sizeof key, "theta/%s", param.name);
    MWN_TRY(fixture_input(c, key, param.count, fixture_param_stream(graph, p, j), &values,
                          err));
    MWN_TRY(check_sums(
        run, json_object_get(json_object_get(c->entry, "param_sum_check"), param.name),
        param.name, values, param.count, err));
    mwn_net_set(run->net, run->learner.params, p, values);
    if (run->step.sgd.buffer && fixture_flag(fixture_hyper(c), "buf")) {
        snprintf(key, sizeof key, "momentum/%s", param.name);
        MWN_TRY(fixture_input(c, key, param.count,
                              (struct fixture_stream){700 + j, 0.05, 0}, &momentum, err));
        mwn_net_set(run->net, run->step.sgd.buffer, p, momentum);
        run->step.sgd.has_buffer = true;
    }
out:
    mwn_free(values);
    mwn_free(momentum);
    return status;
}

/* The parts of a vector of V, "w1", "b1", "w2", "b2", ...: first entry and length. */
static bool theta_part(const struct mwn_weight_net *v, const char *part, size_t *at,
                       size_t *count)
{
    int layer = part[0] == 'w' || part[0] == 'b' ? part[1] - '1' : -1;
    if (layer < 0 || layer >= v->layers || part[2] != '\0')
        return false;
    *at = 0;
    for (int l = 0; l < layer; l++)
        *at += (v->width[l] + 1) * v->width[l + 1];
    *count = v->width[layer] * v->width[layer + 1];
    if (part[0] == 'b') {
        *at += *count;
        *count = v->width[layer + 1];
    }
    return true;
}

/* A vector of V from inputs "group/w1", ... or from the streams first, first + 1, ... */
static mwn_status load_theta(struct run *run, const char *group, double *out,
                             const struct fixture_stream stream[4], struct mwn_error *err)
{
    static const char *const parts[] = {"w1", "b1", "w2", "b2"};
    for (size_t k = 0; k < 4; k++) {
        char key[32];
        double *values = NULL;
        size_t at = 0, count = 0;
        snprintf(key, sizeof key, "%s/%s", group, parts[k]);
        if (!theta_part(&run->v, parts[k], &at, &count))
            return mwn_fail(err, MWN_ERR_DATA, "case %s: V has no %s", run->c->name, key);
        mwn_status status = fixture_input(run->c, key, count, stream[k], &values, err);
        if (status != MWN_OK || !values)
            return status;
        memcpy(out + at, values, count * sizeof *values);
        mwn_free(values);
    }
    return MWN_OK;
}

static mwn_status load_weight_net(struct run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const json_t *hyper = fixture_hyper(run->c);
    const struct mwn_int_list hidden = {1, {(int64_t)fixture_real(hyper, "hidden", 100)}};
    const double heads = fixture_real(hyper, "heads", 1),
                 root = sqrt((double)hidden.item[0]);
    const struct fixture_stream theta[4] = {
        {500, 0.8, 0}, {501, 0.5, 0}, {502, 3 / root, 0}, {503, 0.2, 0}};
    const struct fixture_stream first[4] = {
        {900, 0.01, 0}, {901, 0.01, 0}, {902, 0.01, 0}, {903, 0.01, 0}};
    const struct fixture_stream second[4] = {
        {910, 5e-5, 6e-5}, {911, 5e-5, 6e-5}, {912, 5e-5, 6e-5}, {913, 5e-5, 6e-5}};
    struct mwn_theta_optimizer *opt = &run->theta;
    MWN_TRY(mwn_weight_net_init(&run->v, &hidden, (size_t)heads, run->train.n, 1, err));
    MWN_TRY(load_theta(run, "Theta", run->v.theta, theta, err));
    opt->rule = fixture_text_is(hyper, "meta_opt", "sgd") ? MWN_THETA_SGD : MWN_THETA_ADAM;
    opt->lr = fixture_real(hyper, "meta_lr", 1e-3);
    opt->weight_decay = fixture_real(hyper, "meta_wd", 0);
    opt->momentum = fixture_real(hyper, "meta_mom", 0);
    opt->nesterov = fixture_flag(hyper, "meta_nesterov");
    MWN_TRY(mwn_theta_optimizer_init(opt, run->v.n_params, err));
    opt->steps = (uint64_t)fixture_real(hyper, "adam_t", 0);
    if (opt->steps > 0 && opt->rule == MWN_THETA_ADAM) {
        MWN_TRY(load_theta(run, "adam_m", opt->first, first, err));
        MWN_TRY(load_theta(run, "adam_v", opt->second, second, err));
    }
out:
    return status;
}

/* head[n] of V: given, or by the class's cluster, or the only one. */
static mwn_status load_heads(struct run *run, struct mwn_error *err)
{
    int32_t cluster[FIXTURE_SAMPLES];
    size_t count = 0, classes = 0;
    mwn_status status = fixture_labels(run->c, "head", run->head, &count, err);
    if (status == MWN_OK)
        status = fixture_labels(run->c, "cluster_of_class", cluster, &classes, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < run->train.n; i++) {
        size_t label = (size_t)run->label[i];
        if (count != run->train.n)
            run->head[i] = label < classes ? cluster[label] : 0;
        if (run->head[i] < 0 || (size_t)run->head[i] >= run->v.width[run->v.layers])
            return mwn_fail(err, MWN_ERR_DATA, "case %s: V has no head %d", run->c->name,
                            (int)run->head[i]);
    }
    return MWN_OK;
}

static mwn_status open_net(struct run *run, struct mwn_error *err)
{
    struct mwn_graph graph;
    const struct mwn_net_options options = {.backend = run->backend->net,
                                            .dtype = run->backend->dtype,
                                            .bn_eps = 1e-5,
                                            .bn_momentum = 0.1,
                                            .seed = 1};
    mwn_status status = fixture_graph(run->c, &graph, err);
    if (status == MWN_OK)
        status = mwn_net_create(&run->net, &graph, &options, err);
    if (status == MWN_OK)
        mwn_net_learner(run->net, &run->learner);
    return status;
}

static mwn_status open_run(struct run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const json_t *hyper = fixture_hyper(run->c);
    struct mwn_meta_options meta = {
        .every = 1,
        .virtual_step = fixture_text_is(hyper, "virtual", "plain") ? MWN_VIRTUAL_SGD
                                                                   : MWN_VIRTUAL_FULL};
    MWN_TRY(open_net(run, err));
    MWN_TRY(load_batch(run, "x", run->label, &run->x, &run->train, err));
    MWN_TRY(load_batch(run, "mx", run->meta_label, &run->meta_x, &run->meta, err));
    run->step.sgd.momentum = fixture_real(hyper, "mom", 0);
    run->step.sgd.dampening = fixture_real(hyper, "damp", 0);
    run->step.sgd.weight_decay = fixture_real(hyper, "wd", 0);
    run->step.sgd.nesterov = fixture_flag(hyper, "nesterov");
    size_t n = run->train.n > run->meta.n ? run->train.n : run->meta.n;
    MWN_TRY(mwn_step_init(&run->step, &run->learner, &meta, n, true, err));
    run->step.train = &run->train;
    run->step.meta = &run->meta;
    run->step.lr = fixture_real(hyper, "lr", 0.1);
    for (size_t j = 0; j < fixture_params(run->c); j++)
        MWN_TRY(load_param(run, j, err));
    MWN_TRY(load_weight_net(run, err));
    MWN_TRY(load_heads(run, err));
out:
    return status;
}

static void close_run(struct run *run)
{
    drop_results(run);
    mwn_step_release(&run->step);
    mwn_weight_net_release(&run->v);
    mwn_theta_optimizer_release(&run->theta);
    mwn_free(run->x);
    mwn_free(run->meta_x);
    mwn_net_free(run->net);
}

/* ---- an iteration, step by step ---- */

static enum mwn_weighting form_of(const struct fixture_case *c)
{
    const json_t *hyper = fixture_hyper(c);
    if (fixture_flag(hyper, "detach") || fixture_text_is(hyper, "norm", "detached"))
        return MWN_WEIGHTING_SUM_DETACHED;
    return fixture_flag(hyper, "norm") ? MWN_WEIGHTING_SUM : MWN_WEIGHTING_MEAN;
}

static mwn_status keep_logits(struct run *run, struct mwn_error *err)
{
    size_t count = run->train.n * (size_t)mwn_net_classes(run->net);
    double *logits = mwn_alloc(count, sizeof *logits);
    if (!logits)
        return mwn_fail_memory(err, count * sizeof *logits, "logits");
    mwn_net_logits(run->net, logits);
    keep_values(run, "train_logits", logits, count);
    mwn_free(logits);
    return MWN_OK;
}

/* Forward, virtual step with step->coef (all zero for L2RW, whose plain virtual step stays at
 * w), meta pass and d. */
static mwn_status virtual_part(struct run *run, bool at_w, double *scale,
                               struct mwn_error *err)
{
    struct mwn_step *step = &run->step;
    const bool plain = step->options.virtual_step == MWN_VIRTUAL_SGD;
    mwn_status status =
        mwn_step_hypergradient(step, at_w && plain ? NULL : step->coef, scale, err);
    if (status != MWN_OK)
        return status;
    double kappa = *scale / -step->lr;
    keep_values(run, "w_virtual", step->coef, run->train.n);
    keep_vector(run, "theta_hat", at_w && plain ? run->learner.params : step->shifted);
    if (at_w) /* No gradient was asked for: it is zero. */
        memset(step->grad, 0, run->learner.n_params * mwn_dtype_size(run->learner.dtype));
    keep_vector(run, "grad_virtual", step->grad);
    keep_vector(run, "g_meta", step->direction);
    keep_values(run, "meta_loss", &step->meta_mean, 1);
    keep_values(run, "jvp_dL", step->d, run->train.n);
    keep_values(run, "kappa", &kappa, 1);
    return MWN_OK;
}

/* Weights by V: fills step->coef with the coefficients of the actual step. */
static mwn_status weigh_by_net(struct run *run, struct mwn_error *err)
{
    struct mwn_step *step = &run->step;
    const enum mwn_weighting form = form_of(run->c);
    const size_t n = run->train.n;
    double scale = 0;
    mwn_weight_net_forward(&run->v, n, step->loss, run->head, step->weight);
    mwn_weighting_coef(form, n, step->weight, step->coef);
    keep_values(run, "V", step->weight, n);
    mwn_status status = virtual_part(run, false, &scale, err);
    if (status != MWN_OK)
        return status;
    mwn_weighting_gradient(form, n, step->weight, step->d, scale, step->work);
    mwn_weight_net_backward(&run->v, n, step->loss, run->head, step->work);
    keep_theta(run, "grad_Theta", run->v.grad);
    mwn_theta_optimizer_update(&run->theta, run->v.theta, run->v.grad);
    keep_theta(run, "Theta_new", run->v.theta);
    keep_theta(run, "adam_m", run->theta.first);
    keep_theta(run, "adam_v", run->theta.second);
    mwn_weight_net_forward(&run->v, n, step->loss, run->head, step->weight);
    mwn_weighting_coef(form, n, step->weight, step->coef);
    keep_values(run, "V_actual", step->weight, n);
    return MWN_OK;
}

/* Weights of L2RW: max(0, -dL_meta/deps_i) at eps = 0, divided by their sum. */
static mwn_status weigh_by_l2rw(struct run *run, struct mwn_error *err)
{
    struct mwn_step *step = &run->step;
    const size_t n = run->train.n;
    double scale = 0;
    memset(step->coef, 0, n * sizeof *step->coef);
    mwn_status status = virtual_part(run, true, &scale, err);
    if (status != MWN_OK)
        return status;
    for (size_t i = 0; i < n; i++)
        step->work[i] = scale * step->d[i];
    keep_values(run, "grad_eps", step->work, n);
    for (size_t i = 0; i < n; i++)
        step->weight[i] = fmax(0, -step->work[i]);
    mwn_weighting_coef(MWN_WEIGHTING_SUM, n, step->weight, step->coef);
    return MWN_OK;
}

static void keep_actual(struct run *run)
{
    struct mwn_step *step = &run->step;
    double loss = 0;
    for (size_t i = 0; i < run->train.n; i++)
        loss += step->coef[i] * step->loss[i];
    keep_values(run, "train_loss", step->loss, run->train.n);
    keep_values(run, "w_actual", step->coef, run->train.n);
    keep_values(run, "loss_actual", &loss, 1);
    keep_vector(run, "grad_actual", step->grad);
    keep_vector(run, "theta_new", run->learner.params);
    if (step->sgd.buffer)
        keep_vector(run, "momentum_new", step->sgd.buffer);
}

static mwn_status run_by_steps(struct run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_step_forward(&run->step, err));
    MWN_TRY(keep_logits(run, err));
    if (fixture_text_is(fixture_hyper(run->c), "mode", "l2rw"))
        MWN_TRY(weigh_by_l2rw(run, err));
    else
        MWN_TRY(weigh_by_net(run, err));
    MWN_TRY(mwn_step_update(&run->step, run->step.coef, err));
    keep_actual(run);
out:
    return status;
}

/* ---- the same by the method ---- */

static mwn_status method_options(struct run *run, void *options, struct mwn_error *err)
{
    static const char *const forms[] = {"mean", "sum", "sum_detached"};
    const struct mwn_option *rows = mwn_method_mwnet.options;
    const struct mwn_theta_optimizer *opt = &run->theta;
    char text[5][32];
    snprintf(text[0], sizeof text[0], "%zu", run->v.width[1]);
    snprintf(text[1], sizeof text[1], "%.17g", opt->lr);
    snprintf(text[2], sizeof text[2], "%.17g", opt->weight_decay);
    snprintf(text[3], sizeof text[3], "%.17g", opt->momentum);
    const char *const pairs[][2] = {
        {"hidden", text[0]},
        {"lr", text[1]},
        {"weight_decay", text[2]},
        {"momentum", text[3]},
        {"nesterov", opt->nesterov ? "true" : "false"},
        {"optimizer", opt->rule == MWN_THETA_SGD ? "sgd" : "adam"},
        {"weights", forms[form_of(run->c)]},
    };
    mwn_status status = mwn_options_default(rows, options, err);
    for (size_t i = 0; i < MWN_COUNT(pairs) && status == MWN_OK; i++)
        status = mwn_option_set(mwn_option_find(rows, pairs[i][0]), "method", options,
                                pairs[i][1], err);
    return status;
}

/* Puts the case's Theta and optimiser state into the method, or keeps the method's. */
static void method_state(struct run *run, void *self, bool keep)
{
    struct mwn_state_item items[MWN_STATE_MAX];
    const double steps = (double)run->theta.steps;
    const double *const from[] = {run->v.theta, run->theta.first, run->theta.second,
                                  &steps};
    static const char *const names[] = {"theta", "theta.first", "theta.second",
                                        "theta.steps"};
    static const char *const kinds[] = {"Theta_new", "adam_m", "adam_v"};
    int count = mwn_method_mwnet.state(self, items);
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < MWN_COUNT(names); k++) {
            if (strcmp(items[i].name, names[k]) != 0)
                continue;
            if (!keep)
                memcpy(items[i].data, from[k], items[i].n * sizeof(double));
            else if (k < MWN_COUNT(kinds))
                keep_theta(run, kinds[k], items[i].data);
        }
    }
}

static mwn_status run_by_method(struct run *run, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    const struct mwn_method *method = &mwn_method_mwnet;
    void *self = mwn_alloc(1, method->self_size);
    void *options = mwn_alloc(1, method->options_size);
    if (!self || !options) {
        status = mwn_fail_memory(err, method->self_size, "the method");
        goto out;
    }
    MWN_TRY(method_options(run, options, err));
    MWN_TRY(method->begin(self, options,
                          &(struct mwn_method_context){.max_n = run->step.max_n, .seed = 1},
                          err));
    method_state(run, self, false);
    MWN_TRY(method->step(self, &run->step, err));
    method_state(run, self, true);
    keep_values(run, "V_actual", run->step.weight, run->train.n);
    keep_values(run, "jvp_dL", run->step.d, run->train.n);
    keep_values(run, "meta_loss", &run->step.meta_mean, 1);
    keep_vector(run, "theta_hat", run->step.shifted);
    keep_vector(run, "g_meta", run->step.direction);
    keep_actual(run);
out:
    if (self)
        method->end(self);
    if (options)
        mwn_options_release(method->options, options);
    mwn_free(self);
    mwn_free(options);
    return status;
}

#endif
