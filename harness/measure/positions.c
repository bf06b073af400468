#include "measure/positions.h"

#include <omp.h>

#include "family/trace.h"

static double lanes_in_order(const double *lane) {
  double sum = 0;
  for (int l = 0; l < POSITION_LANES; l++) sum += lane[l];
  return sum;
}

/* Where the largest of n stands; -1 where a value is not finite. */
ROOM_CLONES static int argmax(const double *x, int n) {
  int top = 0;
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * 0; /* NaN where one is not finite */
  if (sum != 0) return -1;
  for (int i = 1; i < n; i++)
    if (x[i] > x[top]) top = i;
  return top;
}

/* x <- x - log sum exp x. */
ROOM_CLONES static void log_softmax(double *x, int n, double largest) {
  double lane[POSITION_LANES] = {0};
  int i = 0;
  for (; i + POSITION_LANES <= n; i += POSITION_LANES)
    for (int l = 0; l < POSITION_LANES; l++) lane[l] += exp64(x[i + l] - largest);
  for (int l = 0; i < n; i++, l++) lane[l] += exp64(x[i] - largest);
  const double log_sum = position_log_sum(largest, lanes_in_order(lane));
  for (i = 0; i < n; i++) x[i] -= log_sum;
}

ROOM_CLONES static double divergence(const double *log_p, const double *log_q, int n) {
  double lane[POSITION_LANES] = {0};
  int i = 0;
  for (; i + POSITION_LANES <= n; i += POSITION_LANES)
    for (int l = 0; l < POSITION_LANES; l++)
      lane[l] += position_divergence(log_p[i + l], log_q[i + l]);
  for (int l = 0; i < n; i++, l++) lane[l] += position_divergence(log_p[i], log_q[i]);
  return lanes_in_order(lane);
}

static void row_values(const Tensor *t, int row, double *out) {
  Tensor view = tensor_rows(t, row, 1);
  tensor_values(&view, out);
}

static EvaluationPosition position_of(const Tensor *reference, const Tensor *logits, int t,
                                      int32_t target, double *p, double *q) {
  const int vocab = logits->cols;
  row_values(logits, t, q);
  if (reference) row_values(reference, t, p);
  const int top_q = argmax(q, vocab), top_p = reference ? argmax(p, vocab) : top_q;
  if (top_p < 0 || top_q < 0) return (EvaluationPosition){NAN, NAN, false, false};
  log_softmax(q, vocab, q[top_q]);
  if (reference) log_softmax(p, vocab, p[top_p]);
  return (EvaluationPosition){-q[target], reference ? divergence(p, q, vocab) : 0, top_p == top_q,
                              top_q == target};
}

size_t evaluation_positions_bytes(int vocab) {
  return 2 * (size_t)omp_get_max_threads() * (size_t)vocab * sizeof(double) + 4096;
}

void evaluation_positions(const Tensor *reference, const Tensor *logits, const int32_t *target,
                          EvaluationPosition *at, Arena scratch) {
  const size_t vocab = (size_t)logits->cols;
  double *room = arena_room(&scratch, 2 * (size_t)omp_get_max_threads() * vocab, sizeof *room);
#pragma omp parallel for
  for (int t = 0; t < logits->rows; t++) {
    double *p = room + 2 * (size_t)omp_get_thread_num() * vocab;
    at[t] = position_of(reference, logits, t, target[t], p, p + vocab);
  }
}
