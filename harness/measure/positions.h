/* positions: what a position's logits say of the token that follows, in float64: its -log p, and KL
 * from the reference's, natural. The same bits on this host and on a device: sums over the
 * vocabulary run in POSITION_LANES lanes, element i in lane i % POSITION_LANES, added in order,
 * then lane by lane; the largest logit, the first of equal ones, is taken out before exp. */
#ifndef DS_MEASURE_POSITIONS_H
#define DS_MEASURE_POSITIONS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "kernels/cuda.h"
#include "kernels/room.h"
#include "kernels/tensor.h"
#include "reference/math64.h"

typedef struct EvaluationPosition {
  double nats; /* -log p of it, natural; NaN where a logit is not finite */
  double kl;   /* from the reference, natural */
  bool agrees,
      right; /* the likeliest token, the first of equal ones, is the reference's; is this */
} EvaluationPosition;

/* logits [rows, vocab] of a mode and of the reference; the reference NULL: kl is 0 and all agree.
 * target[row] follows the row; at [rows]. */
void evaluation_positions(const Tensor *reference, const Tensor *logits, const int32_t *target,
                          EvaluationPosition *at, Arena scratch);
size_t evaluation_positions_bytes(int vocab); /* of scratch */

/* The same of logits that stand on a device, float64 of the reference and float64 or float32:
 * queued behind the operators; target and at stand there too. */
void evaluation_positions_queue(Cuda *cuda, const Tensor *reference, const Tensor *logits,
                                const int32_t *target, EvaluationPosition *at);

/* --- for positions.c and positions.cu --------------------------------------------------------- */

enum { POSITION_LANES = 16 };

/* (e^d - 1 - d) / d^2 for |d| < 1: its series, the last term below 1e-19. */
ROOM_FN double position_half_square(double d) {
  double y = 1.0 / 121645100408832000;
  y = fma(y, d, 1.0 / 6402373705728000);
  y = fma(y, d, 1.0 / 355687428096000);
  y = fma(y, d, 1.0 / 20922789888000);
  y = fma(y, d, 1.0 / 1307674368000);
  y = fma(y, d, 1.0 / 87178291200);
  y = fma(y, d, 1.0 / 6227020800);
  y = fma(y, d, 1.0 / 479001600);
  y = fma(y, d, 1.0 / 39916800);
  y = fma(y, d, 1.0 / 3628800);
  y = fma(y, d, 1.0 / 362880);
  y = fma(y, d, 1.0 / 40320);
  y = fma(y, d, 1.0 / 5040);
  y = fma(y, d, 1.0 / 720);
  y = fma(y, d, 1.0 / 120);
  y = fma(y, d, 1.0 / 24);
  y = fma(y, d, 1.0 / 6);
  return fma(y, d, 1.0 / 2);
}

/* A term of sum p log(p / q), natural, written with d = log q - log p as sum of p (e^d - 1 - d):
 * the sums of p and of q being 1, that is the same, but its terms are never negative. Nothing
 * cancels where two modes are close and KL is of the order of d^2. */
ROOM_FN double position_divergence(double log_p, double log_q) {
  const double d = log_q - log_p, p = exp64(log_p);
  const double near = p * d * d * position_half_square(d), far = exp64(log_q) - p - p * d;
  return fabs(d) < 1 ? near : far;
}

/* log of the sum of e^x, from that of e^(x - largest), which is 1 or more. */
ROOM_FN double position_log_sum(double largest, double sum) { return largest + log1p64(sum - 1); }
#endif
