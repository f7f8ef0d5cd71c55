/* mentor_net.h - the network of MentorNet: from a sample's loss, its distance to the running
 * percentile and the progress of the training to the sample's weight. See mentornet.c. */
#ifndef MWN_METHODS_MENTOR_NET_H
#define MWN_METHODS_MENTOR_NET_H

#include "base/base.h"
#include "base/rng.h"
#include "engine/optimizer.h"

/* Places in theta: embedding of the label; of each direction's cell the input gate and the
 * candidate, each with weights of loss and distance and a bias; the hidden layer's weights
 * [feature][unit] and biases; the last layer's weights and what is added to all of them. */
enum {
    MWN_MENTOR_UNITS = 20,
    MWN_MENTOR_EPOCH = 5,
    MWN_MENTOR_FEATURES = 2 + MWN_MENTOR_EPOCH + 2,
    MWN_MENTOR_AT_CELLS = 2,
    MWN_MENTOR_AT_HIDDEN = MWN_MENTOR_AT_CELLS + 12,
    MWN_MENTOR_AT_BIAS = MWN_MENTOR_AT_HIDDEN + MWN_MENTOR_FEATURES * MWN_MENTOR_UNITS,
    MWN_MENTOR_AT_OUT = MWN_MENTOR_AT_BIAS + MWN_MENTOR_UNITS,
    MWN_MENTOR_PARAMS = MWN_MENTOR_AT_OUT + MWN_MENTOR_UNITS + 1
};

struct mwn_mentor_net {
    double theta[MWN_MENTOR_PARAMS];
    double epoch[100][MWN_MENTOR_EPOCH]; /* fixed embedding of the progress in percent */
};

struct mwn_mentor_sample {
    double loss, distance; /* distance: loss minus the running percentile */
    int percent;           /* 0..99: how far the training is              */
    double target;         /* weight that it should get                   */
};

/* Initial values, a function of the seed. */
void mwn_mentor_net_init(struct mwn_mentor_net *net, uint64_t seed);
/* The weight, 0..1. */
double mwn_mentor_net_weight(const struct mwn_mentor_net *net,
                             const struct mwn_mentor_sample *sample);
/* Adds the gradient of a sample's loss to grad and returns that loss: the cross-entropy with
 * the target if `binary`, else the squared distance. */
double mwn_mentor_net_backward(const struct mwn_mentor_net *net,
                               const struct mwn_mentor_sample *sample, bool binary,
                               double grad[MWN_MENTOR_PARAMS]);

/* How the network learns: batches of 32 samples that `draw` makes, Adam, its rate times 0.9
 * every 1000 steps, gradients no longer than 5. */
struct mwn_mentor_lesson {
    void (*draw)(const void *user, struct mwn_rng *rng, struct mwn_mentor_sample *sample);
    const void *user;
    bool binary;
    uint64_t steps, seed;
    double lr;
};
/* opt: of MWN_MENTOR_PARAMS numbers, begun anew. Returns the mean loss of the last 100 steps. */
double mwn_mentor_net_train(struct mwn_mentor_net *net, struct mwn_theta_optimizer *opt,
                            const struct mwn_mentor_lesson *lesson);

#endif
