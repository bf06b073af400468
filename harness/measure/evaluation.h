/* evaluation: how well a mode predicts a text and how far its predictions are from the reference's, from logits, in
 * float64. Figures come with their standard error over windows; modes are compared window by window, where what the
 * windows differ in by themselves drops out.
 *
 *   bits  = mean of -log2 p(next token): bits per byte where tokens are bytes
 *   KL    = sum over the vocabulary of p log2(p / q), p the reference's probabilities and q the mode's
 *   top-1 = the token with the largest logit, the first of equal ones
 *
 * The windows are taken as a sample of independent ones: evenly spread, of a text that is longer than all of them
 * together. Interval: 95 %, from Student's t with windows - 1 degrees of freedom. A mode is called better or worse
 * where the interval of the difference leaves 0 out. windows_needed: the fewest n with n >= ((t(0.975, n-1) + t(0.8,
 * n-1)) s / d)^2, d and s being mean and standard deviation of the observed differences: a difference of that size is
 * then found four times out of five. */
#ifndef DS_MEASURE_EVALUATION_H
#define DS_MEASURE_EVALUATION_H
#include "base/arena.h"
#include "kernels/tensor.h"
#include "measure/tables.h"

/* One window: logits of the reference and of the mode (the reference itself too) at positions 0 … rows-1, each followed
 * by target[row]. Fills all but mode, window and first. */
void evaluation_window(const Tensor *reference, const Tensor *logits, const int32_t *target, EvaluationWindow *row,
                       Arena scratch);
size_t evaluation_window_bytes(int rows, int vocab); /* of scratch */

/* rows [windows] of one mode -> all but length, disjoint and byte_tokens. */
Evaluation evaluation_of(const EvaluationWindow *rows, int windows);

typedef struct EvaluationMetric {
  const char *name;
  size_t offset; /* in EvaluationWindow */
  bool less_is_better;
  bool of_reference; /* whether the reference's own value says anything: its KL is 0 by definition */
} EvaluationMetric;
enum { EVALUATION_METRICS = 4 };
extern const EvaluationMetric evaluation_metrics[EVALUATION_METRICS];

/* Both modes' rows of the same windows in the same order; names are taken from the first rows. */
EvaluationPair evaluation_pair(const EvaluationMetric *metric, const EvaluationWindow *base,
                               const EvaluationWindow *other, int windows);
#endif
