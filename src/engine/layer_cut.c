/* layer_cut.c - which layers take part in the meta-gradient when it is sampled.
 *
 * The numbers d_i are sums over the layers k = 0 .. L-1, the last one nearest to the losses:
 *
 *     d_i = sum_k d_ik,    d_ik = <grad_k l_i(w), u_k>.
 *
 * An iteration draws a layer C, the cut, and takes the layers from there on, each in the inverse
 * proportion of its chance:
 *
 *     D_i = sum_(k >= C) d_ik / q_k,    q_k = P(C <= k).
 *
 * Expectation. E D_i = sum_k d_ik q_k / q_k = d_i, for any u, and C is drawn independently of
 * everything else; so the gradient of Theta, linear in d_i, is unbiased too.
 *
 * Cost. A layer below the cut needs neither its gradient in the meta pass nor a tangent, and the
 * tangent is not even carried through it. In forward passes the step costs 6 + 4 x (the share of
 * the arithmetic that lies above the cut), on average 6 + 4 meta.layers where layers cost alike,
 * against the 10 of the exact one. (FaMUS, Xu et al., CVPR 2021, lets gates choose single layers.
 * Here that would save less: the tangent of the lowest one has to be carried through all layers
 * above it. A quarter of ResNet-32's layers, each chosen for itself, costs 8.3 at the variance
 * that this has at 8.)
 *
 * Variance. With T_k = |sum_(j <= k) d_j|^2, over the samples of a batch,
 *
 *     E |D - d|^2 = sum_k (1/q_k - 1) (T_k - T_(k-1)),
 *
 * which for a given cost is least where q_k is proportional to sqrt((T_k - T_(k-1)) / cost of k).
 * In trained networks T grows faster and faster towards the losses, so q should fall from there
 * down. With j = L-1-k layers above layer k the law here is
 *
 *     q_k = a / (a + j),    1/q_k = 1 + j / a.
 *
 * On ResNet-32 and CIFAR-10, after 40 steps as well as after ten epochs, the variance is at most a
 * third above the least one that any q of the same cost has, for meta.layers from 0.1 to 0.5; and
 * no layer counts more than 1 + (L-1)/a times. The last layer, which costs next to nothing, is
 * always there. a follows from the wanted mean of q below the last layer, meta.layers.
 *
 * Learned chances. With meta.chances=learned T is measured from time to time
 * (layer_profile.c), and q are the chances of the least variance: with s_k the slopes of
 * the greatest convex function below T, as q must rise with k,
 *
 *     q_k = min(1, max(meta.layers / 4, c sqrt(s_k))),    c such that their mean is
 *                                                         meta.layers.
 *
 * They depend on what was before the iteration alone, so that D stays unbiased; an
 * iteration that measures takes all layers. This is what FaMUS learns its gates for, a
 * small variance at a given number of layers; but its gates, networks fed with gradients
 * and trained by a penalty, choose without weights by chance, which is biased, and layers
 * one by one. */
#include "engine/layer_cut.h"

#include <math.h>

size_t mwn_layer_count(const struct mwn_learner *learner)
{
    if (learner->layers)
        return learner->layer_count;
    return learner->head > 0 ? 2 : 1;
}

size_t mwn_layer_first(const struct mwn_learner *learner, size_t k)
{
    if (k >= mwn_layer_count(learner))
        return learner->n_params;
    if (learner->layers)
        return learner->layers[k];
    return k == 0 ? 0 : learner->head;
}

double mwn_layer_cut_chance(const struct mwn_layer_cut *cut, size_t k)
{
    double above = (double)(cut->layers - 1 - k);
    if (cut->chance)
        return cut->chance[k];
    return isinf(cut->reach) ? 1 : cut->reach / (cut->reach + above);
}

/* Mean chance of the layers below the last one. */
static double mean_chance(const struct mwn_layer_cut *cut)
{
    double sum = 0;
    for (size_t k = 0; k + 1 < cut->layers; k++)
        sum += mwn_layer_cut_chance(cut, k);
    return sum / (double)(cut->layers - 1);
}

/* The mean chance grows with the reach: halving intervals of its logarithm finds it. */
struct mwn_layer_cut mwn_layer_cut_of(size_t layers, double share)
{
    struct mwn_layer_cut cut = {.layers = layers, .reach = (double)INFINITY};
    double low = -40, high = 40;
    if (layers < 2 || share >= 1)
        return cut;
    for (int i = 0; i < 80; i++) {
        double middle = (low + high) / 2;
        cut.reach = exp(middle);
        *(mean_chance(&cut) < share ? &low : &high) = middle;
    }
    return cut;
}

size_t mwn_layer_cut_draw(const struct mwn_layer_cut *cut, double unit)
{
    size_t k = cut->layers - 1;
    while (k > 0 && unit < mwn_layer_cut_chance(cut, k - 1))
        k--;
    return k;
}

/* Slope above layer k of the greatest convex function below T: the largest, over the layers
 * i <= k, of the least mean of a rise from i up to a j >= k. */
static double convex_slope(const struct mwn_layer_cut *cut, const double *square, size_t k)
{
    double most = 0;
    for (size_t i = 0; i <= k; i++) {
        double least = (double)INFINITY, before = i > 0 ? square[i - 1] : 0;
        for (size_t j = k; j + 1 < cut->layers; j++)
            least = fmin(least, (square[j] - before) / (double)(j + 1 - i));
        most = fmax(most, least);
    }
    return most;
}

static double bounded(double share, double chance)
{
    return fmin(1, fmax(share / 4, chance));
}

void mwn_layer_cut_fit(const struct mwn_layer_cut *cut, double share, const double *square,
                       double *chance)
{
    size_t below = cut->layers - 1;
    double low = -40, high = 40;
    chance[below] = 1;
    for (size_t k = 0; k < below; k++)
        chance[k] = sqrt(convex_slope(cut, square, k) / square[below]);
    for (int i = 0; i < 80; i++) {
        double middle = (low + high) / 2, sum = 0;
        for (size_t k = 0; k < below; k++)
            sum += bounded(share, exp(middle) * chance[k]);
        *(sum < share * (double)below ? &low : &high) = middle;
    }
    for (size_t k = 0; k < below; k++)
        chance[k] = bounded(share, exp(low) * chance[k]);
}
