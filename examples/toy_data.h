/* toy_data.h - what own_model.c learns: two classes of samples that overlap, with wrong labels if
 * asked for, and a line that says how well it went. */
#ifndef TOY_DATA_H
#define TOY_DATA_H

#include <mwnet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOY_FEATURES = 30, TOY_ROOM = 8192 };

/* Product of w with sample i of a batch. */
static inline double toy_dot(const float *w, const struct mwn_batch *batch, size_t i)
{
    const float *x = (const float *)batch->x + i * TOY_FEATURES;
    double sum = 0;
    for (size_t k = 0; k < TOY_FEATURES; k++)
        sum += (double)(w[k] * x[k]);
    return sum;
}

/* n more samples; of every five labels the first `wrong` are wrong. */
static inline struct mwn_batch toy_batch(size_t n, size_t wrong)
{
    static float x[TOY_ROOM][TOY_FEATURES];
    static int32_t label[TOY_ROOM];
    static size_t used;
    const size_t first = used;
    for (size_t i = 0; i < n; i++, used++) {
        label[used] = (i % 2 == 1) != (i % 5 < wrong);
        for (size_t k = 0; k < TOY_FEATURES; k++)
            x[used][k] = (float)(4 * drand48() - 2 + (i % 2 ? 0.3 : -0.3));
    }
    return (struct mwn_batch){.n = n, .x = x[first], .label = label + first};
}

/* Prints how much of a clean test set the classifier w gets right, and the weight net's curve. */
static inline void toy_report(const char *method, const float *w,
                              const mwn_trainer *trainer)
{
    static struct mwn_batch test;
    const double loss[] = {0.01, 0.3, 1, 4};
    double v[4], right = 0;
    if (test.n == 0)
        test = toy_batch(4000, 0);
    for (size_t i = 0; i < test.n; i++)
        right += (toy_dot(w, &test, i) > 0) == (test.label[i] == 1);
    printf("%-5s  accuracy %.1f %%   V(loss):", method, 100 * right / (double)test.n);
    mwn_trainer_weigh(trainer, 4, loss, v);
    for (int k = 0; k < 4; k++)
        printf("  V(%g) = %.2f", loss[k], v[k]);
    printf("\n");
}

#endif
