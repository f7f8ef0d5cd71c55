/* resampling.c - plain cross-entropy on batches that are drawn evenly from the classes.
 *
 * The oldest remedy for a long tail; see Mahajan et al., Exploring the Limits of Weakly Supervised
 * Pretraining, ECCV 2018, for the square root. With n_c training samples of class c, a sample is
 * drawn, with replacement, with a chance ~ n_(y_i)^(power - 1), a class therefore with ~ n_c^power:
 *
 *     power 0    every class as often as any other (class-balanced sampling)
 *     power 1/2  square-root sampling
 *     power 1    every sample as often as any other.
 *
 * An epoch has as many draws as there are training samples. */
#include "methods/method.h"

#include <math.h>

struct resampling_options {
    double power;
};

static const struct mwn_option resampling_rows[] = {
    {"power", MWN_OPT_REAL, offsetof(struct resampling_options, power), "0", 0, 1, NULL,
     "A class is drawn as often as its size to that power: 0 all classes alike, 0.5 "
     "square-root sampling."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void resampling_draw(const void *options, const struct mwn_data_facts *facts,
                            double *chance)
{
    const struct resampling_options *o = options;
    for (size_t c = 0; c < facts->classes; c++)
        chance[c] =
            facts->class_count[c] > 0 ? pow(facts->class_count[c], o->power - 1) : 0;
}

static mwn_status resampling_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    (void)self;
    return mwn_method_plain(step, err);
}

const struct mwn_method mwn_method_resampling = {
    .name = "resampling",
    .summary = "plain cross-entropy on batches drawn evenly from the classes",
    .reference =
        "Mahajan et al., Exploring the Limits of Weakly Supervised Pretraining, ECCV "
        "2018 (square root)",
    .needs = MWN_NEEDS_CLASSES | MWN_NEEDS_LOADER,
    .options_size = sizeof(struct resampling_options),
    .options = resampling_rows,
    .draw = resampling_draw,
    .step = resampling_step,
};
