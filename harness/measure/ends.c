#include "measure/ends.h"

#include <math.h>

#include "family/trace.h"
#include "measure/evaluation.h"
#include "measure/row_error.h"

void ends_block_out(const Tensor *reference, const Tensor *way, EndSums *sums, Arena scratch) {
  size_t rows = (size_t)way->rows, n = rows * (size_t)way->cols;
  PartSquares tokens = part_squares(&scratch, rows);
  sums->error2 = sums->size2 = 0;
  for (size_t i = 0; i < n; i++) {
    double want = tensor_value(reference, i), d = tensor_value(way, i) - want;
    sums->error2 += d * d;
    sums->size2 += want * want;
  }
  row_squares(reference, way, tokens);
  sums->token_median = part_errors_of(tokens, rows, ARENA_NEW(&scratch, double, rows)).median;
}

size_t ends_bytes(int T, int D, int vocab) {
  return (3 * (size_t)T + 2 * (size_t)D) * sizeof(double) + evaluation_window_bytes(T, vocab);
}

EndSums ends_of(const Tensor *reference_out, const Tensor *reference_logits, const Tensor *out,
                const Tensor *logits, const int32_t *token, Arena scratch) {
  EndSums sums = {0};
  ends_block_out(reference_out, out, &sums, scratch);
  if (logits->rows < 2) return sums; /* nothing is predicted */
  Tensor p = *reference_logits, q = *logits;
  p.rows = q.rows = logits->rows - 1;
  EvaluationWindow window;
  evaluation_window(&p, &q, token + 1, NULL, &window, scratch);
  sums.tokens = p.rows;
  sums.kl = window.kl_mean * sums.tokens;
  sums.bits = window.bits * sums.tokens;
  return sums;
}

double ends_error(const EndSums *prompt) { return sqrt(prompt->error2 / prompt->size2); }

double ends_pooled(const EndSums *prompt, int prompts) {
  EndSums all = {0};
  for (int i = 0; i < prompts; i++) {
    if (!isfinite(ends_error(&prompt[i]))) continue;
    all.error2 += prompt[i].error2;
    all.size2 += prompt[i].size2;
  }
  return ends_error(&all); /* of none: NaN */
}

bool ends_usable(const EndTerm *term, int terms, int prompt) {
  for (int i = 0; i < terms; i++) {
    const EndSums *e = &term[i].prompt[prompt];
    if (!isfinite(e->error2) || !isfinite(e->kl) || !isfinite(e->bits)) return false;
  }
  return true;
}

static SampleScale scale_of(EndFigure figure) {
  return figure == END_BITS ? SAMPLE_VALUES : SAMPLE_LOGS;
}

/* Of error and KL the logarithm, so that weights are those of factors; no figure of what a prompt
 * of one token predicts. */
static double figure_of(const EndSums *e, EndFigure figure) {
  switch (figure) {
    case END_BLOCK_OUT: return log(ends_error(e));
    case END_TOKEN_MEDIAN: return log(e->token_median);
    case END_PARTING: return log(ends_error(e)) - log(e->token_median);
    case END_KL: return log(e->kl / e->tokens);
    default: return e->bits / e->tokens;
  }
}

Sample ends_sample(const EndTerm *term, int terms, int prompts, EndFigure figure, Arena scratch) {
  double *value = ARENA_NEW(&scratch, double, prompts);
  for (int p = 0; p < prompts; p++) {
    double sum = 0;
    for (int i = 0; i < terms; i++)
      if (term[i].weight != 0) sum += term[i].weight * figure_of(&term[i].prompt[p], figure);
    value[p] = !terms || !ends_usable(term, terms, p) ? NAN
               : scale_of(figure) == SAMPLE_LOGS      ? exp(sum)
                                                      : sum;
  }
  return sample_of(value, (size_t)prompts, scale_of(figure), scratch);
}
