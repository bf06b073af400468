/* predicted: single tokens of an evaluation. Its figures are means over windows; a few tokens can
 * make most of them, and of those some stand where an event does (a token that carries a large
 * share of a layer's error: a clipped value is enough). Here the tokens are named that carry a
 * figure, with their share of it:
 *
 *   kl     of one mode: the tokens with the largest KL(fp64 || mode); share: of the sum of KL over
 *          all tokens
 *   bits   of two modes: those with the largest |difference of -log2 p|; share: of the sum of
 *          |difference|
 *
 * A token is in reach of an event where the one that it is predicted from is one: where that
 * carries more of block_out's squared error against fp64 than event_limit in some layer, under
 * either mode. Windows with a logit that is not finite, in either mode, are left out as
 * everywhere. */
#ifndef DS_MEASURE_PREDICTED_H
#define DS_MEASURE_PREDICTED_H
#include "base/arena.h"
#include "measure/tables/evaluation.h"

enum { PREDICTED_NAMED = 10 }; /* tokens, of each mode and pair */

/* Predicted from position t of a window under a mode. */
typedef struct Predicted {
  double bits,
      kl;       /* -log2 p, KL(fp64 || mode) in bits; NaN where a logit of either is not finite */
  double reach; /* the largest share that position t has of a layer's squared error of block_out; 0
                   of fp64 */
} Predicted;

/* All windows of a mode, each of as many tokens. */
typedef struct PredictedMode {
  const EvaluationWindow *window; /* [windows] */
  const Predicted *const *token;  /* [windows], of each [window->tokens] */
  int windows;
} PredictedMode;

/* Raises `reach` of each [rows] to its share of the squared error of one layer: error2 [rows];
 * those that are not finite are left out. */
void predicted_reach(const double *error2, int rows, Predicted *each);

/* The median KL of a token, in bits; NaN where no window is finite. */
double predicted_kl_median(const PredictedMode *mode, Arena scratch);
/* At most PREDICTED_NAMED rows, the largest first, of equal ones the earlier; returns how many:
 * tokens that differ at all. share: an event's, as the spec has it. Fills all but token_id, piece
 * and context. */
int predicted_by_kl(const PredictedMode *reference, const PredictedMode *mode, double share,
                    EvaluationToken *row);
int predicted_by_bits(const PredictedMode *base, const PredictedMode *other, double share,
                      EvaluationToken *row);
/* Of the pair's row in bits: top_share, and all that is said of tokens in reach. */
void predicted_pair(const PredictedMode *base, const PredictedMode *other, double share,
                    EvaluationPair *pair, Arena scratch);
#endif
