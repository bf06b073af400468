#include "measure/ends.h"

#include <math.h>

#include "family/trace.h"
#include "measure/evaluation.h"

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

SampleScale ends_scale(EndFigure figure) { return figure == END_BITS ? SAMPLE_VALUES : SAMPLE_LOGS; }

/* Of error and KL the logarithm, so that weights are those of factors; no figure of what a prompt of one token
 * predicts.
 */
static double figure_of(const EndSums *e, EndFigure figure) {
  if (figure == END_BITS) return e->bits / e->tokens;
  return log(figure == END_BLOCK_OUT ? ends_error(e) : e->kl / e->tokens);
}

Sample ends_sample(const EndTerm *term, int terms, int prompts, EndFigure figure, Arena scratch) {
  double *value = ARENA_NEW(&scratch, double, prompts);
  for (int p = 0; p < prompts; p++) {
    double sum = 0;
    for (int i = 0; i < terms; i++)
      if (term[i].weight != 0) sum += term[i].weight * figure_of(&term[i].prompt[p], figure);
    value[p] = !terms || !ends_usable(term, terms, p) ? NAN : ends_scale(figure) == SAMPLE_LOGS ? exp(sum) : sum;
  }
  return sample_of(value, (size_t)prompts, ends_scale(figure), scratch);
}
