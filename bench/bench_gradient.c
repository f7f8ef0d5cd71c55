/* bench_gradient.c - what the cheaper choices of meta.gradient give up and gain: on a real run,
 * after some steps of training, the error of d_i and of Theta's gradient against the exact ones,
 * and the time of a step.
 *
 *   bench_gradient RECIPE STEPS BATCHES DRAWS ROUNDS [KEY=VALUE]...
 *
 * trains STEPS steps, measures the layers for learned chances on the next batch, takes the
 * errors on BATCHES further ones (sampled: DRAWS cuts on each), and times ROUNDS steps of
 * every kind in turn. With d the exact numbers and D the others, over
 * the samples of a batch, the columns are
 *
 *   error    root of the sum of |D - d|^2 over batches and draws, by that of |d|^2
 *   cosine   mean of <D, d> / |D| |d|
 *   bias     the error of the mean over the draws; beside it what chance alone makes of a mean
 *   time     mean seconds of a step, divided by those of jvp
 *
 * and error and cosine once more for the gradient of Theta. */
#include "bench_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "engine/layer_profile.h"
#include "engine/weight_net.h"
#include "engine/weighting.h"
#include "methods/method.h"
#include "tensor/dense.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct kind {
    const char *name;
    double layers; /* of sampled */
    int gradient, chances;
};

static const struct kind kinds[] = {
    {"jvp", 1, MWN_GRADIENT_JVP, MWN_CHANCES_FIXED},
    {"fd", 1, MWN_GRADIENT_FD, MWN_CHANCES_FIXED},
    {"last_layer", 1, MWN_GRADIENT_LAST_LAYER, MWN_CHANCES_FIXED},
    {"sampled 0.5", 0.5, MWN_GRADIENT_SAMPLED, MWN_CHANCES_FIXED},
    {"sampled 0.25", 0.25, MWN_GRADIENT_SAMPLED, MWN_CHANCES_FIXED},
    {"sampled 0.1", 0.1, MWN_GRADIENT_SAMPLED, MWN_CHANCES_FIXED},
    {"learned 0.5", 0.5, MWN_GRADIENT_SAMPLED, MWN_CHANCES_LEARNED},
    {"learned 0.25", 0.25, MWN_GRADIENT_SAMPLED, MWN_CHANCES_LEARNED},
    {"learned 0.1", 0.1, MWN_GRADIENT_SAMPLED, MWN_CHANCES_LEARNED},
};
enum { KINDS = MWN_COUNT(kinds) };

/* Sums over what was compared. */
struct errors {
    double square, norm, cosine; /* |D - d|^2, |d|^2, cosines   */
    double mean_square;          /* of the mean over draws      */
    int count;
};

struct work {
    mwn_run *run;
    struct mwn_weight_net v; /* a copy of the run's weight net */
    size_t n, n_theta;
    double *dv;         /* owned [n] */
    double *d, *mean_d; /* owned [n]: exact, mean over draws */
    double *g, *mean_g; /* owned [n_theta]: the same of Theta's gradient */
    double *sum_g;      /* owned [n_theta]: of the exact one over batches */
    double square_g;
    struct errors of_d[KINDS], of_g[KINDS];
    double seconds[KINDS];
    int steps, batches, draws, rounds;
};

enum { COUNT_MAX = 1 << 20 };

static void compare(struct errors *e, size_t n, const double *x, const double *exact)
{
    e->square += mwn_dense_square_distance(n, x, exact);
    e->norm += mwn_dense_dot(n, exact, exact);
    e->cosine += mwn_dense_dot(n, x, exact) /
                 sqrt(mwn_dense_dot(n, x, x) * mwn_dense_dot(n, exact, exact));
    e->count++;
}

/* ---- errors ---- */

static mwn_status work_init(struct work *w, struct mwn_error *err)
{
    struct mwn_state_item items[MWN_STATE_MAX];
    const struct mwn_int_list hidden = {.count = 1, .item = {100}};
    w->n = mwn_loader_batch(w->run->train);
    mwn_status status = mwn_weight_net_init(&w->v, &hidden, 1, w->n, 1, err);
    if (status != MWN_OK)
        return status;
    w->n_theta = w->v.n_params;
    w->run->settings.method->state(w->run->method_self, items);
    memcpy(w->v.theta, items[0].data, w->n_theta * sizeof *w->v.theta);
    double **const vectors[] = {&w->dv, &w->d, &w->mean_d, &w->g, &w->mean_g, &w->sum_g};
    const size_t sizes[] = {w->n, w->n, w->n, w->n_theta, w->n_theta, w->n_theta};
    for (size_t i = 0; i < MWN_COUNT(vectors); i++) {
        *vectors[i] = mwn_alloc(sizes[i], sizeof(double));
        if (!*vectors[i])
            return mwn_fail_memory(err, sizes[i] * sizeof(double), "the gradients");
    }
    return MWN_OK;
}

static void work_release(struct work *w)
{
    double *const vectors[] = {w->dv, w->d, w->mean_d, w->g, w->mean_g, w->sum_g};
    for (size_t i = 0; i < MWN_COUNT(vectors); i++)
        mwn_free(vectors[i]);
    mwn_weight_net_release(&w->v);
    mwn_run_free(w->run);
}

static void choose(struct work *w, const struct kind *kind)
{
    struct mwn_step *step = &w->run->step;
    size_t layers = mwn_layer_count(step->learner);
    step->options.gradient = kind->gradient;
    step->options.layers = kind->layers;
    step->options.chances = kind->chances;
    step->cut = mwn_layer_cut_of(layers, kind->layers);
    if (mwn_layer_profile_size(step) > 0 && step->profile[layers - 1] > 0)
        mwn_layer_cut_fit(&step->cut, kind->layers, step->profile, step->profile + layers);
}

/* step->d and the gradient of Theta, in w->v.grad, by one kind. */
static mwn_status gradient_by(struct work *w, const struct kind *kind,
                              struct mwn_error *err)
{
    struct mwn_step *step = &w->run->step;
    double scale = 0;
    choose(w, kind);
    mwn_status status = mwn_step_hypergradient(step, step->coef, &scale, err);
    if (status != MWN_OK)
        return status;
    mwn_weighting_gradient(MWN_WEIGHTING_MEAN, w->n, step->weight, step->d, scale, w->dv);
    mwn_weight_net_backward(&w->v, w->n, step->loss, NULL, w->dv);
    return MWN_OK;
}

static mwn_status compare_kind(struct work *w, int k, struct mwn_error *err)
{
    struct mwn_step *step = &w->run->step;
    int draws = kinds[k].gradient == MWN_GRADIENT_SAMPLED ? w->draws : 1;
    memset(w->mean_d, 0, w->n * sizeof *w->mean_d);
    memset(w->mean_g, 0, w->n_theta * sizeof *w->mean_g);
    for (int i = 0; i < draws; i++) {
        mwn_status status = gradient_by(w, &kinds[k], err);
        if (status != MWN_OK)
            return status;
        do
            step->iteration++;
        while (mwn_layer_profile_is_due(step));
        compare(&w->of_d[k], w->n, step->d, w->d);
        compare(&w->of_g[k], w->n_theta, w->v.grad, w->g);
        for (size_t j = 0; j < w->n; j++)
            w->mean_d[j] += step->d[j] / draws;
        for (size_t j = 0; j < w->n_theta; j++)
            w->mean_g[j] += w->v.grad[j] / draws;
    }
    w->of_d[k].mean_square += mwn_dense_square_distance(w->n, w->mean_d, w->d);
    w->of_g[k].mean_square += mwn_dense_square_distance(w->n_theta, w->mean_g, w->g);
    return MWN_OK;
}

/* The next batch; at the end of an epoch the first of the next. */
static mwn_status next_batch(mwn_loader *loader, struct mwn_batch *batch,
                             struct mwn_error *err)
{
    mwn_status status = mwn_loader_next(loader, batch, err);
    if (status == MWN_OK && batch->n == 0)
        status = mwn_loader_next(loader, batch, err);
    return status;
}

/* The next batches, train and meta, into the step: losses, weights, the exact gradient. */
static mwn_status take_batch(struct work *w, struct mwn_batch batch[2],
                             struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_step *step = &w->run->step;
    MWN_TRY(next_batch(w->run->train, &batch[0], err));
    MWN_TRY(next_batch(w->run->meta, &batch[1], err));
    step->train = &batch[0];
    step->meta = &batch[1];
    MWN_TRY(mwn_step_forward(step, err));
    mwn_weight_net_forward(&w->v, w->n, step->loss, NULL, step->weight);
    mwn_weighting_coef(MWN_WEIGHTING_MEAN, w->n, step->weight, step->coef);
    status = gradient_by(w, &kinds[0], err);
out:
    return status;
}

static mwn_status measure_layers(struct work *w, struct mwn_error *err)
{
    struct mwn_batch batch[2];
    mwn_status status = take_batch(w, batch, err);
    if (status == MWN_OK)
        status = gradient_by(w, &kinds[KINDS - 1], err);
    w->run->step.iteration++;
    w->run->step.train = w->run->step.meta = NULL;
    return status;
}

static mwn_status compare_batch(struct work *w, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct mwn_batch batch[2];
    struct mwn_step *step = &w->run->step;
    MWN_TRY(take_batch(w, batch, err));
    memcpy(w->d, step->d, w->n * sizeof *w->d);
    memcpy(w->g, w->v.grad, w->n_theta * sizeof *w->g);
    for (size_t j = 0; j < w->n_theta; j++)
        w->sum_g[j] += w->g[j];
    w->square_g += mwn_dense_dot(w->n_theta, w->g, w->g);
    for (int k = 1; k < KINDS; k++)
        MWN_TRY(compare_kind(w, k, err));
out:
    step->train = step->meta = NULL;
    return status;
}

/* ---- times ---- */

static mwn_status time_steps(struct work *w, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    for (int round = 0; round < w->rounds * KINDS; round++) {
        choose(w, &kinds[round % KINDS]);
        double start = mwn_clock_now();
        MWN_TRY(bench_run_step(w->run, err));
        w->seconds[round % KINDS] += (mwn_clock_now() - start) / w->rounds;
    }
out:
    return status;
}

/* ---- the program ---- */

static void print_errors(const struct errors *e)
{
    if (e->count)
        printf("  %6.4f  %6.4f", sqrt(e->square / e->norm), e->cosine / e->count);
    else
        printf("  %6s  %6s", "-", "-");
}

static void print_table(const struct work *w)
{
    printf("%-13s  %-14s  %-15s  %-14s  %s\n", "", "d", "bias of d", "Theta", "time");
    printf("%-13s  %6s  %6s  %6s  %7s  %6s  %6s\n", "meta.gradient", "error", "cosine",
           "seen", "chance", "error", "cosine");
    for (int k = 0; k < KINDS; k++) {
        const struct errors *e = &w->of_d[k];
        printf("%-13s", kinds[k].name);
        print_errors(e);
        if (kinds[k].gradient == MWN_GRADIENT_SAMPLED && e->count)
            printf("  %6.4f  %7.4f", sqrt(e->mean_square * w->draws / e->norm),
                   sqrt(e->square / e->norm / w->draws));
        else
            printf("  %6s  %7s", "-", "-");
        print_errors(&w->of_g[k]);
        if (w->rounds)
            printf("  %5.3f", w->seconds[k] / w->seconds[0]);
        printf("\n");
    }
    double b = w->batches, sum = mwn_dense_dot(w->n_theta, w->sum_g, w->sum_g);
    if (b > 1)
        printf("Theta's exact gradient differs between batches by %.2f of its size\n",
               sqrt((w->square_g - sum / b) / (b - 1) / (w->square_g / b)));
}

/* The options; the weight net is one that work_init() can make a copy of. */
static mwn_status configure(mwn_config *config, int argc, char **argv,
                            struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(bench_configure(config, argv[1], argc - 6, argv + 6, err));
    MWN_TRY(mwn_config_set(config, "method.name", "mwnet", err));
    MWN_TRY(mwn_config_set(config, "method.hidden", "100", err));
    MWN_TRY(mwn_config_set(config, "method.weights", "mean", err));
out:
    return status;
}

static mwn_status measure(struct work *w, const mwn_config *config, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(mwn_run_create(&w->run, config, NULL, err));
    for (int i = 0; i < w->steps; i++)
        MWN_TRY(bench_run_step(w->run, err));
    MWN_TRY(work_init(w, err));
    w->run->step.lr = mwn_schedule_lr(&w->run->settings.train.schedule, 0, 0, 1);
    MWN_TRY(measure_layers(w, err));
    for (int i = 0; i < w->batches; i++)
        MWN_TRY(compare_batch(w, err));
    MWN_TRY(time_steps(w, err));
out:
    return status;
}

static mwn_status read_counts(struct work *w, char **argv, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    MWN_TRY(bench_count_from(&w->steps, argv[2], 0, COUNT_MAX, "STEPS", err));
    MWN_TRY(bench_count(&w->batches, argv[3], COUNT_MAX, "BATCHES", err));
    MWN_TRY(bench_count(&w->draws, argv[4], COUNT_MAX, "DRAWS", err));
    MWN_TRY(bench_count_from(&w->rounds, argv[5], 0, COUNT_MAX, "ROUNDS", err));
out:
    return status;
}

int main(int argc, char **argv)
{
    struct mwn_error err = {0};
    struct work w = {0};
    mwn_config *config = NULL;
    if (argc < 6) {
        fprintf(stderr, "usage: bench_gradient RECIPE STEPS BATCHES DRAWS ROUNDS "
                        "[KEY=VALUE]...\n");
        return MWN_ERR_CONFIG;
    }
    mwn_status status = read_counts(&w, argv, &err);
    if (status == MWN_OK)
        status = mwn_config_create(&config, &err);
    if (status == MWN_OK)
        status = configure(config, argc, argv, &err);
    if (status == MWN_OK)
        status = measure(&w, config, &err);
    if (status == MWN_OK)
        print_table(&w);
    else
        fprintf(stderr, "bench_gradient: %s\n%s\n", err.text, err.hint);
    work_release(&w);
    mwn_config_free(config);
    return (int)status;
}
