#include "command/print_evaluation.h"

#include <math.h>
#include <string.h>

#include "base/columns.h"
#include "base/number.h"
#include "command/json_rows.h"
#include "measure/evaluation.h"
#include "measure/interval.h"

/* "1.750000 ± 0.030000"; without ± where no error is told; padded by characters, which ± is two
 * bytes of. */
static void print_figure(FILE *out, int width, const char *format, double value,
                         const char *error_format, double error) {
  char text[96];
  int used = snprintf(text, sizeof text, format, value), wide = 0;
  if (!isnan(error)) {
    used += snprintf(text + used, sizeof text - (size_t)used, " ± ");
    snprintf(text + used, sizeof text - (size_t)used, error_format, error);
    wide = 1;
  }
  fprintf(out, "%-*s ", width + wide, text);
}

/* "98.32 % (97.10 … 99.20)"; … is three bytes. */
static void print_share(FILE *out, int width, double share, double low, double high) {
  char text[96];
  int used = snprintf(text, sizeof text, "%.2f %%", 100 * share);
  if (!isnan(low))
    snprintf(text + used, sizeof text - (size_t)used, " (%.2f … %.2f)", 100 * low, 100 * high);
  fprintf(out, "%-*s ", width + (isnan(low) ? 0 : 2), text);
}

/* Padded by what a terminal shows of it. */
static void print_name(FILE *out, const char *name) {
  int room = 12 - columns_of(name);
  fprintf(out, "%s%*s ", name, room > 0 ? room : 0, "");
}

static void print_modes(FILE *out, const EvaluationRows *rows) {
  const Evaluation *first = &rows->mode[0];
  fprintf(out, "%-12s %-21s %-21s %-10s %-10s %-10s %-27s %s\n", "mode",
          first->byte_tokens ? "bits per byte" : "perplexity", "KL(fp64||mode), bits", "median",
          "99 %", "largest", "same top token", "top token right");
  for (int m = 0; m < rows->modes; m++) {
    const Evaluation *e = &rows->mode[m];
    print_name(out, e->mode);
    print_figure(out, 21, "%.6f", e->byte_tokens ? e->bits : e->perplexity, "%.6f",
                 e->byte_tokens ? e->bits_se : e->perplexity_se);
    print_figure(out, 21, "%.3e", e->kl_mean, "%.1e", e->kl_mean_se);
    fprintf(out, "%-10.2e %-10.2e %-10.2e ", e->kl_median, e->kl_p99, e->kl_max);
    print_share(out, 27, e->top1_agreement, e->top1_agreement_low, e->top1_agreement_high);
    print_share(out, 1, e->top1_accuracy, e->top1_accuracy_low, e->top1_accuracy_high);
    fputc('\n', out);
  }
}

/* What the figures are of. */
static void print_sample(FILE *out, const EvaluationRows *rows) {
  const Evaluation *first = &rows->mode[0];
  fprintf(out, "\nOf %s: %d window%s of %d token%s.", first->text, rows->windows,
          plural(rows->windows), first->length, plural(first->length));
  if (rows->windows > first->disjoint)
    fprintf(out,
            " The text holds only %d such windows side by side: these overlap, so that no error is "
            "given and no mode is called better.\n",
            first->disjoint);
  else
    fprintf(out,
            " ± is the standard error over windows%s, (…) the 95 %% interval. Pairs: bits of the "
            "one less bits of the other, window by window.\n",
            first->block > 1 ? ", of means of neighbours, which are alike" : "");
  if (!isnan(first->lag1))
    fprintf(out, "Bits of neighbouring windows are correlated by %.2f.\n", first->lag1);
  for (int m = 0; m < rows->modes; m++)
    if (rows->mode[m].left_out)
      fprintf(out,
              "Left out of %s, where a logit is not finite: %d window%s (evaluation_windows of "
              "--json names them).\n",
              rows->mode[m].mode, rows->mode[m].left_out, plural(rows->mode[m].left_out));
}

static void print_needed(FILE *out, const EvaluationPair *pair) {
  if (pair->windows_needed <= 1e6)
    fprintf(out, "; about %.0f windows would tell, and the text holds %s%d", pair->windows_needed,
            pair->windows_needed > pair->windows_held ? "only " : "", pair->windows_held);
}

/* Is `other` better than `base`, in bits? */
static void print_pair(FILE *out, const EvaluationPair *pair) {
  fprintf(out, "%s better than %s? ", pair->other, pair->base);
  if (!strcmp(pair->answer, "identical")) {
    fprintf(out, "no: the same in every window\n");
  } else if (!strcmp(pair->answer, "unknown")) {
    fprintf(out, "cannot tell: %s\n",
            !strcmp(pair->reason, "overlap") ? "the windows overlap"
                                             : "fewer than two windows are finite in both");
  } else {
    bool decided = strcmp(pair->answer, "undecided") != 0;
    fprintf(out, "%s: %+.3e bits, 95 %% from %+.3e to %+.3e",
            !decided                          ? "cannot tell"
            : !strcmp(pair->answer, "better") ? "yes"
                                              : "no, worse",
            pair->diff, pair->low, pair->high);
    if (!decided) print_needed(out, pair);
    if (decided && pair->holm > 1 - interval_level)
      fprintf(out, " (not where all pairs are asked at once)");
    fputc('\n', out);
  }
}

void print_evaluation(FILE *out, const EvaluationRows *rows) {
  print_modes(out, rows);
  print_sample(out, rows);
  fputc('\n', out);
  for (int p = 0; p < rows->pairs; p++)
    if (!strcmp(rows->pair[p].metric, evaluation_metrics[0].name)) print_pair(out, &rows->pair[p]);
}

bool print_evaluation_json(FILE *out, const EvaluationRows *rows, const TaskRows *tasks,
                           Status *st) {
  const TableRows each[] = {
      {&table_evaluation, rows->mode, (size_t)rows->modes},
      {&table_evaluation_pairs, rows->pair, (size_t)rows->pairs},
      {&table_evaluation_windows, rows->window, (size_t)(rows->modes * rows->windows)},
      {&table_evaluation_tokens, rows->token, (size_t)rows->tokens},
      {&table_tasks, tasks->score, (size_t)tasks->scores},
      {&table_task_pairs, tasks->pair, (size_t)tasks->pairs},
      {&table_task_samples, tasks->sample, (size_t)tasks->samples},
  };
  enum { TABLES = sizeof each / sizeof *each, OF_TEXT = 4 };
  json_t *root = json_object();
  for (int t = 0; t < TABLES; t++)
    if (t < OF_TEXT ? rows->modes > 0 : tasks->scores > 0)
      json_object_set_new(root, each[t].table->name,
                          json_rows(each[t].table, each[t].rows, each[t].count));
  bool written = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) == 0 &&
                 fputc('\n', out) != EOF;
  json_decref(root);
  return written ? true : FAIL(st, "standard output: cannot be written");
}
