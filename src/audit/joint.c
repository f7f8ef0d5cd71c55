/* joint.c - the confident joint (Northcutt, Jiang, Chuang: Confident Learning, JAIR 2021).
 *
 *     t_j      = mean of p_i(j) over the samples i with the given label j       (eq. 2)
 *     C[y][k]  = number of samples with the given label y whose most probable class among
 *                those with p_i(k) >= t_k is k                                   (eq. 1)
 *     Q[y][k]  = C[y][k] / sum_k C[y][k] * number of samples with the label y    (eq. 3)
 *
 * A class none of whose samples is counted keeps its labels: Q[y][y] = their number.
 *
 * That takes a model's own mistakes for wrong labels. Where the probabilities are of models that
 * have not seen the sample, so that they do not know its label, there is a better count: the
 * labels of those samples of which the model is surest, where it is hardly ever wrong (anchor
 * points: Patrini et al., CVPR 2017; here their labels are counted, not their probabilities
 * averaged). It rests on noise that depends on the class alone. With A_k the quarter of the
 * N_k samples predicted as k that have the highest p_i(k), but at least ANCHORS_LEAST of them,
 *
 *     C[y][k]  = N_k / |A_k| * number of samples in A_k with the given label y
 *
 * and Q as above. */
#include "audit/joint.h"
#include "base/mem.h"
#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ANCHOR_SHARE = 4, ANCHORS_LEAST = 20 };

/* What goes through all samples. */
struct pass {
    struct mwn_joint *joint;
    const struct mwn_joint_samples *samples;
    double *p, *seen; /* owned [classes] */
};

static void find_thresholds(const struct pass *pass)
{
    struct mwn_joint *joint = pass->joint;
    for (size_t i = 0; i < pass->samples->n; i++) {
        size_t y = (size_t)pass->samples->given[i];
        joint->total[y]++;
        if (!pass->samples->row(pass->samples->user, i, pass->p))
            continue;
        pass->seen[y]++;
        joint->threshold[y] += pass->p[y];
    }
    for (size_t c = 0; c < joint->classes; c++)
        joint->threshold[c] = pass->seen[c] > 0 ? joint->threshold[c] / pass->seen[c] : 1;
}

static void count(const struct pass *pass)
{
    struct mwn_joint *joint = pass->joint;
    size_t classes = joint->classes;
    for (size_t i = 0; i < pass->samples->n; i++) {
        size_t best = classes;
        if (!pass->samples->row(pass->samples->user, i, pass->p))
            continue;
        for (size_t k = 0; k < classes; k++)
            if (pass->p[k] >= joint->threshold[k] &&
                (best == classes || pass->p[k] > pass->p[best]))
                best = k;
        if (best < classes)
            joint->count[(size_t)pass->samples->given[i] * classes + best]++;
    }
}

/* A sample by its most probable class. */
struct anchor {
    double p;
    uint32_t predicted;
    int32_t given;
    size_t sample;
};

/* By class, the surest first. */
static int compare_anchors(const void *left, const void *right)
{
    const struct anchor *a = left, *b = right;
    if (a->predicted != b->predicted)
        return a->predicted < b->predicted ? -1 : 1;
    if (a->p != b->p)
        return a->p > b->p ? -1 : 1;
    return a->sample < b->sample ? -1 : 1;
}

static void count_anchors(const struct pass *pass, struct anchor *anchor)
{
    struct mwn_joint *joint = pass->joint;
    size_t classes = joint->classes, n = 0, end = 0;
    for (size_t i = 0; i < pass->samples->n; i++) {
        if (!pass->samples->row(pass->samples->user, i, pass->p))
            continue;
        struct anchor *a = &anchor[n++];
        *a = (struct anchor){.given = pass->samples->given[i], .sample = i};
        for (size_t k = 1; k < classes; k++)
            a->predicted = pass->p[k] > pass->p[a->predicted] ? (uint32_t)k : a->predicted;
        a->p = pass->p[a->predicted];
    }
    qsort(anchor, n, sizeof(*anchor), compare_anchors);
    for (size_t first = 0; first < n; first = end) {
        for (end = first; end < n && anchor[end].predicted == anchor[first].predicted;)
            end++;
        size_t all = end - first, used = all / ANCHOR_SHARE;
        used = used < ANCHORS_LEAST ? ANCHORS_LEAST : used;
        used = used < all ? used : all;
        for (size_t i = first; i < first + used; i++)
            joint->count[(size_t)anchor[i].given * classes + anchor[i].predicted] +=
                (double)all / (double)used;
    }
}

static void calibrate(struct mwn_joint *joint)
{
    size_t classes = joint->classes;
    for (size_t y = 0; y < classes; y++) {
        double *row = joint->count + y * classes, sum = 0;
        for (size_t k = 0; k < classes; k++)
            sum += row[k];
        for (size_t k = 0; k < classes && sum > 0; k++)
            row[k] *= joint->total[y] / sum;
        if (!(sum > 0))
            row[y] = joint->total[y];
    }
}

mwn_status mwn_joint_init(struct mwn_joint *joint, size_t classes,
                          const struct mwn_joint_samples *samples, struct mwn_error *err)
{
    struct pass pass = {joint, samples, NULL, NULL};
    struct anchor *anchor = NULL;
    bool fits = classes <= SIZE_MAX / sizeof(double) / (classes ? classes : 1);
    joint->classes = classes;
    joint->threshold = mwn_alloc(classes, sizeof(double));
    joint->total = mwn_alloc(classes, sizeof(double));
    joint->count = fits ? mwn_alloc(classes * classes, sizeof(double)) : NULL;
    pass.p = mwn_alloc(classes, sizeof(double));
    pass.seen = mwn_alloc(classes, sizeof(double));
    anchor = mwn_alloc(samples->unseen ? samples->n : 0, sizeof(*anchor));
    bool whole =
        joint->threshold && joint->total && joint->count && pass.p && pass.seen && anchor;
    if (whole) {
        find_thresholds(&pass);
        if (samples->unseen)
            count_anchors(&pass, anchor);
        else
            count(&pass);
        calibrate(joint);
    }
    mwn_free(anchor);
    mwn_free(pass.p);
    mwn_free(pass.seen);
    if (whole)
        return MWN_OK;
    mwn_joint_release(joint);
    return mwn_fail_memory(err, classes * classes * sizeof(double), "the confident joint");
}

void mwn_joint_release(struct mwn_joint *joint)
{
    mwn_free(joint->threshold);
    mwn_free(joint->count);
    mwn_free(joint->total);
    memset(joint, 0, sizeof(*joint));
}

double mwn_joint_noise(const struct mwn_joint *joint)
{
    double right = 0, all = 0;
    for (size_t c = 0; c < joint->classes; c++) {
        right += joint->count[c * joint->classes + c];
        all += joint->total[c];
    }
    return all > 0 ? 1 - right / all : (double)NAN;
}

double mwn_joint_class_noise(const struct mwn_joint *joint, size_t given)
{
    double all = joint->total[given];
    return all > 0 ? 1 - joint->count[given * joint->classes + given] / all : (double)NAN;
}

double mwn_joint_transition(const struct mwn_joint *joint, size_t true_class, size_t given)
{
    double all = 0;
    for (size_t y = 0; y < joint->classes; y++)
        all += joint->count[y * joint->classes + true_class];
    return all > 0 ? joint->count[given * joint->classes + true_class] / all : (double)NAN;
}
