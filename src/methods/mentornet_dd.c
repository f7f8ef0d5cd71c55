/* mentornet_dd.c - MentorNet DD: a small network that has learned from samples whose labels are
 * known to be right or wrong weighs the samples.
 *
 * Jiang, Zhou, Leung, Li, Fei-Fei: MentorNet, ICML 2018. The iteration, the network g and its
 * training are those of mentornet.c, but the targets are data: v* = 1 where the label is right, 0
 * where it is wrong, by the cross-entropy, and after the burn-in g is told its end as the progress.
 *
 * The authors had samples with both labels. Here the meta set tells: in the last third of the
 * burn-in each sample of a meta batch gives two points, its loss with its own label (v* = 1) and
 * its loss with another label drawn at random (v* = 0); the latest 4096 samples are kept. So there
 * are as many wrong labels as right ones, and wrong ones are spread evenly. The distance is to
 * the running percentile at the end of the burn-in. Meta batches pass in training mode. In the
 * last 5 % nine tenths of a batch are dropped at random; in the authors' code the schedule stands
 * still with the progress, so that it never comes to that. Published percentiles: 0.8, 0.6, 0.5 at
 * 20, 40, 80 % of wrong labels. */
#include "methods/mentor.h"
#include "methods/output_room.h"

#include "base/mem.h"
#include "base/status.h"

#include <math.h>

enum { PAIRS = 4096 };

struct dd_options {
    struct mwn_mentor_options mentor;
};

struct dd {
    struct mwn_mentor mentor;
    struct mwn_output_room room;
    double *pair; /* owned [PAIRS][2]: losses with the right and with a wrong label */
    double seen;  /* pairs so far; the latest PAIRS of them are kept                */
};

static const struct mwn_option dd_rows[] = {
    MWN_MENTOR_ROWS(struct dd_options, mentor, "0.9"),
    {NULL, MWN_OPT_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static void dd_end(void *self)
{
    struct dd *m = self;
    mwn_mentor_end(&m->mentor);
    mwn_output_room_release(&m->room);
    mwn_free(m->pair);
    m->pair = NULL;
}

static mwn_status dd_begin(void *self, const void *options,
                           const struct mwn_method_context *context, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct dd *m = self;
    MWN_TRY(mwn_mentor_begin(&m->mentor, &((const struct dd_options *)options)->mentor,
                             context, err));
    m->mentor.frozen = true;
    MWN_TRY(mwn_output_room_init(&m->room, context, err));
    m->pair = mwn_alloc(PAIRS, 2 * sizeof *m->pair);
    if (!m->pair)
        status = mwn_fail_memory(err, (size_t)PAIRS * 2 * sizeof *m->pair,
                                 "losses to learn from");
out:
    if (status != MWN_OK)
        dd_end(m);
    return status;
}

/* Keeps the meta batch's losses with the labels as they are and with others. */
static mwn_status look_at_meta(struct dd *m, struct mwn_step *step, struct mwn_error *err)
{
    size_t classes = m->room.classes;
    struct mwn_rng rng =
        mwn_rng_at(m->mentor.seed, MWN_STREAM_MENTOR, 1 + step->iteration, 1);
    mwn_status status = mwn_step_forward_meta(step, err);
    if (status == MWN_OK)
        status = mwn_step_output(step, step->meta, m->room.slope, NULL, err);
    if (status != MWN_OK)
        return status;
    for (size_t j = 0; j < step->meta->n && classes > 1; j++) {
        size_t label = (size_t)step->meta->label[j];
        size_t wrong = (label + 1 + mwn_rng_below(&rng, classes - 1)) % classes;
        double *pair = m->pair + 2 * ((size_t)m->seen % PAIRS);
        const double *z = m->room.slope + j * classes;
        pair[0] = step->meta_loss[j];
        pair[1] = step->meta_loss[j] + z[label] - z[wrong];
        m->seen += 1;
    }
    return MWN_OK;
}

/* One of the pairs' losses. */
static void draw_known(const void *user, struct mwn_rng *rng,
                       struct mwn_mentor_sample *sample)
{
    const struct dd *m = user;
    uint64_t kept = m->seen < PAIRS ? (uint64_t)m->seen : PAIRS;
    uint64_t at = mwn_rng_below(rng, 2 * (kept ? kept : 1));
    sample->loss = m->pair[at];
    sample->distance = sample->loss - m->mentor.number[0];
    sample->percent = (int)lround(100 * m->mentor.options.burn_in);
    sample->percent = sample->percent < 99 ? sample->percent : 99;
    sample->target = at % 2 == 0;
}

static mwn_status dd_step(void *self, struct mwn_step *step, struct mwn_error *err)
{
    mwn_status status = MWN_OK;
    struct dd *m = self;
    int percent = mwn_mentor_percent(&m->mentor, step);
    bool burns_in = mwn_mentor_burns_in(&m->mentor, percent);
    bool looks = 3 * percent >= 200 * m->mentor.options.burn_in;
    if (step->meta && looks && !(m->mentor.number[1] > 0))
        MWN_TRY(look_at_meta(m, step, err));
    if (!burns_in && !(m->seen > 0))
        MWN_TRY(mwn_method_fail_unseen(step, "mentornet_dd", "the burn-in", err));
    MWN_TRY(mwn_mentor_forward(&m->mentor, step, err));
    if (!burns_in)
        mwn_mentor_teach(&m->mentor, (struct mwn_mentor_lesson){
                                         .draw = draw_known, .user = m, .binary = true});
    status = mwn_mentor_update(&m->mentor, step, err);
out:
    return status;
}

static int dd_state(void *self, struct mwn_state_item items[MWN_STATE_MAX])
{
    struct dd *m = self;
    int count = mwn_mentor_state(&m->mentor, items);
    items[count] = (struct mwn_state_item){"pairs", m->pair, 2 * (size_t)PAIRS};
    items[count + 1] = (struct mwn_state_item){"pairs.seen", &m->seen, 1};
    return count + 2;
}

static void dd_weigh(const void *self, size_t n, const double *loss, double *weight)
{
    mwn_mentor_weigh(&((const struct dd *)self)->mentor, n, loss, weight);
}

const struct mwn_method mwn_method_mentornet_dd = {
    .name = "mentornet_dd",
    .summary = "MentorNet DD, a small network that has learned from the meta set weighs "
               "samples",
    .reference = "Jiang et al., MentorNet: Learning Data-Driven Curriculum for Very Deep "
                 "Neural Networks on Corrupted Labels, ICML 2018",
    .needs = MWN_NEEDS_META | MWN_NEEDS_OUTPUT | MWN_NEEDS_EPOCHS,
    .options_size = sizeof(struct dd_options),
    .self_size = sizeof(struct dd),
    .options = dd_rows,
    .begin = dd_begin,
    .believes = true,
    .step = dd_step,
    .state = dd_state,
    .weigh = dd_weigh,
    .end = dd_end,
};
