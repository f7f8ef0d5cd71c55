/* test_ops.c - every operator on every shape of a list: the reference backend in double
 * against central differences, every backend in float against the reference. */
#include "nn/simd.h"
#include "nn_cases.h"

#include <sys/wait.h>
#include <unistd.h>

struct op_case {
    const char *label;
    enum mwn_op op;
    struct mwn_shape shape; /* of the operator's input */
    int out, kernel_h, kernel_w, stride, pad;
    bool flag; /* conv: bias; bnorm: relu */
    bool residual;
};

static const struct op_case cases[] = {
    {"conv 3x3", MWN_OP_conv, {16, 8, 8}, 16, 3, 3, 1, 1, false, false},
    {"conv 3x3 odd channels", MWN_OP_conv, {5, 7, 9}, 6, 3, 3, 1, 1, false, false},
    {"conv 3x3 bias", MWN_OP_conv, {16, 6, 6}, 32, 3, 3, 1, 1, true, false},
    {"conv 3x3, 32 wide", MWN_OP_conv, {16, 3, 32}, 16, 3, 3, 1, 1, true, false},
    {"conv 3x3, 48 wide", MWN_OP_conv, {16, 5, 48}, 32, 3, 3, 1, 1, false, false},
    {"conv 3x3, 16 wide", MWN_OP_conv, {32, 5, 16}, 16, 3, 3, 1, 1, false, false},
    {"conv 3x3, a short last strip",
     MWN_OP_conv,
     {16, 11, 16},
     24,
     3,
     3,
     1,
     1,
     true,
     false},
    {"conv 3x3, 42 wide", MWN_OP_conv, {16, 3, 42}, 16, 3, 3, 1, 1, true, false},
    {"conv 3x3, 14 wide", MWN_OP_conv, {16, 14, 14}, 48, 3, 3, 1, 1, false, false},
    {"conv 3x3, 8 wide, odd height", MWN_OP_conv, {16, 5, 8}, 16, 3, 3, 1, 1, true, false},
    {"conv 3x3, 7 wide", MWN_OP_conv, {48, 7, 7}, 32, 3, 3, 1, 1, false, false},
    {"conv 3x3, 4 wide", MWN_OP_conv, {20, 4, 4}, 40, 3, 3, 1, 1, true, false},
    {"conv 3x3, 4 wide, 6 high", MWN_OP_conv, {16, 6, 4}, 16, 3, 3, 1, 1, false, false},
    {"conv 3x3, 2 wide", MWN_OP_conv, {20, 2, 2}, 40, 3, 3, 1, 1, true, false},
    {"conv 3x3, 1 wide", MWN_OP_conv, {16, 3, 1}, 16, 3, 3, 1, 1, false, false},
    {"conv 5x5, 2 wide", MWN_OP_conv, {16, 3, 2}, 24, 5, 5, 1, 2, true, false},
    {"conv 5x5 stride 2, 3 wide", MWN_OP_conv, {9, 2, 3}, 16, 5, 5, 2, 2, true, false},
    {"conv 3x3 stride 2, 2 wide", MWN_OP_conv, {16, 2, 2}, 16, 3, 3, 2, 1, true, false},
    {"conv 3x3 stride 2", MWN_OP_conv, {16, 8, 8}, 32, 3, 3, 2, 1, false, false},
    {"conv 3x3 stride 2, odd size", MWN_OP_conv, {16, 9, 7}, 16, 3, 3, 2, 1, true, false},
    {"conv 3x3 stride 2, to 16 wide",
     MWN_OP_conv,
     {16, 6, 32},
     48,
     3,
     3,
     2,
     1,
     true,
     false},
    {"conv 3x3 stride 2, to 28 wide",
     MWN_OP_conv,
     {32, 4, 56},
     16,
     3,
     3,
     2,
     1,
     false,
     false},
    {"conv 3x3 stride 2, to 8 wide",
     MWN_OP_conv,
     {20, 16, 16},
     48,
     3,
     3,
     2,
     1,
     true,
     false},
    {"conv 3x3 stride 2, to 7 wide",
     MWN_OP_conv,
     {16, 14, 14},
     32,
     3,
     3,
     2,
     1,
     false,
     false},
    {"conv 3x3, many channels", MWN_OP_conv, {256, 7, 7}, 256, 3, 3, 1, 1, false, false},
    {"conv 3x3 stride 2, many channels",
     MWN_OP_conv,
     {256, 6, 14},
     240,
     3,
     3,
     2,
     1,
     false,
     false},
    {"conv 1x1", MWN_OP_conv, {32, 5, 5}, 16, 1, 1, 1, 0, false, false},
    {"conv 1x1, 3 blocks", MWN_OP_conv, {40, 11, 14}, 48, 1, 1, 1, 0, true, false},
    {"conv 1x1, many channels", MWN_OP_conv, {1024, 7, 7}, 512, 1, 1, 1, 0, false, false},
    {"conv 1x1 stride 2", MWN_OP_conv, {16, 8, 8}, 32, 1, 1, 2, 0, false, false},
    {"conv 1x1 stride 2, odd size", MWN_OP_conv, {32, 9, 7}, 48, 1, 1, 2, 0, true, false},
    {"conv 1x1 stride 2, strips", MWN_OP_conv, {16, 33, 56}, 16, 1, 1, 2, 0, false, false},
    {"conv 5x5", MWN_OP_conv, {8, 9, 9}, 16, 5, 5, 1, 2, false, false},
    {"conv 7x7 stride 2", MWN_OP_conv, {8, 16, 16}, 16, 7, 7, 2, 3, false, false},
    {"conv 3x5, no padding", MWN_OP_conv, {16, 8, 9}, 16, 3, 5, 1, 0, false, false},
    {"bnorm", MWN_OP_bnorm, {16, 6, 6}, 0, 0, 0, 0, 0, false, false},
    {"bnorm relu", MWN_OP_bnorm, {32, 5, 5}, 0, 0, 0, 0, 0, true, false},
    {"bnorm relu odd channels", MWN_OP_bnorm, {7, 5, 3}, 0, 0, 0, 0, 0, true, false},
    {"bnorm residual", MWN_OP_bnorm, {16, 4, 4}, 0, 0, 0, 0, 0, false, true},
    {"bnorm relu residual", MWN_OP_bnorm, {16, 4, 4}, 0, 0, 0, 0, 0, true, true},
    {"relu", MWN_OP_relu, {16, 5, 5}, 0, 0, 0, 0, 0, false, false},
    {"add", MWN_OP_add, {16, 4, 4}, 0, 0, 0, 0, 0, false, true},
    {"shortcut 16 to 32", MWN_OP_shortcut, {16, 8, 8}, 32, 0, 0, 2, 0, false, false},
    {"shortcut 4 to 8", MWN_OP_shortcut, {4, 7, 7}, 8, 0, 0, 2, 0, false, false},
    {"shortcut 32 to 64", MWN_OP_shortcut, {32, 4, 4}, 64, 0, 0, 2, 0, false, false},
    {"avgpool 2", MWN_OP_avgpool, {16, 8, 8}, 0, 2, 2, 2, 0, false, false},
    {"avgpool 3 padded", MWN_OP_avgpool, {8, 7, 7}, 0, 3, 3, 2, 1, false, false},
    {"maxpool 2", MWN_OP_maxpool, {16, 8, 8}, 0, 2, 2, 2, 0, false, false},
    {"maxpool 3 padded", MWN_OP_maxpool, {6, 7, 9}, 0, 3, 3, 2, 1, false, false},
    {"gpool", MWN_OP_gpool, {16, 5, 5}, 0, 0, 0, 0, 0, false, false},
    {"gpool odd channels", MWN_OP_gpool, {5, 3, 4}, 0, 0, 0, 0, 0, false, false},
    {"flatten", MWN_OP_flatten, {10, 3, 4}, 0, 0, 0, 0, 0, false, false},
    {"dropout", MWN_OP_dropout, {16, 4, 4}, 0, 0, 0, 0, 0, false, false},
    {"linear", MWN_OP_linear, {24, 1, 1}, 13, 0, 0, 0, 0, false, false},
    {"linear, few of whole vectors",
     MWN_OP_linear,
     {64, 1, 1},
     5,
     0,
     0,
     0,
     0,
     false,
     false},
    {"linear, many inputs", MWN_OP_linear, {301, 1, 1}, 70, 0, 0, 0, 0, false, false},
    {"linear, few outputs", MWN_OP_linear, {37, 1, 1}, 3, 0, 0, 0, 0, false, false},
    {"first conv, 1 channel", MWN_OP_input, {1, 9, 9}, 16, 3, 3, 1, 1, true, false},
    {"first conv, 3 channels", MWN_OP_input, {3, 8, 8}, 16, 3, 3, 1, 1, false, false},
    {"first conv, 4 channels stride 2",
     MWN_OP_input,
     {4, 9, 8},
     8,
     3,
     3,
     2,
     1,
     true,
     false},
    {"plain bnorm relu", MWN_OP_COUNT, {12, 1, 1}, 0, 0, 0, 0, 0, true, false},
};

static const char *backend = "auto";

static int build_op(struct mwn_graph *g, const struct op_case *c, int x)
{
    struct mwn_conv_spec conv = {.out = c->out,
                                 .kernel_h = c->kernel_h,
                                 .kernel_w = c->kernel_w,
                                 .stride = c->stride,
                                 .pad = c->pad,
                                 .bias = c->flag};
    switch (c->op) {
    case MWN_OP_input:
    case MWN_OP_conv:
        return mwn_graph_conv(g, x, "op", &conv);
    case MWN_OP_bnorm:
    case MWN_OP_COUNT:
        return mwn_graph_bnorm(g, x, c->residual ? x : MWN_NO_NODE, c->flag, "op");
    case MWN_OP_relu:
        return mwn_graph_relu(g, x);
    case MWN_OP_add:
        return mwn_graph_add(g, mwn_graph_bnorm(g, x, MWN_NO_NODE, true, "side"), x);
    case MWN_OP_shortcut:
        return mwn_graph_shortcut(g, x, c->out, c->stride);
    case MWN_OP_avgpool:
        return mwn_graph_avgpool(g, x, c->kernel_h, c->stride, c->pad);
    case MWN_OP_maxpool:
        return mwn_graph_maxpool(g, x, c->kernel_h, c->stride, c->pad);
    case MWN_OP_gpool:
        return mwn_graph_gpool(g, x);
    case MWN_OP_dropout:
        return mwn_graph_dropout(g, x, 0.3);
    case MWN_OP_linear:
        return mwn_graph_linear(g, x, "op", &(struct mwn_linear_spec){.out = c->out});
    default:
        return mwn_graph_flatten(g, x);
    }
}

/* input -> a layer with parameters -> the operator -> logits, so that the operator's input has
 * a gradient and a tangent. */
static struct mwn_graph build(const struct op_case *c)
{
    struct mwn_graph g = {0};
    struct mwn_error err = {0};
    struct mwn_conv_spec before = {
        .out = c->shape.c, .kernel_h = 1, .kernel_w = 1, .stride = 1, .bias = true};
    bool flat = c->op == MWN_OP_linear || c->op == MWN_OP_COUNT;
    int x;
    if (c->op == MWN_OP_input) {
        x = mwn_graph_input(&g, c->shape);
    } else if (flat) {
        x = mwn_graph_input(&g, (struct mwn_shape){9, 1, 1});
        x = mwn_graph_linear(&g, x, "before", &(struct mwn_linear_spec){.out = c->shape.c});
    } else {
        x = mwn_graph_input(&g, (struct mwn_shape){3, c->shape.h, c->shape.w});
        x = mwn_graph_conv(&g, x, "before", &before);
    }
    x = build_op(&g, c, x);
    if (!g.failed && (g.nodes[x].shape.h > 1 || g.nodes[x].shape.w > 1))
        x = mwn_graph_flatten(&g, x);
    x = mwn_graph_linear(&g, x, "head", &(struct mwn_linear_spec){.out = CASE_CLASSES});
    mwn_graph_output(&g, x);
    if (mwn_graph_check(&g, &err) != MWN_OK)
        fail_msg("%s: %s", c->label, err.text);
    return g;
}

static mwn_net *net_of(const struct op_case *c, const struct case_kind *kind,
                       struct case_data *data)
{
    struct mwn_graph graph = build(c);
    case_data_make(data, &graph, CASE_BATCH, CASE_CLASSES, 0.05);
    return case_net(&graph, kind);
}

/* Losses at parameters moved by t along the direction. */
static void losses_at(mwn_net *net, const struct case_data *data, double t, double *loss)
{
    struct mwn_error err = {0};
    struct mwn_learner learner;
    mwn_net_learner(net, &learner);
    void *x = case_input(net, data), *u = case_vector(net, data->direction);
    void *moved = case_alloc(learner.n_params, sizeof(double));
    const struct mwn_batch batch = {.n = data->n, .x = x, .label = data->label, .key = 3};
    mwn_vec_add(learner.dtype, learner.n_params, learner.params, t, u, moved);
    struct mwn_meta_pass pass = {0};
    pass.loss = loss;
    if (learner.meta(learner.self, moved, &batch, &pass, &err) != MWN_OK)
        fail_msg("%s", err.text);
    free(x);
    free(u);
    free(moved);
}

static void test_reference_matches_central_differences(void **state)
{
    (void)state;
    for (size_t k = 0; k < MWN_COUNT(cases); k++) {
        struct case_data data;
        struct case_result result;
        double up[64], down[64], difference[64], h = 1e-6;
        mwn_net *net = net_of(&cases[k], &CASE_REF64, &data);
        case_run(net, &data, &result);
        losses_at(net, &data, h, up);
        losses_at(net, &data, -h, down);
        for (size_t i = 0; i < data.n; i++)
            difference[i] = (up[i] - down[i]) / (2 * h);
        double error = case_distance(result.dloss, difference, data.n);
        if (!(error < 1e-7) || !(result.identity < 1e-12))
            fail_msg("%s: tangent against differences %.2g, gradient against tangent %.2g",
                     cases[k].label, error, result.identity);
        free(result.grad);
        case_data_release(&data);
        mwn_net_free(net);
    }
}

/* Largest difference of the running statistics of two nets. */
static double stats_distance(mwn_net *a, mwn_net *b)
{
    double worst = 0;
    for (int s = 0; s < mwn_net_graph(a)->stats_count; s++) {
        int channels;
        double value[4][64];
        mwn_net_stats_name(a, s, &channels);
        mwn_net_get_stats(a, s, value[0], value[1]);
        mwn_net_get_stats(b, s, value[2], value[3]);
        for (int c = 0; c < channels; c++)
            for (int j = 0; j < 2; j++)
                worst = fmax(worst, fabs(value[j][c] - value[j + 2][c]));
    }
    return worst;
}

static double infer_distance(mwn_net *a, mwn_net *b, const struct case_data *data)
{
    struct mwn_error err = {0};
    double logits[2][64 * CASE_CLASSES];
    mwn_net *nets[2] = {a, b};
    for (int k = 0; k < 2; k++) {
        void *x = case_input(nets[k], data);
        const struct mwn_batch batch = {.n = data->n, .x = x, .label = data->label};
        if (mwn_net_infer(nets[k], &batch, logits[k], &err) != MWN_OK)
            fail_msg("%s", err.text);
        free(x);
    }
    return case_distance(logits[0], logits[1], data->n * CASE_CLASSES);
}

/* How far from the reference: losses, tangent, gradient, running statistics, logits. */
struct bounds {
    double loss, tangent, gradient, stats, logits;
};
static const struct bounds f32_bounds = {2e-6, 1e-5, 1e-5, 1e-5, 1e-5};
/* bfloat16 rounds to 8 bits: 2^-9 = 0.002 a number. */
static const struct bounds bf16_bounds = {4e-3, 2e-2, 2e-2, 4e-3, 1e-2};

static void compare_with_reference(const struct op_case *c, const struct case_kind *kind,
                                   const struct bounds *bounds)
{
    struct case_data data, same;
    struct case_result got, want;
    mwn_net *net = net_of(c, kind, &data);
    mwn_net *reference = net_of(c, &CASE_REF64, &same);
    case_run(net, &data, &got);
    case_run(reference, &same, &want);
    double loss = case_distance(got.loss, want.loss, data.n);
    double tangent = case_distance(got.dloss, want.dloss, data.n);
    double gradient = case_distance(got.grad, want.grad, data.params);
    double stats = stats_distance(net, reference);
    double logits = infer_distance(net, reference, &data);
    if (!(loss < bounds->loss && tangent < bounds->tangent && gradient < bounds->gradient &&
          stats < bounds->stats && logits < bounds->logits))
        fail_msg("%s on %s: loss %.2g, tangent %.2g, gradient %.2g, statistics %.2g, "
                 "evaluation %.2g",
                 c->label, mwn_net_backend(net), loss, tangent, gradient, stats, logits);
    free(got.grad);
    free(want.grad);
    case_data_release(&data);
    case_data_release(&same);
    mwn_net_free(net);
    mwn_net_free(reference);
}

static void test_backend_matches_reference(void **state)
{
    (void)state;
    for (size_t k = 0; k < MWN_COUNT(cases); k++)
        compare_with_reference(&cases[k],
                               &(struct case_kind){.backend = backend, .dtype = MWN_F32},
                               &f32_bounds);
}

static void test_bf16_matches_reference(void **state)
{
    (void)state;
    if (!case_has_bf16() || strcmp(backend, "auto") != 0)
        skip();
    for (size_t k = 0; k < MWN_COUNT(cases); k++)
        compare_with_reference(&cases[k], &CASE_BF16, &bf16_bounds);
}

static void test_float_reference_matches_double(void **state)
{
    (void)state;
    for (size_t k = 0; k < MWN_COUNT(cases); k++)
        compare_with_reference(&cases[k],
                               &(struct case_kind){.backend = "ref", .dtype = MWN_F32},
                               &f32_bounds);
}

/* What is not a number must show in the outputs, whatever lies between. */
static void check_nan(const struct op_case *c)
{
    struct case_data data;
    struct mwn_error err = {0};
    struct mwn_learner learner;
    double logits[64 * CASE_CLASSES];
    mwn_net *net =
        net_of(c, &(struct case_kind){.backend = backend, .dtype = MWN_F32}, &data);
    mwn_net_learner(net, &learner);
    ((float *)learner.params)[0] = NAN;
    void *x = case_input(net, &data);
    const struct mwn_batch batch = {.n = data.n, .x = x, .label = data.label};
    if (mwn_net_infer(net, &batch, logits, &err) != MWN_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < data.n * CASE_CLASSES; i++)
        if (!isnan(logits[i]))
            fail_msg("%s on %s: NaN became %g", c->label, mwn_net_backend(net), logits[i]);
    free(x);
    case_data_release(&data);
    mwn_net_free(net);
}

static void test_nan_is_not_lost(void **state)
{
    (void)state;
    for (size_t k = 0; k < MWN_COUNT(cases); k++)
        if (cases[k].op == MWN_OP_relu || cases[k].op == MWN_OP_maxpool ||
            cases[k].op == MWN_OP_bnorm)
            check_nan(&cases[k]);
}

static void test_a_sample_of_too_many_numbers_is_refused(void **state)
{
    (void)state;
    struct mwn_graph g = {0};
    struct mwn_error err = {0};
    int x = mwn_graph_input(&g, (struct mwn_shape){65537, 65537, 1});
    mwn_graph_output(&g, mwn_graph_flatten(&g, x));
    assert_int_not_equal(mwn_graph_check(&g, &err), MWN_OK);
    assert_non_null(strstr(err.text, "too many"));
    mwn_graph_release(&g);
}

/* Fast backends are limited to one instruction set for a whole process. */
static int run_backend(const char *name)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_backend_matches_reference),
                                       cmocka_unit_test(test_bf16_matches_reference),
                                       cmocka_unit_test(test_nan_is_not_lost)};
    backend = name;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int failed = cmocka_run_group_tests_name(name, tests, NULL, NULL);
        fflush(NULL);
        _exit(failed != 0);
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    int failed = run_backend("auto");
#ifdef MWN_HAVE_DNNL
    if (__builtin_cpu_supports("avx2"))
        failed += run_backend("dnnl-avx2");
#endif
    if (mwn_simd_complete())
        failed += run_backend("simd");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_matches_central_differences),
        cmocka_unit_test(test_float_reference_matches_double),
        cmocka_unit_test(test_nan_is_not_lost),
        cmocka_unit_test(test_a_sample_of_too_many_numbers_is_refused),
    };
    backend = "ref";
    return failed + cmocka_run_group_tests_name("ref", tests, NULL, NULL);
}
