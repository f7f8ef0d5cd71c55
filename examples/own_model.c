/* own_model.c - Meta-Weight-Net on your own model: a hand-written logistic regression. Link with
 * $(pkg-config --libs mwnet) -lm. */
#include <math.h>
#include "toy_data.h"
#pragma GCC diagnostic ignored "-Wunused-parameter" /* nothing here can fail and fill err */

enum { D = TOY_FEATURES, TRAIN = 1000, META = 100, STEPS = 400 };

struct model {
    const float *w;                /* [D] the parameters                      */
    const struct mwn_batch *batch; /* of the last forward                     */
    double slope[TRAIN];           /* derivative of each of its losses by w'x */
};

static mwn_status forward(void *self, const struct mwn_batch *batch, double *loss,
                          struct mwn_error *err)
{
    struct model *m = self;
    m->batch = batch;
    for (size_t i = 0; i < batch->n; i++) {
        double score = toy_dot(m->w, batch, i), y = batch->label[i];
        loss[i] = log1p(exp(score)) - y * score;
        m->slope[i] = 1 / (1 + exp(-score)) - y;
    }
    return MWN_OK;
}

static mwn_status backward(void *self, const double *coef, void *grad,
                           struct mwn_error *err)
{
    const struct model *m = self;
    const float *x = m->batch->x;
    double mean = 1.0 / (double)m->batch->n; /* in place of a coef that is NULL */
    float *g = memset(grad, 0, D * sizeof *g);
    for (size_t j = 0; j < m->batch->n * D; j++)
        g[j % D] += (float)((coef ? coef[j / D] : mean) * m->slope[j / D]) * x[j];
    return MWN_OK;
}

static mwn_status jvp(void *self, const void *dir, size_t from, double *dloss,
                      struct mwn_error *err)
{
    const struct model *m = self;
    for (size_t i = 0; i < m->batch->n; i++)
        dloss[i] = m->slope[i] * toy_dot(dir, m->batch, i);
    return MWN_OK;
}

static mwn_status meta(void *self, const void *params, const struct mwn_batch *batch,
                       const struct mwn_meta_pass *pass, struct mwn_error *err)
{
    struct model other = {.w = params};
    forward(&other, batch, pass->loss, err);
    return pass->grad ? backward(&other, NULL, pass->grad, err) : MWN_OK;
}

int main(void)
{
    const struct mwn_batch train = toy_batch(TRAIN, 2), clean = toy_batch(META, 0);
    struct mwn_error err = {MWN_OK, "", ""};
    for (int k = 0; k < 2 && err.status == MWN_OK; k++) {
        const char *method = k == 0 ? "ce" : "mwnet";
        float w[D] = {0};
        struct model m = {.w = w};
        struct mwn_learner learner = {.self = &m, .dtype = MWN_F32, .params = w};
        learner.n_params = D, learner.forward = forward, learner.backward = backward;
        learner.jvp = jvp, learner.meta = meta;
        mwn_config *config = NULL;
        mwn_trainer *trainer = NULL;
        bool good = !mwn_config_create(&config, &err) &&
                    !mwn_config_set(config, "method.name", method, &err) &&
                    !mwn_trainer_create(&trainer, &learner, config, TRAIN, &err);
        for (int step = 0; step < STEPS && good; step++)
            good = !mwn_trainer_step(trainer, &train, &clean, 0.3, NULL, &err);
        if (good)
            toy_report(method, w, trainer);
        mwn_trainer_free(trainer), mwn_config_free(config);
    }
    return err.status ? fprintf(stderr, "%s\n", err.text), 1 : 0;
}
