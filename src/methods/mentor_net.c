/* mentor_net.c - the network of MentorNet: forward, backward, training. */
#include "methods/mentor_net.h"

#include <math.h>
#include <string.h>

enum { BATCH = 32 };
static const double longest = 5, rate_factor = 0.9, rate_steps = 1000;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Uniform in +-sqrt(6 / (in + out)), TensorFlow's default. */
static double glorot(struct mwn_rng *rng, double in, double out)
{
    return sqrt(6 / (in + out)) * (2 * mwn_rng_unit(rng) - 1);
}

void mwn_mentor_net_init(struct mwn_mentor_net *net, uint64_t seed)
{
    struct mwn_rng rng = mwn_rng_at(seed, MWN_STREAM_MENTOR, 0, 0);
    double *theta = net->theta;
    for (size_t i = 0; i < MWN_MENTOR_AT_CELLS; i++)
        theta[i] = glorot(&rng, 2, 2);
    for (size_t i = MWN_MENTOR_AT_CELLS; i < MWN_MENTOR_AT_HIDDEN; i++)
        theta[i] = (i - MWN_MENTOR_AT_CELLS) % 3 == 2 ? 0 : glorot(&rng, 3, 4);
    for (size_t i = MWN_MENTOR_AT_HIDDEN; i < MWN_MENTOR_PARAMS; i++)
        theta[i] = mwn_rng_normal(&rng);
    for (size_t e = 0; e < 100; e++)
        for (size_t k = 0; k < MWN_MENTOR_EPOCH; k++)
            net->epoch[e][k] = glorot(&rng, 100, MWN_MENTOR_EPOCH);
}

/* What forward keeps. */
struct trace {
    double gate[2], candidate[2];
    double feature[MWN_MENTOR_FEATURES], hidden[MWN_MENTOR_UNITS];
};

/* One step of a cell from nothing: its state is sigmoid(input gate) * tanh(candidate). */
static double run_cell(const double *w, const struct mwn_mentor_sample *s, double *gate,
                       double *candidate)
{
    *gate = sigmoid(w[0] * s->loss + w[1] * s->distance + w[2]);
    *candidate = tanh(w[3] * s->loss + w[4] * s->distance + w[5]);
    return *gate * *candidate;
}

static double logit_of(const struct mwn_mentor_net *net, const struct mwn_mentor_sample *s,
                       struct trace *t)
{
    const double *theta = net->theta, *hidden = theta + MWN_MENTOR_AT_HIDDEN;
    const double *out = theta + MWN_MENTOR_AT_OUT;
    double sum = 0;
    memcpy(t->feature, theta, 2 * sizeof *theta);
    memcpy(t->feature + 2, net->epoch[s->percent], sizeof net->epoch[0]);
    for (size_t d = 0; d < 2; d++)
        t->feature[2 + MWN_MENTOR_EPOCH + d] =
            run_cell(theta + MWN_MENTOR_AT_CELLS + 6 * d, s, &t->gate[d], &t->candidate[d]);
    memcpy(t->hidden, theta + MWN_MENTOR_AT_BIAS, sizeof t->hidden);
    for (size_t f = 0; f < MWN_MENTOR_FEATURES; f++)
        for (size_t j = 0; j < MWN_MENTOR_UNITS; j++)
            t->hidden[j] += t->feature[f] * hidden[f * MWN_MENTOR_UNITS + j];
    for (size_t j = 0; j < MWN_MENTOR_UNITS; j++) {
        t->hidden[j] = tanh(t->hidden[j]);
        sum += t->hidden[j] * (out[j] + out[MWN_MENTOR_UNITS]);
    }
    return sum;
}

double mwn_mentor_net_weight(const struct mwn_mentor_net *net,
                             const struct mwn_mentor_sample *sample)
{
    struct trace t;
    return sigmoid(logit_of(net, sample, &t));
}

/* From the derivative by a cell's state to that by its six parameters. */
static void back_cell(const struct trace *t, size_t d, const struct mwn_mentor_sample *s,
                      double dstate, double *grad)
{
    double gate = t->gate[d], candidate = t->candidate[d];
    double by_gate = dstate * candidate * gate * (1 - gate);
    double by_candidate = dstate * gate * (1 - candidate * candidate);
    const double x[3] = {s->loss, s->distance, 1};
    for (size_t k = 0; k < 3; k++) {
        grad[k] += by_gate * x[k];
        grad[3 + k] += by_candidate * x[k];
    }
}

/* From the derivative by the logit to that by theta. */
static void back(const struct mwn_mentor_net *net, const struct trace *t,
                 const struct mwn_mentor_sample *s, double dlogit, double *grad)
{
    const double *out = net->theta + MWN_MENTOR_AT_OUT;
    const double *hidden = net->theta + MWN_MENTOR_AT_HIDDEN;
    double dfeature[MWN_MENTOR_FEATURES] = {0};
    for (size_t j = 0; j < MWN_MENTOR_UNITS; j++) {
        double h = t->hidden[j];
        double by = dlogit * (out[j] + out[MWN_MENTOR_UNITS]) * (1 - h * h);
        grad[MWN_MENTOR_AT_OUT + j] += dlogit * h;
        grad[MWN_MENTOR_AT_OUT + MWN_MENTOR_UNITS] += dlogit * h;
        grad[MWN_MENTOR_AT_BIAS + j] += by;
        for (size_t f = 0; f < MWN_MENTOR_FEATURES; f++) {
            grad[MWN_MENTOR_AT_HIDDEN + f * MWN_MENTOR_UNITS + j] += by * t->feature[f];
            dfeature[f] += by * hidden[f * MWN_MENTOR_UNITS + j];
        }
    }
    for (size_t k = 0; k < 2; k++)
        grad[k] += dfeature[k];
    for (size_t d = 0; d < 2; d++)
        back_cell(t, d, s, dfeature[2 + MWN_MENTOR_EPOCH + d],
                  grad + MWN_MENTOR_AT_CELLS + 6 * d);
}

double mwn_mentor_net_backward(const struct mwn_mentor_net *net,
                               const struct mwn_mentor_sample *sample, bool binary,
                               double grad[MWN_MENTOR_PARAMS])
{
    struct trace t;
    double logit = logit_of(net, sample, &t), v = sigmoid(logit), off = v - sample->target;
    back(net, &t, sample, binary ? off : 2 * off * v * (1 - v), grad);
    if (!binary)
        return off * off;
    return fmax(logit, 0) - logit * sample->target + log1p(exp(-fabs(logit)));
}

double mwn_mentor_net_train(struct mwn_mentor_net *net, struct mwn_theta_optimizer *opt,
                            const struct mwn_mentor_lesson *lesson)
{
    struct mwn_rng rng = mwn_rng_at(lesson->seed, MWN_STREAM_MENTOR, 0, 1);
    double last = 0, counted = 0;
    opt->rule = MWN_THETA_ADAM;
    opt->steps = 0;
    memset(opt->first, 0, opt->n * sizeof *opt->first);
    memset(opt->second, 0, opt->n * sizeof *opt->second);
    for (uint64_t s = 0; s < lesson->steps; s++) {
        struct mwn_mentor_sample sample;
        double grad[MWN_MENTOR_PARAMS] = {0}, square = 0, loss = 0;
        for (int i = 0; i < BATCH; i++) {
            lesson->draw(lesson->user, &rng, &sample);
            loss += mwn_mentor_net_backward(net, &sample, lesson->binary, grad) / BATCH;
        }
        for (size_t i = 0; i < MWN_MENTOR_PARAMS; i++)
            square += grad[i] * grad[i] / (BATCH * BATCH);
        double by = BATCH * fmax(1, sqrt(square) / longest);
        for (size_t i = 0; i < MWN_MENTOR_PARAMS; i++)
            grad[i] /= by;
        opt->lr = lesson->lr * pow(rate_factor, floor((double)s / rate_steps));
        mwn_theta_optimizer_update(opt, net->theta, grad);
        last += s + 100 >= lesson->steps ? loss : 0;
        counted += s + 100 >= lesson->steps;
    }
    return counted > 0 ? last / counted : 0;
}
