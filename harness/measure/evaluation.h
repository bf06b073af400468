/* evaluation: how well a mode predicts a text and how far its predictions are from the reference's,
 * from logits, in float64. Figures come with their standard error over windows; modes are compared
 * window by window, where what the windows differ in by themselves drops out.
 *
 *   bits  = mean of -log2 p(next token): bits per byte where tokens are bytes
 *   KL    = sum over the vocabulary of p log2(p / q), p the reference's probabilities and q the
 *           mode's
 *   top-1 = the token with the largest logit, the first of equal ones
 *
 * Windows are a sample of the text: evenly spread over it, side by side. Figures and differences
 * are those of measure/sample.h: windows with a logit that is not finite are left out and counted,
 * Student's t over windows, over blocks of neighbours where neighbours are alike. KL is skewed over
 * windows: its geometric mean stands beside the mean, and two modes are compared by the factor
 * between theirs. Windows that overlap are no sample: figures stand without an error, and no mode
 * is called better. It is called better or worse where the interval leaves out what stands for no
 * difference (0, of the factor 1); asked of many pairs at once, by Holm's p. windows_needed:
 * interval_needed of what was observed.
 *
 * Measured on all 533 windows of 512 tokens of the shipped test text, drawn again 2,000 times, 21
 * pairs of modes, in %, of 4, 8, 16, 32 and 64 windows: the interval of the difference of bits held
 * the whole text's 94.4 93.5 93.6 94.0 94.4 times, that of the factor of KL 93.5 92.5 92.8 93.2
 * 93.8, of the difference of top-1 accuracy, where it is not the same in every window, 95.7 95.2
 * 95.5 95.3 95.2; the difference of KL itself would have held 87.9 85.2 85.1 86.5 89.0. Evenly
 * spread windows held it in 94 and more of every number. */
#ifndef DS_MEASURE_EVALUATION_H
#define DS_MEASURE_EVALUATION_H
#include "base/arena.h"
#include "kernels/tensor.h"
#include "measure/positions.h"
#include "measure/predicted.h"
#include "measure/sample.h"
#include "measure/tables/evaluation.h"

/* One window: logits of the reference and of the mode (the reference itself too) at positions 0 …
 * rows-1, each followed by target[row]. Fills all but mode, window and first, and bits and kl of
 * each [rows], which may be NULL. */
void evaluation_window(const Tensor *reference, const Tensor *logits, const int32_t *target,
                       Predicted *each, EvaluationWindow *row, Arena scratch);
size_t evaluation_window_bytes(int rows, int vocab); /* of scratch */
/* The same from its T positions. */
void evaluation_window_of(const EvaluationPosition *at, int T, Predicted *each,
                          EvaluationWindow *row, Arena scratch);

/* Whether some windows, in the order of the text, have tokens in common. */
bool evaluation_overlaps(const EvaluationWindow *row, int windows);
/* rows [windows] of one mode -> all but text, length, disjoint, byte_tokens and kl_token_median. */
Evaluation evaluation_of(const EvaluationWindow *rows, int windows, Arena scratch);

typedef struct EvaluationMetric {
  const char *name;
  size_t offset;     /* in EvaluationWindow */
  SampleScale scale; /* SAMPLE_LOGS: a size, of which two modes are compared by the factor
                      * between them */
  bool less_is_better;
  bool of_reference; /* whether the reference's own value says anything: its KL is 0 by
                      * definition */
} EvaluationMetric;
enum { EVALUATION_METRICS = 4 };
extern const EvaluationMetric evaluation_metrics[EVALUATION_METRICS];

/* Both modes' rows of the same windows in the order of the text; names are taken from the first
 * rows. Fills all but holm and windows_held; what is said of single tokens is left open. */
EvaluationPair evaluation_pair(const EvaluationMetric *metric, const EvaluationWindow *base,
                               const EvaluationWindow *other, int windows, Arena scratch);
/* `holm` of every pair: of those of its metric. */
void evaluation_holm(EvaluationPair *pair, int pairs, Arena scratch);
#endif
