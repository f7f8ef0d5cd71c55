/* optimizer.h - SGD on the flat vector w, and SGD or Adam on the few parameters of V. */
#ifndef MWN_ENGINE_OPTIMIZER_H
#define MWN_ENGINE_OPTIMIZER_H

#include "base/base.h"

/* torch.optim.SGD: g' = g + weight_decay*w; b = momentum*b + (1-dampening)*g' (b = g' the
 * first time); step = g' + momentum*b if nesterov, b otherwise; w -= lr*step. */
struct mwn_sgd {
    enum mwn_dtype dtype;
    size_t n;
    double momentum, dampening, weight_decay;
    bool nesterov;
    void *buffer;    /* owned [n]: b; NULL without momentum */
    bool has_buffer; /* whether b holds a past gradient   */
};

MWN_MUST_CHECK mwn_status mwn_sgd_init(struct mwn_sgd *sgd, enum mwn_dtype dtype, size_t n,
                                       struct mwn_error *err); /* reads the fields set */
void mwn_sgd_release(struct mwn_sgd *sgd);
/* w -= lr * step(grad), and the buffer moves on. */
void mwn_sgd_update(struct mwn_sgd *sgd, double lr, void *w, const void *grad);
/* out = w - lr * step(grad); neither w nor the buffer moves. */
void mwn_sgd_virtual(const struct mwn_sgd *sgd, double lr, const void *w, const void *grad,
                     void *out);
/* d step / d grad: 1-dampening with a buffer, 1 without one; nesterov 1 + momentum*that. */
double mwn_sgd_scale(const struct mwn_sgd *sgd);

/* torch.optim.SGD or torch.optim.Adam (betas 0.9, 0.999, eps 1e-8, L2 decay in the gradient)
 * in double, for V. */
enum mwn_theta_rule { MWN_THETA_SGD, MWN_THETA_ADAM };
struct mwn_theta_optimizer {
    enum mwn_theta_rule rule;
    double lr, momentum, weight_decay;
    bool nesterov;
    size_t n;
    uint64_t steps; /* done so far                                 */
    double *first;  /* owned [n]: momentum buffer, or Adam's m     */
    double *second; /* owned [n]: Adam's v                         */
};
MWN_MUST_CHECK mwn_status mwn_theta_optimizer_init(struct mwn_theta_optimizer *opt,
                                                   size_t n, struct mwn_error *err);
void mwn_theta_optimizer_release(struct mwn_theta_optimizer *opt);
void mwn_theta_optimizer_update(struct mwn_theta_optimizer *opt, double *theta,
                                const double *grad);
#endif
