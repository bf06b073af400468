#include "command/print_evaluation.h"

#include <math.h>
#include <string.h>

#include "command/json_rows.h"
#include "measure/evaluation.h"

static void print_modes(FILE *out, const EvaluationRows *rows) {
  const Evaluation *first = &rows->mode[0];
  fprintf(out, "%-12s %-21s %-21s %-10s %-10s %-10s %-17s %s\n", "mode",
          first->byte_tokens ? "bits per byte" : "perplexity", "KL(fp64||mode), bits", "median", "99 %", "largest",
          "same top token", "top token right");
  for (int m = 0; m < rows->modes; m++) {
    const Evaluation *e = &rows->mode[m];
    double value = e->byte_tokens ? e->bits : e->perplexity, error = e->byte_tokens ? e->bits_se : e->perplexity_se;
    fprintf(out, "%-12s %.6f ± %.6f   %.3e ± %.1e   %.2e   %.2e   %.2e   %5.2f ± %.2f %%    %5.2f ± %.2f %%\n", e->mode,
            value, error, e->kl_mean, e->kl_mean_se, e->kl_median, e->kl_p99, e->kl_max, 100 * e->top1_agreement,
            100 * e->top1_agreement_se, 100 * e->top1_accuracy, 100 * e->top1_accuracy_se);
  }
}

static void print_needed(FILE *out, const EvaluationPair *pair) {
  if (pair->windows_needed <= 1e6) fprintf(out, "; about %.0f windows would tell", pair->windows_needed);
}

/* Is `other` better than `base`, in bits? */
static void print_pair(FILE *out, const EvaluationPair *pair) {
  fprintf(out, "%s better than %s? ", pair->other, pair->base);
  if (!strcmp(pair->answer, "identical")) {
    fprintf(out, "no: the same in every window\n");
  } else if (!strcmp(pair->answer, "unknown")) {
    fprintf(out, "cannot tell: %s\n", pair->windows < 2 ? "one window has no spread" : "not every logit is finite");
  } else {
    bool decided = strcmp(pair->answer, "undecided") != 0;
    fprintf(out, "%s: %+.3e bits, 95 %% from %+.3e to %+.3e",
            !decided                          ? "not distinguishable"
            : !strcmp(pair->answer, "better") ? "yes"
                                              : "no, worse",
            pair->diff, pair->low, pair->high);
    if (!decided) print_needed(out, pair);
    fputc('\n', out);
  }
}

void print_evaluation(FILE *out, const EvaluationRows *rows) {
  const Evaluation *first = &rows->mode[0];
  print_modes(out, rows);
  fprintf(out,
          "\n± is the standard error over %d windows of %d tokens. Pairs: bits of the one less bits of the other, "
          "window by "
          "window.\n",
          rows->windows, first->length);
  if (rows->windows > first->disjoint)
    fprintf(out, "The text holds only %d such windows side by side: these overlap, and the errors are too small.\n",
            first->disjoint);
  fputc('\n', out);
  for (int p = 0; p < rows->pairs; p++)
    if (!strcmp(rows->pair[p].metric, evaluation_metrics[0].name)) print_pair(out, &rows->pair[p]);
}

bool print_evaluation_json(FILE *out, const EvaluationRows *rows, Status *st) {
  json_t *root = json_pack("{s:o, s:o, s:o}", "evaluation",
                           json_rows(&table_evaluation, rows->mode, (size_t)rows->modes), "evaluation_pairs",
                           json_rows(&table_evaluation_pairs, rows->pair, (size_t)rows->pairs), "evaluation_windows",
                           json_rows(&table_evaluation_windows, rows->window, (size_t)(rows->modes * rows->windows)));
  bool written = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) == 0 && fputc('\n', out) != EOF;
  json_decref(root);
  return written ? true : FAIL(st, "standard output: cannot be written");
}
