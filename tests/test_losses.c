/* test_losses.c - losses of the methods against tests/fixtures/losses, computed by an independent
 * implementation: the learner's parameters are the logits themselves, so that a step of plain SGD
 * at the rate 1 shows the gradient. */
#include "base/base.h"
#include "base/mem.h"
#include "methods/formulas.h"
#include "methods/method.h"
#include "methods/transition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { N = 9, K = 5, NUMBERS = N * K };

static double logits[NUMBERS], prob[NUMBERS], count[K];
static int32_t label[N];
static int64_t label_read[N];

/* Eight-byte numbers of an npy file, behind its header. */
static void read_numbers(const char *name, void *out, size_t n)
{
    char path[200];
    unsigned char head[10];
    (void)snprintf(path, sizeof path, "tests/fixtures/losses/%s.npy", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        skip();
    assert_int_equal(fread(head, 1, sizeof head, file), sizeof head);
    assert_int_equal(fseek(file, 10 + head[8] + 256 * head[9], SEEK_SET), 0);
    assert_int_equal(fread(out, 8, n, file), n);
    (void)fclose(file);
}

static mwn_status free_forward(void *self, const struct mwn_batch *batch, double *loss,
                               struct mwn_error *err)
{
    (void)self, (void)err;
    for (size_t i = 0; i < batch->n; i++) {
        double sum = 0;
        for (size_t k = 0; k < K; k++)
            sum += exp(logits[i * K + k]);
        for (size_t k = 0; k < K; k++)
            prob[i * K + k] = exp(logits[i * K + k]) / sum;
        loss[i] = -log(prob[i * K + (size_t)batch->label[i]]);
    }
    return MWN_OK;
}

static mwn_status free_backward(void *self, const double *coef, void *grad,
                                struct mwn_error *err)
{
    (void)self, (void)err;
    for (size_t i = 0; i < NUMBERS; i++)
        ((double *)grad)[i] =
            coef[i / K] * (prob[i] - (i % K == (size_t)label[i / K] ? 1 : 0));
    return MWN_OK;
}

static mwn_status free_output(void *self, double *out, struct mwn_error *err)
{
    (void)self, (void)err;
    memcpy(out, logits, sizeof logits);
    return MWN_OK;
}

static mwn_status free_pull(void *self, const double *slope, void *grad,
                            struct mwn_error *err)
{
    (void)self, (void)err;
    memcpy(grad, slope, sizeof logits);
    return MWN_OK;
}

/* The method's options, owned: the defaults but for the given names and values (NULL: none). */
static void *make_options(const struct mwn_method *method, const char *const *given)
{
    void *fields = mwn_alloc(1, method->options_size);
    assert_non_null(fields);
    assert_int_equal(mwn_options_default(method->options, fields, NULL), MWN_OK);
    for (; given && *given; given += 2)
        assert_int_equal(mwn_option_set(mwn_option_find(method->options, given[0]),
                                        "method", fields, given[1], NULL),
                         MWN_OK);
    return fields;
}

/* One step of a method; `layer` (NULL: none) becomes the state item named b. */
static void expect_gradient(const char *method_name, const char *const *options,
                            const double *layer, const char *file)
{
    struct mwn_learner learner = {.dtype = MWN_F64,
                                  .n_params = NUMBERS,
                                  .params = logits,
                                  .forward = free_forward,
                                  .backward = free_backward,
                                  .classes = K,
                                  .output = free_output,
                                  .pull = free_pull};
    const struct mwn_method *method = mwn_method_find(method_name);
    const struct mwn_meta_options meta = {.every = 1, .layers = 1};
    struct mwn_method_context context = {
        .max_n = N,
        .outputs = K,
        .facts = {.n = N, .classes = K, .class_count = count, .epochs = 1, .steps = 1}};
    struct mwn_batch batch = {.n = N, .label = label};
    struct mwn_step step = {0};
    double before[NUMBERS], expected[NUMBERS];
    read_numbers("in_logits", logits, NUMBERS);
    read_numbers("in_labels", label_read, N);
    read_numbers("in_class_counts", count, K);
    read_numbers(file, expected, NUMBERS);
    for (size_t i = 0; i < N; i++)
        label[i] = (int32_t)label_read[i];
    memcpy(before, logits, sizeof before);
    void *self = mwn_alloc(1, method->self_size), *fields = make_options(method, options);
    assert_non_null(self);
    assert_int_equal(method->begin(self, fields, &context, NULL), MWN_OK);
    if (layer) {
        struct mwn_state_item item[MWN_STATE_MAX];
        method->state(self, item);
        memcpy(item[0].data, layer, item[0].n * sizeof *layer);
        item[3].data[1] = 1; /* the layer has begun */
    }
    assert_int_equal(mwn_step_init(&step, &learner, &meta, N, false, NULL), MWN_OK);
    step.train = &batch;
    step.lr = 1;
    assert_int_equal(method->step(self, &step, NULL), MWN_OK);
    for (size_t i = 0; i < NUMBERS; i++)
        if (!(fabs(before[i] - logits[i] - expected[i]) <= 1e-9))
            fail_msg("%s: entry %zu is %.15g, not %.15g", file, i, before[i] - logits[i],
                     expected[i]);
    if (method->end)
        method->end(self);
    mwn_options_release(method->options, fields);
    mwn_free(self);
    mwn_free(fields);
    mwn_step_release(&step);
}

static void test_losses_have_the_gradients_of_another_implementation(void **state)
{
    (void)state;
    const char *const two[] = {"gamma", "2", NULL}, *const half[] = {"gamma", "0.5", NULL};
    const char *const both[] = {"loss", "focal", "gamma", "2", NULL};
    const char *const soft[] = {"target", "soft", "beta", "0.95", NULL};
    const char *const now[] = {"share", "1", NULL};
    double layer[K * K];
    expect_gradient("focal", two, NULL, "focal__grad");
    expect_gradient("focal", half, NULL, "focal_g05__grad");
    expect_gradient("class_balanced", NULL, NULL, "class_balanced__grad");
    expect_gradient("class_balanced", both, NULL, "class_balanced_focal__grad");
    expect_gradient("reed", soft, NULL, "bootstrap_soft__grad");
    expect_gradient("reed", NULL, NULL, "bootstrap_hard__grad");
    read_numbers("s_model__in_a", layer, MWN_COUNT(layer));
    expect_gradient("s_model", now, layer, "s_model__grad");
}

/* The loss of gold loss correction: of untrusted labels through the matrix, of trusted ones plain. */
static void test_gold_loss_correction_agrees_with_another_implementation(void **state)
{
    (void)state;
    enum { TRUSTED = 40 };
    int64_t trusted[N], trusted_label[TRUSTED];
    double matrix[K * K], loss[N], grad[NUMBERS], posterior[K], chance[TRUSTED * K];
    double sum[K * K] = {0}, estimate[K * K], expected[K * K];
    read_numbers("in_logits", logits, NUMBERS);
    read_numbers("in_labels", label_read, N);
    read_numbers("glc__in_C", matrix, MWN_COUNT(matrix));
    read_numbers("glc__in_trusted", trusted, N);
    read_numbers("glc__loss", loss, N);
    read_numbers("glc__grad", grad, NUMBERS);
    for (size_t i = 0; i < N; i++) {
        double *p = prob + i * K, likelihood = 0;
        size_t y = (size_t)label_read[i];
        mwn_softmax(K, logits + i * K, p);
        for (size_t k = 0; k < K; k++)
            likelihood += p[k] * (trusted[i] ? k == y : matrix[k * K + y]);
        assert_true(fabs(-log(likelihood) - loss[i]) < 1e-12);
        mwn_transition_posterior(K, matrix, p, y, posterior);
        for (size_t k = 0; k < K; k++) {
            double slope = p[k] - (trusted[i] ? k == y : posterior[k]);
            assert_true(fabs(slope / N - grad[i * K + k]) < 1e-12);
        }
    }
    read_numbers("glc__in_trusted_probs", chance, MWN_COUNT(chance));
    read_numbers("glc__in_trusted_labels", trusted_label, TRUSTED);
    read_numbers("glc__C_hat", expected, MWN_COUNT(expected));
    for (size_t i = 0; i < TRUSTED; i++)
        for (size_t k = 0; k < K; k++)
            sum[(size_t)trusted_label[i] * K + k] += chance[i * K + k];
    mwn_transition_of_counts(K, sum, estimate);
    for (size_t k = 0; k < MWN_COUNT(sum); k++)
        assert_true(fabs(estimate[k] - expected[k]) < 1e-12);
}

/* ---- co-teaching: a learner whose parameters are the losses themselves ---- */

enum { PAIRS = 10, KEPT = 7 };

static double first[PAIRS], second[PAIRS];

static mwn_status own_forward(void *self, const struct mwn_batch *batch, double *loss,
                              struct mwn_error *err)
{
    const struct mwn_learner *learner = self;
    (void)err;
    memcpy(loss, learner->params, batch->n * sizeof *loss);
    return MWN_OK;
}

static mwn_status own_backward(void *self, const double *coef, void *grad,
                               struct mwn_error *err)
{
    (void)self, (void)err;
    memcpy(grad, coef, sizeof first);
    return MWN_OK;
}

static mwn_status own_another(void *self, void *params, double *stats,
                              struct mwn_error *err)
{
    (void)self, (void)err;
    memcpy(params, second, sizeof second);
    *stats = 0;
    return MWN_OK;
}

static void own_exchange(void *self, void **params, double *stats)
{
    *params = ((struct mwn_learner *)self)->params;
    *stats = 0; /* neither has any to speak of */
}

/* What one network keeps moves the other one's parameters, each by 1/KEPT. */
static void expect_choice(const char *file, const double *before, const double *after)
{
    int64_t index[KEPT];
    double moved[PAIRS] = {0};
    read_numbers(file, index, KEPT);
    for (size_t k = 0; k < KEPT; k++)
        moved[index[k]] = 1 / (double)KEPT;
    for (size_t i = 0; i < PAIRS; i++)
        assert_true(fabs(before[i] - after[i] - moved[i]) < 1e-12);
}

static void test_co_teaching_chooses_as_another_implementation(void **state)
{
    (void)state;
    static const int32_t any[PAIRS] = {0};
    struct mwn_learner learner = {.self = &learner,
                                  .dtype = MWN_F64,
                                  .n_params = PAIRS,
                                  .n_stats = 1,
                                  .params = first,
                                  .forward = own_forward,
                                  .backward = own_backward,
                                  .another = own_another,
                                  .exchange = own_exchange};
    const struct mwn_method *method = mwn_method_find("co_teaching");
    const struct mwn_meta_options meta = {.every = 1, .layers = 1};
    struct mwn_batch batch = {.n = PAIRS, .label = any};
    struct mwn_step step = {0};
    struct mwn_method_context context = {
        .step = &step, .max_n = PAIRS, .facts = {.n = PAIRS, .epochs = 2, .steps = 1}};
    struct mwn_vector_item item[MWN_VECTORS_MAX];
    double before[PAIRS];
    read_numbers("coteaching__in_l1", first, PAIRS);
    read_numbers("coteaching__in_l2", second, PAIRS);
    memcpy(before, first, sizeof before);
    void *self = mwn_alloc(1, method->self_size);
    static const char *const options[] = {"rate", "0.3", "gradual", "1", NULL};
    void *fields = make_options(method, options);
    assert_non_null(self);
    assert_int_equal(mwn_step_init(&step, &learner, &meta, PAIRS, false, NULL), MWN_OK);
    assert_int_equal(method->begin(self, fields, &context, NULL), MWN_OK);
    step.train = &batch;
    step.lr = 1;
    step.iteration = 1; /* the second epoch, in which the rate is reached */
    assert_int_equal(method->step(self, &step, NULL), MWN_OK);
    expect_choice("coteaching__update1_idx", before, first);
    assert_int_equal(method->vectors(self, item), 1);
    expect_choice("coteaching__update2_idx", second, item[0].data);
    method->end(self);
    mwn_options_release(method->options, fields);
    mwn_free(self);
    mwn_free(fields);
    mwn_step_release(&step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses_have_the_gradients_of_another_implementation),
        cmocka_unit_test(test_gold_loss_correction_agrees_with_another_implementation),
        cmocka_unit_test(test_co_teaching_chooses_as_another_implementation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
