/* test_nets.c - whole networks: the identity sum_i c_i jvp_i = <grad, u>, the fast backend
 * against the reference, and what a step must not do. */
#include "nn_cases.h"
#include "tier.h"

#include "base/mem.h"
#include "base/option.h"
#include "engine/step.h"
#include "models/model.h"
#include "nn/plan.h"

struct net_case {
    const char *model,
        *variant; /* the shortcut; of mlp: norm and hidden sizes or only A; of
                                  * ImageNet ResNets: A or the stem */
    struct mwn_shape shape;
    double dropout, step; /* size of the direction */
    size_t n;
};

static const struct net_case cases[] = {
    {"mlp", "A", {3, 6, 6}, 0, 0.01, 16},
    {"mlp", "A", {20, 1, 1}, 0.3, 0.01, 16},
    {"smallconv", "A", {1, 28, 28}, 0, 0.01, 8},
    {"resnet8", "A", {3, 16, 16}, 0, 0.01, 8},
    {"resnet20", "A", {3, 8, 8}, 0, 0.01, 6},
    {"resnet20", "B", {3, 8, 8}, 0, 0.01, 6},
    {"wrn-10-1", "A", {3, 8, 8}, 0.3, 0.01, 6},
    {"wrn-16-2", "A", {3, 8, 8}, 0, 0.01, 6},
    {"mlp", "batch ", {20, 1, 1}, 0, 0.01, 16},
    {"mlp", "batch 32", {20, 1, 1}, 0, 0.01, 16},
    {"mlp", "batch 37,16", {3, 6, 6}, 0.3, 0.01, 16},
    {"mlp", "batch 64,9,40", {20, 1, 1}, 0, 0.01, 16},
    {"preact-resnet18", "A", {3, 8, 8}, 0, 0.003, 6},
    {"resnet18", "A", {3, 32, 32}, 0, 0.003, 4},
    {"resnet34", "cifar", {3, 8, 8}, 0, 0.001, 4},
};

/* Without the last three, which have 11 million parameters and more, where time is short. */
static size_t affordable_cases(void)
{
    return MWN_COUNT(cases) - (tier_is_fast() ? 3 : 0);
}

static void set_option(struct mwn_model_options *options, const char *key,
                       const char *value)
{
    struct mwn_error err = {0};
    const struct mwn_option *row = mwn_option_find(mwn_model_option_rows, key);
    if (mwn_option_set(row, "model", options, value, &err) != MWN_OK)
        fail_msg("%s", err.text);
}

static struct mwn_graph build(const struct net_case *c)
{
    struct mwn_error err = {0};
    struct mwn_graph graph = {0};
    struct mwn_model_options options = {0};
    assert_int_equal(mwn_options_default(mwn_model_option_rows, &options, &err), MWN_OK);
    set_option(&options, "name", c->model);
    if (strncmp(c->variant, "batch ", 6) == 0) {
        set_option(&options, "norm", "batch");
        set_option(&options, "hidden", c->variant + 6);
    } else {
        bool stem = strcmp(c->variant, "cifar") == 0;
        set_option(&options, stem ? "stem" : "shortcut", c->variant);
    }
    options.dropout = c->dropout;
    if (mwn_model_build(&graph, &options, c->shape, CASE_CLASSES, &err) != MWN_OK)
        fail_msg("%s", err.text);
    mwn_options_release(mwn_model_option_rows, &options);
    return graph;
}

static mwn_net *net_of(const struct net_case *c, const struct case_kind *kind,
                       struct case_data *data)
{
    struct mwn_graph graph = build(c);
    if (data)
        case_data_make(data, &graph, c->n, CASE_CLASSES, c->step);
    return case_net(&graph, kind);
}

/* A case on the fast backend and on the reference in double; made when first asked for. */
struct outcome {
    struct case_data data;
    struct case_result fast, reference;
};

static struct outcome outcomes[MWN_COUNT(cases)];

static const struct outcome *outcome_of(size_t k)
{
    struct outcome *out = &outcomes[k];
    if (out->reference.grad)
        return out;
    mwn_net *net = net_of(&cases[k], &CASE_FAST, &out->data);
    case_run(net, &out->data, &out->fast);
    mwn_net_free(net);
    net = net_of(&cases[k], &CASE_REF64, NULL);
    case_run(net, &out->data, &out->reference);
    mwn_net_free(net);
    return out;
}

static int release_outcomes(void **state)
{
    (void)state;
    for (size_t k = 0; k < MWN_COUNT(cases); k++) {
        free(outcomes[k].fast.grad);
        free(outcomes[k].reference.grad);
        case_data_release(&outcomes[k].data);
    }
    return 0;
}

static void test_identity_holds_in_double(void **state)
{
    (void)state;
    for (size_t k = 0; k < affordable_cases(); k++)
        if (!(outcome_of(k)->reference.identity < 1e-12))
            fail_msg("%s: %.3g", cases[k].model, outcome_of(k)->reference.identity);
}

static void test_identity_holds_on_the_fast_backend(void **state)
{
    (void)state;
    for (size_t k = 0; k < affordable_cases(); k++)
        if (!(outcome_of(k)->fast.identity < 3e-6))
            fail_msg("%s: %.3g", cases[k].model, outcome_of(k)->fast.identity);
}

/* A ReLU's input within rounding of zero may fall on either side, so single numbers differ;
 * the bound is on the whole. */
static void test_fast_backend_matches_reference(void **state)
{
    (void)state;
    for (size_t k = 0; k < affordable_cases(); k++) {
        const struct outcome *o = outcome_of(k);
        const struct case_result *got = &o->fast, *want = &o->reference;
        double loss = case_distance(got->loss, want->loss, o->data.n);
        double tangent = case_distance(got->dloss, want->dloss, o->data.n);
        double gradient = case_distance(got->grad, want->grad, o->data.params);
        if (!(loss < 1e-5 && tangent < 2e-3 && gradient < 2e-3))
            fail_msg("%s: loss %.2g, tangent %.2g, gradient %.2g", cases[k].model, loss,
                     tangent, gradient);
    }
}

/* Of ResNet-50 only losses and identity: the reference takes seconds for a step, and float
 * and double part by a per cent in its gradients, on the reference itself too. */
static void test_bottlenecks_match_the_reference_and_hold_the_identity(void **state)
{
    (void)state;
    const struct net_case c = {"resnet50", "A", {3, 32, 32}, 0, 0.003, 6};
    struct case_data data;
    struct case_result fast;
    struct mwn_error err = {0};
    struct mwn_learner l;
    double loss[64];
    mwn_net *net = net_of(&c, &CASE_FAST, &data);
    case_run(net, &data, &fast);
    mwn_net_free(net);
    net = net_of(&c, &CASE_REF64, NULL);
    mwn_net_learner(net, &l);
    void *x = case_input(net, &data);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label, .key = 3};
    assert_int_equal(l.forward(l.self, &batch, loss, &err), MWN_OK);
    ASSERT_BELOW(case_distance(fast.loss, loss, data.n), 1e-3);
    ASSERT_BELOW(fast.identity, 3e-6);
    free(x);
    free(fast.grad);
    case_data_release(&data);
    mwn_net_free(net);
}

/* One pass of everything that an iteration does. */
static void iterate(mwn_net *net, const struct mwn_batch *batch, void *grad, double *out)
{
    struct mwn_error err = {0};
    struct mwn_learner l;
    double coef[64];
    mwn_net_learner(net, &l);
    for (size_t i = 0; i < batch->n; i++)
        coef[i] = 1.0 / (double)batch->n;
    if (l.forward(l.self, batch, out, &err) != MWN_OK ||
        l.backward(l.self, coef, grad, &err) != MWN_OK ||
        l.meta(l.self, l.params, batch, &(struct mwn_meta_pass){.loss = out, .grad = grad},
               &err) != MWN_OK ||
        l.jvp(l.self, grad, 0, out, &err) != MWN_OK ||
        l.backward(l.self, coef, grad, &err) != MWN_OK)
        fail_msg("%s", err.text);
}

/* A batch-norm behind a convolution whose bias, of which nothing is left behind the norm, is
 * large against the deviation. */
static mwn_net *far_net(const struct case_kind *kind, struct case_data *data)
{
    struct mwn_graph g = {0};
    const struct mwn_conv_spec first = {
        .out = 16, .kernel_h = 1, .kernel_w = 1, .stride = 1};
    const struct mwn_conv_spec second = {
        .out = 16, .kernel_h = 3, .kernel_w = 3, .stride = 1, .pad = 1, .bias = true};
    const struct mwn_linear_spec head = {.out = CASE_CLASSES};
    double far[16];
    int x = mwn_graph_input(&g, (struct mwn_shape){3, 8, 8});
    x = mwn_graph_conv(&g, x, "first", &first);
    x = mwn_graph_conv(&g, x, "second", &second);
    x = mwn_graph_bnorm(&g, x, MWN_NO_NODE, true, "norm");
    x = mwn_graph_linear(&g, mwn_graph_gpool(&g, x), "head", &head);
    mwn_graph_output(&g, x);
    case_data_make(data, &g, 6, CASE_CLASSES, 0.01);
    mwn_net *net = case_net(&g, kind);
    for (int c = 0; c < 16; c++)
        far[c] = 200;
    mwn_net_set(net, mwn_net_params(net), 2, far);
    return net;
}

/* On AVX2 the convolution is oneDNN's, which adds to the bias product by product. */
static void test_batch_norm_is_exact_far_from_zero(void **state)
{
    (void)state;
    const struct case_kind *kinds[] = {&CASE_FAST, &CASE_REF64};
    struct case_data data[2];
    struct case_result result[2];
    bool is_rough = false;
    for (int k = 0; k < 2; k++) {
        mwn_net *net = far_net(kinds[k], &data[k]);
        assert_string_equal(mwn_net_graph(net)->params[2].name, "second.bias");
        is_rough = is_rough || strstr(mwn_net_backend(net), "avx2");
        case_run(net, &data[k], &result[k]);
        mwn_net_free(net);
    }
    ASSERT_BELOW(case_distance(result[0].loss, result[1].loss, data[0].n), 1e-5);
    ASSERT_BELOW(case_distance(result[0].dloss, result[1].dloss, data[0].n),
                 is_rough ? 1e-2 : 1e-3);
    for (int k = 0; k < 2; k++) {
        free(result[k].grad);
        case_data_release(&data[k]);
    }
}

/* bfloat16 has 8 bits: the bounds are on how far a net with every activation rounded to it is
 * from the reference, about twice what is seen. In the direction of the losses' gradient, the
 * one that counts, tangent and gradient still agree. */
static void test_bf16_is_near_the_reference(void **state)
{
    (void)state;
    if (!case_has_bf16())
        skip();
    for (size_t k = 0; k < affordable_cases(); k++) {
        /* On such small images the last stage normalises over four numbers a channel. */
        if (strcmp(cases[k].model, "resnet18") == 0)
            continue;
        const struct outcome *o = outcome_of(k);
        struct case_data data;
        struct case_result got;
        mwn_net *net = net_of(&cases[k], &CASE_BF16, &data);
        case_run(net, &data, &got);
        double loss = case_distance(got.loss, o->reference.loss, data.n);
        double tangent = case_distance(got.dloss, o->reference.dloss, data.n);
        double gradient = case_distance(got.grad, o->reference.grad, data.params);
        if (!(loss < 0.03 && tangent < 0.5 && gradient < 0.5 && got.identity < 0.02))
            fail_msg("%s: loss %.2g, tangent %.2g, gradient %.2g, identity %.2g",
                     cases[k].model, loss, tangent, gradient, got.identity);
        free(got.grad);
        case_data_release(&data);
        mwn_net_free(net);
    }
}

/* The meta pass in another precision than the training pass, both ways. */
static void test_precisions_of_train_and_meta_are_apart(void **state)
{
    (void)state;
    if (!case_has_bf16())
        skip();
    for (int bf16_meta = 0; bf16_meta < 2; bf16_meta++) {
        struct case_kind mixed = CASE_FAST;
        mixed.precision = bf16_meta ? MWN_PRECISION_F32 : MWN_PRECISION_BF16;
        mixed.meta_precision = bf16_meta ? MWN_PRECISION_BF16 : MWN_PRECISION_F32;
        const struct case_kind *train = bf16_meta ? &CASE_FAST : &CASE_BF16;
        const struct case_kind *meta = bf16_meta ? &CASE_BF16 : &CASE_FAST;
        const struct case_kind *kinds[] = {&mixed, train, meta};
        double loss[3][64], meta_loss[3][64];
        size_t n = 0;
        for (int k = 0; k < 3; k++) {
            struct mwn_error err = {0};
            struct case_data data;
            struct mwn_learner learner;
            mwn_net *net = net_of(&cases[3], kinds[k], &data);
            mwn_net_learner(net, &learner);
            void *x = case_input(net, &data);
            const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label};
            assert_int_equal(learner.forward(learner.self, &batch, loss[k], &err), MWN_OK);
            const struct mwn_meta_pass pass = {.loss = meta_loss[k]};
            assert_int_equal(
                learner.meta(learner.self, learner.params, &batch, &pass, &err), MWN_OK);
            n = data.n;
            free(x);
            case_data_release(&data);
            mwn_net_free(net);
        }
        assert_memory_equal(loss[0], loss[1], n * sizeof(double));
        assert_memory_equal(meta_loss[0], meta_loss[2], n * sizeof(double));
        assert_memory_not_equal(loss[1], loss[2], n * sizeof(double));
    }
}

static void test_planned_step_allocates_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < affordable_cases(); k++) {
        const struct case_data *data = &outcome_of(k)->data;
        struct mwn_error err = {0};
        double out[64];
        mwn_net *net = net_of(&cases[k], &CASE_FAST, NULL);
        assert_int_equal(mwn_net_plan(net, data->n, data->n, &err), MWN_OK);
        void *x = case_input(net, data), *grad = case_alloc(mwn_net_vector(net), 8);
        const struct mwn_batch batch = {.n = data->n, .x = x, .label = data->label};
        uint64_t before = mwn_mem_count();
        size_t memory = mwn_net_memory(net);
        iterate(net, &batch, grad, out);
        assert_true(mwn_mem_count() == before);
        assert_true(mwn_net_memory(net) == memory);
        free(x);
        free(grad);
        mwn_net_free(net);
    }
}

/* What an iteration leaves in a net: gradient, tangents, running statistics, memory. */
struct trace {
    double tangent[64], mean[64], variance[64];
    void *grad; /* [bytes] */
    size_t bytes, memory;
};

static struct trace trace_of(const struct net_case *c, const struct case_kind *kind)
{
    struct case_data data;
    struct mwn_error err = {0};
    mwn_net *net = net_of(c, kind, &data);
    struct trace out = {.bytes = mwn_net_vector(net) * mwn_dtype_size(mwn_net_dtype(net))};
    void *x = case_input(net, &data);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label, .key = 7};
    out.grad = case_alloc(1, out.bytes);
    assert_int_equal(mwn_net_plan(net, data.n, data.n, &err), MWN_OK);
    out.memory = mwn_net_memory(net);
    iterate(net, &batch, out.grad, out.tangent);
    assert_true(mwn_net_memory(net) == out.memory);
    if (mwn_net_graph(net)->stats_count > 0)
        mwn_net_get_stats(net, 0, out.mean, out.variance);
    free(x);
    case_data_release(&data);
    mwn_net_free(net);
    return out;
}

static void check_low_memory(const struct net_case *c, const struct case_kind *kind)
{
    struct case_kind saving = *kind;
    saving.low_memory = true;
    struct trace full = trace_of(c, kind), low = trace_of(c, &saving);
    assert_int_equal(full.bytes, low.bytes);
    if (memcmp(full.grad, low.grad, full.bytes) != 0)
        fail_msg("%s: the gradients differ", c->model);
    assert_memory_equal(full.tangent, low.tangent, sizeof full.tangent);
    assert_memory_equal(full.mean, low.mean, sizeof full.mean);
    assert_memory_equal(full.variance, low.variance, sizeof full.variance);
    if (low.memory > full.memory)
        fail_msg("%s: %zu bytes instead of %zu", c->model, low.memory, full.memory);
    free(full.grad);
    free(low.grad);
}

/* Large nets once, and of the smaller ones two samples for the slow reference backend. */
static void test_low_memory_gives_the_same_bytes(void **state)
{
    (void)state;
    static const struct case_kind ref32 = {.backend = "ref", .dtype = MWN_F32};
    for (size_t k = 0; k < affordable_cases(); k++) {
        struct net_case few = cases[k];
        few.n = 2;
        check_low_memory(&cases[k], &CASE_FAST);
        if (case_has_bf16() && !strstr(few.model, "resnet18"))
            check_low_memory(&cases[k], &CASE_BF16);
        if (strcmp(few.model, "mlp") == 0 || strcmp(few.model, "wrn-10-1") == 0)
            check_low_memory(&few, &CASE_REF64);
        if (strcmp(few.model, "smallconv") == 0 || strcmp(few.variant, "B") == 0)
            check_low_memory(&few, &ref32);
    }
}

/* Convolution outputs are half of the activations of both batches, and stay; chains of blocks
 * do not make up for what is saved. */
static void test_low_memory_halves_the_activations(void **state)
{
    (void)state;
    static const char *const models[] = {"resnet32", "resnet110"};
    for (size_t k = 0; k < MWN_COUNT(models); k++) {
        const struct net_case c = {models[k], "A", {3, 32, 32}, 0, 0.01, 20};
        size_t memory[2];
        for (int low = 0; low < 2; low++) {
            struct case_kind kind = CASE_FAST;
            struct mwn_error err = {0};
            kind.low_memory = low;
            mwn_net *net = net_of(&c, &kind, NULL);
            assert_int_equal(mwn_net_plan(net, c.n, c.n, &err), MWN_OK);
            memory[low] = mwn_net_memory(net);
            mwn_net_free(net);
        }
        ASSERT_BELOW((double)memory[1] / (double)memory[0], 0.6);
    }
}

static void test_same_pass_twice_gives_the_same_bytes(void **state)
{
    (void)state;
    struct case_data data;
    double out[2][64];
    mwn_net *net = net_of(&cases[4], &CASE_FAST, &data);
    size_t bytes = mwn_net_vector(net) * sizeof(float);
    void *x = case_input(net, &data), *first = case_alloc(1, bytes),
         *second = case_alloc(1, bytes);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label};
    iterate(net, &batch, first, out[0]);
    iterate(net, &batch, second, out[1]);
    assert_memory_equal(first, second, bytes);
    assert_memory_equal(out[0], out[1], data.n * sizeof(double));
    free(x);
    free(first);
    free(second);
    case_data_release(&data);
    mwn_net_free(net);
}

static void test_meta_pass_leaves_the_training_pass_intact(void **state)
{
    (void)state;
    struct case_data data;
    struct mwn_error err = {0};
    struct mwn_learner l;
    double loss[64], before[64], after[64];
    double mean[2][64], variance[2][64];
    mwn_net *net = net_of(&cases[3], &CASE_FAST, &data);
    mwn_net_learner(net, &l);
    float *x = case_input(net, &data);
    void *u = case_vector(net, data.direction), *moved = case_alloc(l.n_params, 4);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label};
    mwn_vec_add(l.dtype, l.n_params, l.params, 1, u, moved);
    assert_int_equal(l.forward(l.self, &batch, loss, &err), MWN_OK);
    assert_int_equal(l.jvp(l.self, u, 0, before, &err), MWN_OK);
    mwn_net_get_stats(net, 2, mean[0], variance[0]);
    const struct mwn_meta_pass pass = {.loss = loss, .grad = u};
    assert_int_equal(l.meta(l.self, moved, &batch, &pass, &err), MWN_OK);
    free(u);
    u = case_vector(net, data.direction);
    assert_int_equal(l.jvp(l.self, u, 0, after, &err), MWN_OK);
    mwn_net_get_stats(net, 2, mean[1], variance[1]);
    assert_memory_equal(before, after, data.n * sizeof(double));
    assert_memory_equal(mean[0], mean[1], 16 * sizeof(double));
    assert_memory_equal(variance[0], variance[1], 16 * sizeof(double));
    free(x);
    free(u);
    free(moved);
    case_data_release(&data);
    mwn_net_free(net);
}

static void test_last_layer_tangent_is_the_full_one_of_a_cut_direction(void **state)
{
    (void)state;
    struct case_data data;
    struct mwn_error err = {0};
    struct mwn_learner l;
    double loss[64], cut[64], full[64];
    mwn_net *net = net_of(&cases[2], &CASE_FAST, &data);
    mwn_net_learner(net, &l);
    float *x = case_input(net, &data), *u = case_vector(net, data.direction);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label};
    assert_true(l.head > 0);
    assert_int_equal(l.forward(l.self, &batch, loss, &err), MWN_OK);
    assert_int_equal(l.jvp(l.self, u, l.head, cut, &err), MWN_OK);
    memset(u, 0, l.head * sizeof(float));
    assert_int_equal(l.jvp(l.self, u, 0, full, &err), MWN_OK);
    ASSERT_BELOW(case_distance(cut, full, data.n), 1e-6);
    free(x);
    free(u);
    case_data_release(&data);
    mwn_net_free(net);
}

/* Passes that may stop, or start, at a layer: what they leave out, and that the rest is as in the
 * whole pass. */
static void check_cut(const mwn_net *net, const struct mwn_learner *l, size_t from,
                      const struct mwn_batch *batch, const void *u)
{
    struct mwn_error err = {0};
    double loss[64], whole_loss[64], cut[64], whole[64];
    size_t size = mwn_dtype_size(l->dtype), bytes = l->n_params * size;
    char *part = case_alloc(1, bytes), *all = case_alloc(1, bytes);
    char *ends = case_alloc(1, bytes);
    const struct mwn_meta_pass passes[] = {{.loss = loss, .grad = part, .from = from},
                                           {.loss = whole_loss, .grad = all}};
    for (int k = 0; k < 2; k++)
        assert_int_equal(l->meta(l->self, l->params, batch, &passes[k], &err), MWN_OK);
    assert_memory_equal(loss, whole_loss, batch->n * sizeof *loss);
    assert_memory_equal(part + from * size, all + from * size, bytes - from * size);
    memcpy(ends + from * size, (const char *)u + from * size, bytes - from * size);
    assert_int_equal(l->jvp(l->self, u, from, cut, &err), MWN_OK);
    assert_int_equal(l->jvp(l->self, ends, 0, whole, &err), MWN_OK);
    ASSERT_BELOW(case_distance(cut, whole, batch->n),
                 mwn_net_dtype(net) == MWN_F64 ? 1e-12 : 1e-5);
    free(part);
    free(all);
    free(ends);
}

static void check_cuts(const struct net_case *c, const struct case_kind *kind,
                       size_t stride)
{
    struct mwn_learner l;
    struct case_data data;
    double loss[64];
    mwn_net *net = net_of(c, kind, &data);
    mwn_net_learner(net, &l);
    void *x = case_input(net, &data), *u = case_vector(net, data.direction);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label, .key = 3};
    assert_int_equal(l.forward(l.self, &batch, loss, NULL), MWN_OK);
    assert_int_equal(l.layers[0], 0);
    for (size_t layer = 1; layer < l.layer_count; layer += stride)
        check_cut(net, &l, l.layers[layer], &batch, u);
    check_cut(net, &l, l.head, &batch, u);
    free(x);
    free(u);
    case_data_release(&data);
    mwn_net_free(net);
}

/* The parameters of the last one's projections do not come in the order of the nodes. */
static void test_passes_cut_at_a_layer_are_the_ends_of_whole_ones(void **state)
{
    (void)state;
    static const struct net_case c[] = {{"smallconv", "A", {1, 28, 28}, 0, 0.01, 4},
                                        {"resnet8", "B", {3, 8, 8}, 0, 0.01, 4},
                                        {"wrn-10-1", "A", {3, 8, 8}, 0.3, 0.01, 4},
                                        {"resnet18", "A", {3, 32, 32}, 0, 0.003, 2}};
    for (size_t k = 0; k < 3; k++)
        check_cuts(&c[k], &CASE_FAST, 1);
    check_cuts(&c[3], &CASE_FAST, 6);
    check_cuts(&c[1], &CASE_REF64, 2);
    check_cuts(&c[2], &CASE_REF64, 2);
    if (case_has_bf16())
        check_cuts(&c[1], &CASE_BF16, 2);
}

/* The time of a node that did not run stays at zero. */
static void test_passes_cut_at_the_head_run_nothing_below_it(void **state)
{
    (void)state;
    struct case_data data;
    struct mwn_error err = {0};
    struct mwn_learner l;
    double loss[64];
    mwn_net *net = net_of(&cases[4], &CASE_FAST, &data);
    const struct mwn_graph *graph = mwn_net_graph(net);
    mwn_net_learner(net, &l);
    void *x = case_input(net, &data), *u = case_vector(net, data.direction);
    const size_t nodes = (size_t)graph->node_count;
    double *seconds = case_alloc(3 * nodes, sizeof *seconds);
    const struct mwn_trace trace = {{seconds, seconds + nodes, seconds + 2 * nodes}};
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label};
    const struct mwn_meta_pass pass = {.loss = loss, .grad = u, .from = l.head};
    assert_int_equal(l.forward(l.self, &batch, loss, &err), MWN_OK);
    mwn_net_trace(net, &trace);
    assert_int_equal(l.meta(l.self, l.params, &batch, &pass, &err), MWN_OK);
    assert_int_equal(l.jvp(l.self, u, l.head, loss, &err), MWN_OK);
    assert_true(l.head == l.layers[l.layer_count - 1]);
    for (int i = 0; i < graph->node_count; i++) {
        const bool is_head = i == graph->output;
        assert_true((trace.seconds[MWN_TRACE_BACKWARD][i] > 0) == is_head);
        assert_true((trace.seconds[MWN_TRACE_JVP][i] > 0) == is_head);
    }
    mwn_net_trace(net, NULL);
    free(seconds);
    free(x);
    free(u);
    case_data_release(&data);
    mwn_net_free(net);
}

/* ---- Features and tangents of the output ---- */

/* What a forward pass gave of the last layer's input, and what that layer makes of it. */
struct seen {
    size_t features;
    double *feature, *logits, *again; /* owned [n][features], [n][CASE_CLASSES] twice */
};

static struct seen seen_of(const struct net_case *c, const struct case_kind *kind)
{
    struct case_data data;
    struct mwn_learner l;
    double loss[64];
    mwn_net *net = net_of(c, kind, &data);
    mwn_net_learner(net, &l);
    const struct mwn_graph *graph = mwn_net_graph(net);
    const int *param = graph->nodes[graph->output].param;
    struct seen s = {.features = l.features};
    s.feature = case_alloc(c->n * s.features, sizeof(double));
    s.logits = case_alloc(c->n * CASE_CLASSES, sizeof(double));
    s.again = case_alloc(c->n * CASE_CLASSES, sizeof(double));
    void *x = case_input(net, &data);
    double *w = case_alloc(CASE_CLASSES * s.features, sizeof *w), bias[CASE_CLASSES];
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label, .key = 3};
    const struct mwn_meta_pass pass = {.loss = loss};
    assert_int_equal(l.forward(l.self, &batch, loss, NULL), MWN_OK);
    assert_int_equal(l.meta(l.self, l.params, &batch, &pass, NULL), MWN_OK);
    assert_int_equal(l.feature(l.self, s.feature, NULL), MWN_OK);
    assert_int_equal(l.output(l.self, s.logits, NULL), MWN_OK);
    mwn_net_get(net, l.params, param[0], w);
    mwn_net_get(net, l.params, param[1], bias);
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < CASE_CLASSES; k++) {
            double sum = bias[k];
            for (size_t j = 0; j < s.features; j++)
                sum += w[k * s.features + j] * s.feature[i * s.features + j];
            s.again[i * CASE_CLASSES + k] = sum;
        }
    free(x);
    free(w);
    case_data_release(&data);
    mwn_net_free(net);
    return s;
}

static void seen_release(struct seen *s)
{
    free(s->feature);
    free(s->logits);
    free(s->again);
}

/* What a network of this kind sees is near what the reference saw. */
static void expect_seen(const struct net_case *c, const struct case_kind *kind,
                        const struct seen *want, double bound)
{
    struct seen got = seen_of(c, kind);
    assert_int_equal(got.features, want->features);
    ASSERT_BELOW(case_distance(got.again, got.logits, c->n * CASE_CLASSES), 1e-5);
    ASSERT_BELOW(case_distance(got.feature, want->feature, c->n * want->features), bound);
    seen_release(&got);
}

static void test_the_last_layer_makes_the_logits_of_the_features(void **state)
{
    (void)state;
    const struct case_kind saving = {
        .backend = "auto", .dtype = MWN_F32, .low_memory = true};
    for (size_t k = 0; k < affordable_cases(); k++) {
        const struct net_case *c = &cases[k];
        struct seen want = seen_of(c, &CASE_REF64);
        expect_seen(c, &CASE_FAST, &want, 1e-4);
        expect_seen(c, &saving, &want, 1e-4);
        if (case_has_bf16())
            expect_seen(c, &CASE_BF16, &want, 0.2);
        ASSERT_BELOW(case_distance(want.again, want.logits, c->n * CASE_CLASSES), 1e-12);
        seen_release(&want);
    }
}

/* The gradient by slopes of the output and of the features, as doubles. */
static double *pulled(const struct mwn_learner *l, const double *slope,
                      const double *by_feature)
{
    void *grad = case_alloc(l->n_params, sizeof(double));
    double *out = case_alloc(l->n_params, sizeof *out);
    mwn_status status = by_feature ? l->pull_both(l->self, slope, by_feature, grad, NULL)
                                   : l->pull(l->self, slope, grad, NULL);
    assert_int_equal(status, MWN_OK);
    mwn_vec_to_double(l->dtype, l->n_params, grad, out);
    free(grad);
    return out;
}

/* With W the last layer's weights: slopes W^T s of the features do below that layer what
 * slopes s of the output do, and to itself nothing. */
static void check_pull_both(const struct net_case *c, const struct case_kind *kind)
{
    struct case_data data;
    struct mwn_learner l;
    double loss[64], slope[64 * CASE_CLASSES], sum[64 * CASE_CLASSES];
    mwn_net *net = net_of(c, kind, &data);
    mwn_net_learner(net, &l);
    const struct mwn_graph *graph = mwn_net_graph(net);
    double *w = case_alloc(CASE_CLASSES * l.features, sizeof *w);
    double *by_feature = case_alloc(c->n * l.features, sizeof *by_feature);
    void *x = case_input(net, &data);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label, .key = 3};
    assert_int_equal(l.forward(l.self, &batch, loss, NULL), MWN_OK);
    mwn_net_get(net, l.params, graph->nodes[graph->output].param[0], w);
    for (size_t i = 0; i < c->n * CASE_CLASSES; i++) {
        double more = cos(1.3 * (double)i);
        slope[i] = sin(1.7 * (double)i);
        sum[i] = slope[i] + more;
        for (size_t h = 0; h < l.features; h++)
            by_feature[i / CASE_CLASSES * l.features + h] +=
                more * w[i % CASE_CLASSES * l.features + h];
    }
    double *both = pulled(&l, slope, by_feature), *below = pulled(&l, sum, NULL);
    double *head = pulled(&l, slope, NULL), bound = kind->dtype == MWN_F64 ? 1e-12 : 1e-5;
    ASSERT_BELOW(case_distance(both, below, l.head), bound);
    ASSERT_BELOW(case_distance(both + l.head, head + l.head, l.n_params - l.head), bound);
    double *const all[] = {w, by_feature, x, both, below, head};
    for (size_t i = 0; i < MWN_COUNT(all); i++)
        free(all[i]);
    case_data_release(&data);
    mwn_net_free(net);
}

static void test_slopes_of_the_features_go_down_below_the_last_layer(void **state)
{
    (void)state;
    const struct case_kind saving = {
        .backend = "auto", .dtype = MWN_F32, .low_memory = true};
    for (size_t k = 0; k < affordable_cases(); k++) {
        check_pull_both(&cases[k], &CASE_REF64);
        check_pull_both(&cases[k], &CASE_FAST);
        check_pull_both(&cases[k], &saving);
        if (case_has_bf16())
            check_pull_both(&cases[k], &CASE_BF16);
    }
}

/* Central differences of the output, by moving the parameters. */
static void check_tangent(const struct net_case *c, size_t layer)
{
    struct case_data data;
    struct mwn_learner l;
    double loss[64], tangent[64 * CASE_CLASSES], out[2][64 * CASE_CLASSES];
    mwn_net *net = net_of(c, &CASE_REF64, &data);
    mwn_net_learner(net, &l);
    size_t from = l.layers[layer], count = c->n * CASE_CLASSES;
    void *x = case_input(net, &data);
    double *u = case_vector(net, data.direction), *w = l.params;
    double *kept = case_alloc(l.n_params, sizeof *kept);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label, .key = 3};
    memcpy(kept, w, l.n_params * sizeof *w);
    assert_int_equal(l.forward(l.self, &batch, loss, NULL), MWN_OK);
    assert_int_equal(l.tangent(l.self, u, from, tangent, NULL), MWN_OK);
    for (int k = 0; k < 2; k++) {
        for (size_t p = from; p < l.n_params; p++)
            w[p] = kept[p] + (k ? 1e-6 : -1e-6) * u[p];
        assert_int_equal(l.forward(l.self, &batch, loss, NULL), MWN_OK);
        assert_int_equal(l.output(l.self, out[k], NULL), MWN_OK);
    }
    for (size_t i = 0; i < count; i++)
        out[0][i] = (out[1][i] - out[0][i]) / 2e-6;
    ASSERT_BELOW(case_distance(tangent, out[0], count), 1e-6);
    free(x);
    free(u);
    free(kept);
    case_data_release(&data);
    mwn_net_free(net);
}

static void test_tangents_of_the_output_are_its_derivatives(void **state)
{
    (void)state;
    check_tangent(&cases[0], 0);
    check_tangent(&cases[3], 0);
    check_tangent(&cases[3], 4);
}

/* dloss_i = sum_k (p_ik - y_ik) dz_ik, on the fast backend. */
static void test_tangents_of_losses_follow_from_those_of_the_output(void **state)
{
    (void)state;
    const struct net_case *c = &cases[3];
    struct case_data data;
    struct mwn_learner l;
    double loss[64], dloss[64], again[64] = {0}, z[64 * CASE_CLASSES],
                                dz[64 * CASE_CLASSES];
    mwn_net *net = net_of(c, &CASE_FAST, &data);
    mwn_net_learner(net, &l);
    void *x = case_input(net, &data), *u = case_vector(net, data.direction);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label};
    assert_int_equal(l.forward(l.self, &batch, loss, NULL), MWN_OK);
    assert_int_equal(l.jvp(l.self, u, 0, dloss, NULL), MWN_OK);
    assert_int_equal(l.output(l.self, z, NULL), MWN_OK);
    assert_int_equal(l.tangent(l.self, u, 0, dz, NULL), MWN_OK);
    for (size_t i = 0; i < data.n; i++) {
        const double *row = z + i * CASE_CLASSES;
        double lse = loss[i] + row[data.label[i]];
        for (size_t k = 0; k < CASE_CLASSES; k++)
            again[i] += (exp(row[k] - lse) - (k == (size_t)data.label[i])) *
                        dz[i * CASE_CLASSES + k];
    }
    ASSERT_BELOW(case_distance(again, dloss, data.n), 1e-5);
    free(x);
    free(u);
    case_data_release(&data);
    mwn_net_free(net);
}

/* A step in the reference backend, and its meta loss as a function of the coefficients. */
static double meta_loss_at(struct mwn_step *step, const double *coef)
{
    const struct mwn_learner *l = step->learner;
    double sum = 0, loss[64];
    const struct mwn_meta_pass pass = {.loss = loss};
    double *moved = case_alloc(l->n_params, sizeof *moved), *grad = step->grad;
    assert_int_equal(l->backward(l->self, coef, grad, NULL), MWN_OK);
    mwn_vec_add(MWN_F64, l->n_params, l->params, -step->lr, grad, moved);
    assert_int_equal(l->meta(l->self, moved, step->meta, &pass, NULL), MWN_OK);
    for (size_t j = 0; j < step->meta->n; j++)
        sum += loss[j];
    free(moved);
    return sum / (double)step->meta->n;
}

static void check_hypergradient(const struct net_case *c)
{
    struct mwn_error err = {0};
    struct case_data data;
    struct mwn_learner l;
    struct mwn_step step = {0};
    const double h = 1e-6; /* small: no ReLU may change sides */
    double scale = 0, expected[64], coef[64];
    mwn_net *net = net_of(c, &CASE_REF64, &data);
    mwn_net_learner(net, &l);
    void *x = case_input(net, &data);
    const size_t half = data.n / 2;
    const struct mwn_batch train = {.n = half, .x = x, .label = data.label, .key = 3};
    const struct mwn_batch meta = {.n = data.n - half,
                                   .x = (double *)x + half * data.sample,
                                   .label = data.label + half,
                                   .key = 4};
    const struct mwn_meta_options options = {.every = 1};
    assert_int_equal(mwn_step_init(&step, &l, &options, data.n, true, &err), MWN_OK);
    step.train = &train;
    step.meta = &meta;
    step.lr = 0.3;
    assert_int_equal(mwn_step_forward(&step, &err), MWN_OK);
    memcpy(coef, data.coef, sizeof coef);
    for (size_t i = 0; i < half; i++) {
        coef[i] = data.coef[i] + h;
        expected[i] = meta_loss_at(&step, coef);
        coef[i] = data.coef[i] - h;
        expected[i] = (expected[i] - meta_loss_at(&step, coef)) / (2 * h);
        coef[i] = data.coef[i];
    }
    assert_int_equal(mwn_step_hypergradient(&step, coef, &scale, &err), MWN_OK);
    for (size_t i = 0; i < half; i++)
        coef[i] = scale * step.d[i];
    ASSERT_BELOW(case_distance(coef, expected, half), 1e-7);
    mwn_step_release(&step);
    free(x);
    case_data_release(&data);
    mwn_net_free(net);
}

/* Every mlp: differences of the meta loss at w^ by each coefficient. */
static void test_hypergradient_is_the_derivative_by_the_coefficients(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t k = 0; k < MWN_COUNT(cases); k++)
        if (strcmp(cases[k].model, "mlp") == 0) {
            check_hypergradient(&cases[k]);
            count++;
        }
    assert_int_equal(count, 6);
}

/* As a PyTorch model with the modules fc1, bn1, fc2, ... has them. */
static void test_parameters_of_a_normed_mlp_are_named_as_in_pytorch(void **state)
{
    (void)state;
    static const char *const names[] = {"fc1.weight", "fc1.bias", "bn1.weight", "bn1.bias",
                                        "fc2.weight", "fc2.bias", "bn2.weight", "bn2.bias",
                                        "fc3.weight", "fc3.bias"};
    struct mwn_graph graph =
        build(&(struct net_case){"mlp", "batch 8,6", {5, 1, 1}, 0, 0, 1});
    assert_int_equal(graph.param_count, MWN_COUNT(names));
    for (size_t p = 0; p < MWN_COUNT(names); p++)
        assert_string_equal(graph.params[p].name, names[p]);
    mwn_graph_release(&graph);
}

static void test_published_parameter_counts(void **state)
{
    (void)state;
    const struct {
        struct net_case c;
        size_t count; /* with 4 classes instead of 10: 6 rows of the head less */
    } known[] = {
        {{"resnet20", "A", {3, 32, 32}, 0, 0, 1}, 269722 - 6 * 65},
        {{"resnet32", "A", {3, 32, 32}, 0, 0, 1}, 464154 - 6 * 65},
        {{"wrn-28-10", "A", {3, 32, 32}, 0, 0, 1}, 36479194 - 6 * 641},
        {{"preact-resnet18", "A", {3, 32, 32}, 0, 0, 1}, 11171146 - 6 * 513},
        {{"preact-resnet34", "A", {3, 32, 32}, 0, 0, 1}, 21279306 - 6 * 513},
        {{"resnet18", "A", {3, 224, 224}, 0, 0, 1}, 11181642 - 6 * 513},
        {{"resnet34", "A", {3, 224, 224}, 0, 0, 1}, 21289802 - 6 * 513},
        {{"resnet34", "cifar", {3, 32, 32}, 0, 0, 1}, 21282122 - 6 * 513},
        {{"resnet50", "A", {3, 224, 224}, 0, 0, 1}, 23528522 - 6 * 2049},
    };
    for (size_t k = 0; k < MWN_COUNT(known); k++) {
        struct mwn_graph graph = build(&known[k].c);
        size_t count = 0;
        for (int p = 0; p < graph.param_count; p++)
            count += graph.params[p].count;
        assert_int_equal(count, known[k].count);
        mwn_graph_release(&graph);
    }
}

/* The first projection is registered after the norm that adds it. */
static void test_parameters_come_in_torchvisions_order(void **state)
{
    (void)state;
    static const char *const names[] = {"conv1.weight",
                                        "bn1.weight",
                                        "bn1.bias",
                                        "layer1.0.conv1.weight",
                                        "layer1.0.bn1.weight",
                                        "layer1.0.bn1.bias",
                                        "layer1.0.conv2.weight",
                                        "layer1.0.bn2.weight",
                                        "layer1.0.bn2.bias",
                                        "layer1.0.conv3.weight",
                                        "layer1.0.bn3.weight",
                                        "layer1.0.bn3.bias",
                                        "layer1.0.downsample.0.weight",
                                        "layer1.0.downsample.1.weight",
                                        "layer1.0.downsample.1.bias",
                                        "layer1.1.conv1.weight"};
    struct mwn_graph graph =
        build(&(struct net_case){"resnet50", "A", {3, 64, 64}, 0, 0, 1});
    assert_int_equal(graph.param_count, 161);
    for (size_t p = 0; p < MWN_COUNT(names); p++)
        assert_string_equal(graph.params[p].name, names[p]);
    assert_string_equal(graph.params[160].name, "fc.bias");
    for (int p = 0; p < graph.param_count; p++) {
        const struct mwn_node *node = &graph.nodes[graph.params[p].node];
        assert_true(node->param[0] == p || node->param[1] == p);
        assert_memory_equal(node->name, graph.params[p].name, strlen(node->name));
    }
    mwn_graph_release(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_holds_in_double),
        cmocka_unit_test(test_identity_holds_on_the_fast_backend),
        cmocka_unit_test(test_fast_backend_matches_reference),
        cmocka_unit_test(test_bottlenecks_match_the_reference_and_hold_the_identity),
        cmocka_unit_test(test_batch_norm_is_exact_far_from_zero),
        cmocka_unit_test(test_bf16_is_near_the_reference),
        cmocka_unit_test(test_precisions_of_train_and_meta_are_apart),
        cmocka_unit_test(test_planned_step_allocates_nothing),
        cmocka_unit_test(test_low_memory_gives_the_same_bytes),
        cmocka_unit_test(test_low_memory_halves_the_activations),
        cmocka_unit_test(test_same_pass_twice_gives_the_same_bytes),
        cmocka_unit_test(test_meta_pass_leaves_the_training_pass_intact),
        cmocka_unit_test(test_last_layer_tangent_is_the_full_one_of_a_cut_direction),
        cmocka_unit_test(test_passes_cut_at_a_layer_are_the_ends_of_whole_ones),
        cmocka_unit_test(test_passes_cut_at_the_head_run_nothing_below_it),
        cmocka_unit_test(test_the_last_layer_makes_the_logits_of_the_features),
        cmocka_unit_test(test_slopes_of_the_features_go_down_below_the_last_layer),
        cmocka_unit_test(test_tangents_of_the_output_are_its_derivatives),
        cmocka_unit_test(test_tangents_of_losses_follow_from_those_of_the_output),
        cmocka_unit_test(test_hypergradient_is_the_derivative_by_the_coefficients),
        cmocka_unit_test(test_parameters_of_a_normed_mlp_are_named_as_in_pytorch),
        cmocka_unit_test(test_published_parameter_counts),
        cmocka_unit_test(test_parameters_come_in_torchvisions_order),
    };
    return cmocka_run_group_tests_name("nets", tests, NULL, release_outcomes);
}
