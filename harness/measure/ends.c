#include "measure/ends.h"

#include <math.h>

#include "measure/evaluation.h"
#include "model/trace.h"

EndSums ends_of(const Tensor *reference_out, const Tensor *reference_logits, const Tensor *out, const Tensor *logits,
                const int32_t *token, Arena scratch) {
  EndSums sums = {0};
  size_t n = (size_t)out->rows * (size_t)out->cols;
  for (size_t i = 0; i < n; i++) {
    double want = tensor_value(reference_out, i), d = tensor_value(out, i) - want;
    sums.error2 += d * d;
    sums.size2 += want * want;
  }
  if (logits->rows < 2) return sums; /* nothing is predicted */
  Tensor p = *reference_logits, q = *logits;
  p.rows = q.rows = logits->rows - 1;
  EvaluationWindow window;
  evaluation_window(&p, &q, token + 1, &window, scratch);
  sums.tokens = p.rows;
  sums.kl = window.kl_mean * sums.tokens;
  sums.bits = window.bits * sums.tokens;
  return sums;
}

/* times NULL: every prompt once. */
static double pooled(const EndSums *prompt, const uint16_t *times, int prompts, EndFigure figure) {
  double error2 = 0, size2 = 0, kl = 0, bits = 0, tokens = 0;
  for (int i = 0; i < prompts; i++) {
    double n = times ? times[i] : 1;
    error2 += n * prompt[i].error2;
    size2 += n * prompt[i].size2;
    kl += n * prompt[i].kl;
    bits += n * prompt[i].bits;
    tokens += n * prompt[i].tokens;
  }
  return figure == END_BLOCK_OUT ? sqrt(error2 / size2) : figure == END_KL ? kl / tokens : bits / tokens;
}

static double sum(const EndTerm *term, int terms, const uint16_t *times, int prompts, EndFigure figure) {
  double total = 0;
  for (int i = 0; i < terms; i++) total += term[i].weight * pooled(term[i].prompt, times, prompts, figure);
  return total;
}

EndValue ends_value(const EndTerm *term, int terms, EndFigure figure, const Resampling *draws, Arena scratch) {
  EndValue v = {terms ? sum(term, terms, NULL, draws->prompts, figure) : NAN, NAN, NAN};
  if (draws->prompts < 2 || !terms) return v;
  double *drawn = ARENA_NEW(&scratch, double, RESAMPLES);
  for (size_t b = 0; b < RESAMPLES; b++)
    drawn[b] = sum(term, terms, draws->times + b * (size_t)draws->prompts, draws->prompts, figure);
  Interval interval = interval_of(drawn, RESAMPLES);
  v.low = interval.low;
  v.high = interval.high;
  return v;
}
