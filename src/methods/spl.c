/* spl.c - self-paced learning: samples with a large loss wait.
 *
 * Kumar, Packer, Koller: Self-Paced Learning for Latent Variable Models, NIPS 2010 (hard); Jiang,
 * Meng, Mitamura, Hauptmann: Easy Samples First, ACM MM 2014 (linear, mixture). With a threshold
 * lambda and a lower one lambda_2 = lower lambda,
 *
 *     hard      v_i = 1 if l_i < lambda, else 0
 *     linear    v_i = max(0, 1 - l_i / lambda)
 *     mixture   v_i = 1 if l_i <= lambda_2, 0 if l_i >= lambda, else zeta (1/l_i - 1/lambda),
 *               zeta = lambda lambda_2 / (lambda - lambda_2)
 *
 *     w <- Opt_w( (1/n) sum_i v_i grad l_i(w) ).
 *
 * How lambda goes on: method.pace=percentile, as in MentorNet's code (Jiang et al., ICML 2018),
 * takes lambda = decay lambda + (1 - decay) (the batch's percentile of the losses), the first
 * batch's percentile to begin with; method.pace=growth takes lambda = start growth^epoch. The
 * schedule behind the published comparison is not known. */
#include "methods/formulas.h"
#include "methods/method.h"

#include <math.h>

enum spl_form { SPL_HARD, SPL_LINEAR, SPL_MIXTURE };

struct spl_options {
    int form, pace;
    double percentile, decay, start, growth, lower;
};

struct spl {
    struct spl_options options;
    struct mwn_data_facts facts;
    double lambda[2]; /* the threshold; 1 if there is one yet */
};

static const char *const form_choices[] = {"hard", "linear", "mixture", NULL};
static const char *const pace_choices[] = {"percentile", "growth", NULL};

#define FIELD(name) offsetof(struct spl_options, name)
static const struct mwn_option spl_rows[] = {
    {"form", MWN_OPT_CHOICE, FIELD(form), "hard", 0, 0, form_choices,
     "Weight as a function of loss and threshold."},
    {"pace", MWN_OPT_CHOICE, FIELD(pace), "percentile", 0, 0, pace_choices,
     "Threshold: a running mean of a percentile of the losses, or one that grows every "
     "epoch."},
    {"percentile", MWN_OPT_REAL, FIELD(percentile), "0.75", 0, 1, NULL,
     "Share of a batch's losses below the threshold, for method.pace=percentile."},
    {"decay", MWN_OPT_REAL, FIELD(decay), "0.5", 0, 1, NULL,
     "Share of the old threshold in the running mean."},
    {"start", MWN_OPT_REAL, FIELD(start), "1", 0, 1000, NULL,
     "Threshold of the first epoch, for method.pace=growth."},
    {"growth", MWN_OPT_REAL, FIELD(growth), "1.3", 1, 100, NULL,
     "Factor of the threshold from epoch to epoch."},
    {"lower", MWN_OPT_REAL, FIELD(lower), "0.5", 0, 0.999, NULL,
     "Lower threshold as a share of the upper one, for method.form=mixture."},
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};
#undef FIELD

static mwn_status spl_begin(void *self, const void *options,
                            const struct mwn_method_context *context, struct mwn_error *err)
{
    struct spl *m = self;
    (void)err;
    m->options = *(const struct spl_options *)options;
    m->facts = context->facts;
    m->lambda[0] = m->options.start;
    return MWN_OK;
}

static double spl_weight(const struct spl *m, double loss)
{
    double high = m->lambda[0], low = m->options.lower * high;
    if (m->options.form == SPL_HARD)
        return loss < high ? 1 : 0;
    if (loss >= high)
        return 0;
    if (m->options.form == SPL_LINEAR)
        return 1 - loss / high;
    return loss <= low ? 1 : high * low / (high - low) * (1 / loss - 1 / high);
}

static void spl_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    for (size_t i = 0; i < n; i++)
        weight[i] = spl_weight(self, loss[i]);
}

static void move_threshold(struct spl *m, struct mwn_step *step)
{
    const struct spl_options *o = &m->options;
    if (o->pace == 0) {
        size_t n = mwn_method_counting(step, step->coef);
        if (n == 0)
            return;
        double now = mwn_quantile(n, step->coef, o->percentile, step->work);
        m->lambda[0] =
            m->lambda[1] > 0 ? o->decay * m->lambda[0] + (1 - o->decay) * now : now;
        m->lambda[1] = 1;
    } else {
        m->lambda[0] = o->start * pow(o->growth, (double)mwn_method_epoch(&m->facts, step));
    }
}

static mwn_status spl_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = mwn_step_forward(step, err);
    if (status != MWN_OK)
        return status;
    move_threshold(self, step);
    spl_weigh(self, step->train->n, step->loss, step->weight);
    return mwn_method_update(step, err);
}

static int spl_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct spl *m = self;
    items[0] = (struct mwn_state_item){"lambda", m->lambda, 2};
    return 1;
}

const struct mwn_method mwn_method_spl = {
    .name = "spl",
    .summary = "self-paced learning, samples with a large loss wait",
    .reference = "Kumar et al., Self-Paced Learning for Latent Variable Models, NIPS 2010",
    .needs = MWN_NEEDS_STEPS,
    .options_size = sizeof(struct spl_options),
    .self_size = sizeof(struct spl),
    .options = spl_rows,
    .begin = spl_begin,
    .believes = true,
    .step = spl_step,
    .state = spl_state,
    .weigh = spl_weigh,
};
