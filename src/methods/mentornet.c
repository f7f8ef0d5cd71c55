/* mentornet.c - MentorNet PD: a small network that has learned a curriculum weighs the samples.
 *
 * Jiang, Zhou, Leung, Li, Fei-Fei: MentorNet: Learning Data-Driven Curriculum for Very Deep Neural
 * Networks on Corrupted Labels, ICML 2018, as in its code. With q the running percentile of the
 * batches' losses, q <- decay q + (1 - decay) percentile(l), 0 at first, and e = 0..99 the
 * progress of the training in per cent,
 *
 *     v_i = 1 until e = 17, then g(l_i, l_i - q, e; theta), a fixed network,
 *     w <- Opt_w( (1/n) sum_i b_i v_i grad l_i(w) ),
 *
 * where b_i is 0 for a share of the batch at random, else 1: half of it in the first 17 % of the
 * training, a twentieth then. Weight decay counts times the mean of b_i v_i. The weights that a
 * run shows are the v_i.
 *
 * g: a bidirectional LSTM of one unit each way, one step on (l, l - q), whose two cell states go,
 * with an embedding of the label (always label 0) and one of e (random, fixed), through 20 tanh
 * units to a sigmoid. It learns the predefined curriculum
 *
 *     v*(l, d, e) = 1 if e <= 18, 1[d <= 0] if e < 90, min(1, max(0, 1 - d)) else
 *
 * by least squares on the grid l = 0, 0.1 .. 10, 11 .. 29; d = -5, -4.9 .. 4.9; e = 0 .. 99: 30000
 * steps of Adam on 32 points drawn at random (in the code from 80000 points drawn before), once,
 * at the end of the burn-in. Published percentiles: 0.75, 0.75, 0.5 at 20, 40, 80 % of wrong
 * labels; 0.7 is the default of the code. */
#include "methods/mentor.h"

struct pd_options {
    struct mwn_mentor_options mentor;
};

static const struct mwn_option pd_rows[] = {
    MWN_MENTOR_ROWS(struct pd_options, mentor, "0.05"),
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static double curriculum(double distance, int percent)
{
    if (percent <= 18)
        return 1;
    if (percent < 90)
        return distance <= 0 ? 1 : 0;
    return distance > 1 ? 0 : distance > 0 ? 1 - distance : 1;
}

/* A point of the grid. */
static void draw_point(const void *user, struct mwn_rng *rng,
                       struct mwn_mentor_sample *sample)
{
    (void)user;
    int l = (int)mwn_rng_below(rng, 120), d = (int)mwn_rng_below(rng, 100);
    sample->loss = l < 100 ? l / 10.0 : l - 90;
    sample->distance = (d - 50) / 10.0;
    sample->percent = (int)mwn_rng_below(rng, 100);
    sample->target = curriculum(sample->distance, sample->percent);
}

static mwn_status pd_begin(void *self, const void *options,
                           const struct mwn_method_context *context, struct mwn_error *err)
{
    return mwn_mentor_begin(self, &((const struct pd_options *)options)->mentor, context,
                            err);
}

static mwn_status pd_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    struct mwn_mentor *m = self;
    mwn_status status = mwn_mentor_forward(m, step, err);
    if (status != MWN_OK)
        return status;
    if (!mwn_mentor_burns_in(m, mwn_mentor_percent(m, step)))
        mwn_mentor_teach(m, (struct mwn_mentor_lesson){.draw = draw_point});
    return mwn_mentor_update(m, step, err);
}

static int pd_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    return mwn_mentor_state(self, items);
}

static void pd_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    mwn_mentor_weigh(self, n, loss, weight);
}

static void pd_end(void *self)
{
    mwn_mentor_end(self);
}

const struct mwn_method mwn_method_mentornet = {
    .name = "mentornet",
    .summary = "MentorNet PD, a small network that has learned a curriculum weighs samples",
    .reference = "Jiang et al., MentorNet: Learning Data-Driven Curriculum for Very Deep "
                 "Neural Networks on Corrupted Labels, ICML 2018",
    .needs = MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct pd_options),
    .self_size = sizeof(struct mwn_mentor),
    .options = pd_rows,
    .begin = pd_begin,
    .believes = true,
    .step = pd_step,
    .state = pd_state,
    .weigh = pd_weigh,
    .end = pd_end,
};
