/* own_model.c - Meta-Weight-Net on a model of your own: a logistic regression written by hand.
 * The learner comes first, five short functions; then a toy set in which two of five training
 * labels are wrong and 100 samples are known to be right, and two runs. */
#include <math.h>
#include <mwnet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    D = 31,
    TRAIN = 1000,
    META = 100,
    TEST = 4000,
    STEPS = 400
}; /* 30 features and a 1 */

struct model {
    double w[D], slope[TRAIN];     /* slope: derivative of each loss by its score */
    const struct mwn_batch *batch; /* of the last forward */
};

static double score(const double *w, const struct mwn_batch *batch, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < D; k++)
        sum += w[k] * ((const double *)batch->x)[i * D + k];
    return sum;
}

static mwn_status forward(void *self, const struct mwn_batch *batch, double *loss,
                          struct mwn_error *err)
{
    struct model *m = self;
    (void)err; /* nothing can fail here */
    m->batch = batch;
    for (size_t i = 0; i < batch->n; i++) {
        double z = score(m->w, batch, i);
        loss[i] = fmax(z, 0) + log1p(exp(-fabs(z))) - batch->label[i] * z;
        m->slope[i] = 1 / (1 + exp(-z)) - batch->label[i];
    }
    return MWN_OK;
}

static mwn_status backward(void *self, const double *coef, void *grad,
                           struct mwn_error *err)
{
    struct model *m = self;
    (void)err;
    memset(grad, 0, sizeof m->w);
    for (size_t j = 0; j < m->batch->n * D; j++)
        ((double *)grad)[j % D] +=
            coef[j / D] * m->slope[j / D] * ((const double *)m->batch->x)[j];
    return MWN_OK;
}

static mwn_status jvp(void *self, const void *dir, size_t from, double *dloss,
                      struct mwn_error *err)
{
    struct model *m = self;
    (void)err, (void)from; /* a single layer: from is 0 */
    for (size_t i = 0; i < m->batch->n; i++)
        dloss[i] = m->slope[i] * score(dir, m->batch, i);
    return MWN_OK;
}

static mwn_status meta(void *self, const void *params, const struct mwn_batch *batch,
                       double *loss, void *grad, struct mwn_error *err)
{
    struct model other = {.batch = batch};
    double mean[TRAIN];
    (void)self;
    memcpy(other.w, params, sizeof other.w);
    for (size_t i = 0; i < batch->n; i++)
        mean[i] = 1 / (double)batch->n;
    mwn_status status = forward(&other, batch, loss, err);
    return status == MWN_OK && grad ? backward(&other, mean, grad, err) : status;
}

/* Two classes that overlap; of every five labels the first `wrong` are wrong. */
static struct mwn_batch sample(size_t n, size_t wrong, double *x, int32_t *label)
{
    for (size_t i = 0; i < n; i++) {
        label[i] = (i % 2 == 1) != (i % 5 < wrong);
        for (size_t k = 0; k < D; k++)
            x[i * D + k] = k ? 4 * drand48() - 2 + (i % 2 ? 0.3 : -0.3) : 1;
    }
    return (struct mwn_batch){.n = n, .x = x, .label = label};
}

static mwn_status train(const char *method, const struct mwn_batch *sets,
                        struct mwn_error *err)
{
    struct model model = {{0}, {0}, NULL};
    struct mwn_learner learner = {&model,  MWN_F64,  D,   model.w, 0,
                                  forward, backward, jvp, meta};
    const double loss[] = {0.01, 0.3, 0.7, 1, 2, 4};
    double v[6], right = 0;
    mwn_config *config = NULL;
    mwn_trainer *trainer = NULL;
    mwn_status status = mwn_config_create(&config, err);
    if (status == MWN_OK)
        status = mwn_config_set(config, "method.name", method, err);
    if (status == MWN_OK)
        status = mwn_trainer_create(&trainer, &learner, config, TRAIN, err);
    for (int i = 0; i < STEPS && status == MWN_OK; i++)
        status = mwn_trainer_step(trainer, &sets[0], &sets[1], 0.3, NULL, err);
    if (status == MWN_OK) {
        for (size_t i = 0; i < TEST; i++)
            right += (score(model.w, &sets[2], i) > 0) == (sets[2].label[i] == 1);
        printf("%-5s  accuracy %.1f %%   V(loss):", method, 100 * right / TEST);
        mwn_trainer_weigh(trainer, 6, loss, v);
        for (int k = 0; k < 6; k++)
            printf("  V(%g) = %.2f", loss[k], v[k]);
        printf("\n");
    }
    mwn_trainer_free(trainer);
    mwn_config_free(config);
    return status;
}

int main(void)
{
    static double x[3][TEST * D];
    static int32_t label[3][TEST];
    struct mwn_error err = {MWN_OK, "", ""};
    const struct mwn_batch sets[] = {sample(TRAIN, 2, x[0], label[0]),
                                     sample(META, 0, x[1], label[1]),
                                     sample(TEST, 0, x[2], label[2])};
    if (train("ce", sets, &err) == MWN_OK && train("mwnet", sets, &err) == MWN_OK)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return 1;
}
