/* transition.c - losses corrected by a matrix of label noise. */
#include "methods/transition.h"

void mwn_transition_posterior(size_t classes, const double *matrix, const double *prob,
                              size_t label, double *posterior)
{
    double sum = 0;
    for (size_t k = 0; k < classes; k++) {
        posterior[k] = prob[k] * matrix[k * classes + label];
        sum += posterior[k];
    }
    for (size_t k = 0; k < classes; k++)
        posterior[k] = sum > 0 ? posterior[k] / sum : prob[k];
}

void mwn_transition_of_counts(size_t classes, const double *count, double *matrix)
{
    for (size_t k = 0; k < classes; k++) {
        double sum = 0;
        for (size_t j = 0; j < classes; j++)
            sum += count[k * classes + j];
        for (size_t j = 0; j < classes; j++)
            matrix[k * classes + j] = sum > 0 ? count[k * classes + j] / sum : k == j;
    }
}
