#include "report/changes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 12 }; /* changed tensors named one by one; the counts cover all */

typedef struct Run {
  TensorStats *tensor;
  Verdict *verdict;
  size_t tensors, verdicts;
  RunKey key;
} Run;

static bool read_run(Arena *arena, const char *path, Run *run, Status *st) {
  Results results;
  void *tensor, *verdict;
  *run = (Run){0};
  TRY(results_open(path, &results, *arena, st));
  bool ok = results_rows(arena, &results, &table_tensor_stats, &tensor, &run->tensors, st) &&
            results_rows(arena, &results, &table_verdict, &verdict, &run->verdicts, st) &&
            results_key(&results, &run->key, st);
  results_close(&results);
  TRY(ok);
  run->tensor = tensor;
  run->verdict = verdict;
  return true;
}

/* By prompt, mode, layer and tensor: the order in which both lists are walked. */
static int by_place(const void *left, const void *right) {
  const TensorStats *a = left, *b = right;
  int order = strcmp(a->prompt, b->prompt);
  if (!order) order = strcmp(a->mode, b->mode);
  if (!order) order = a->layer < b->layer ? -1 : a->layer > b->layer;
  return order ? order : tensor_id(a->tensor) - tensor_id(b->tensor);
}

typedef struct Count {
  size_t common, changed, only_before, only_after;
} Count;

static Count compare_tensors(FILE *out, const Run *before, const Run *after) {
  Count count = {0};
  size_t i = 0, j = 0;
  while (i < before->tensors || j < after->tensors) {
    int order = i == before->tensors ? 1 : j == after->tensors ? -1 : by_place(&before->tensor[i], &after->tensor[j]);
    if (order < 0) {
      count.only_before++, i++;
    } else if (order > 0) {
      count.only_after++, j++;
    } else {
      const TensorStats *a = &before->tensor[i++], *b = &after->tensor[j++];
      bool changed = strcmp(a->digest, b->digest) != 0 || strcmp(a->type, b->type) != 0;
      count.common++;
      count.changed += changed;
      if (changed && count.changed <= LISTED)
        fprintf(out, "  %s / %s / layer %d / %s: %s %.8s -> %s %.8s%s\n", a->prompt, a->mode, a->layer, a->tensor,
                a->type, a->digest, b->type, b->digest, strcmp(a->kernel, b->kernel) ? ", another kernel" : "");
    }
  }
  if (count.changed > LISTED) fprintf(out, "  … and %zu more\n", count.changed - LISTED);
  return count;
}

static const Verdict *same_pair(const Run *run, const Verdict *v) {
  for (size_t i = 0; i < run->verdicts; i++)
    if (!strcmp(run->verdict[i].base, v->base) && !strcmp(run->verdict[i].other, v->other)) return &run->verdict[i];
  return NULL;
}

static bool same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

/* A verdict changed where any statement that is made of it would. */
static bool same_verdict(const Verdict *a, const Verdict *b) {
  return !strcmp(a->effect, b->effect) && a->first_layer == b->first_layer &&
         !strcmp(a->first_tensor, b->first_tensor) && same_number(a->block_out_last, b->block_out_last) &&
         same_number(a->logits_rel_l2, b->logits_rel_l2) && a->worst_layer == b->worst_layer;
}

static size_t compare_verdicts(FILE *out, const Run *before, const Run *after) {
  size_t changed = 0;
  for (size_t i = 0; i < before->verdicts; i++) {
    const Verdict *a = &before->verdict[i], *b = same_pair(after, a);
    if (!b || same_verdict(a, b)) continue;
    changed++;
    fprintf(out, "  %s against %s: %s, first at layer %d %s, last block_out %.3g, logits %.3g\n", a->base, a->other,
            a->effect, a->first_layer, a->first_tensor, a->block_out_last, a->logits_rel_l2);
    fprintf(out, "  %*s -> %s, first at layer %d %s, last block_out %.3g, logits %.3g\n",
            (int)(strlen(a->base) + strlen(a->other) + 7), "", b->effect, b->first_layer, b->first_tensor,
            b->block_out_last, b->logits_rel_l2);
  }
  return changed;
}

bool changes_write(FILE *out, const char *before_path, const char *after_path, bool *changed, Arena scratch,
                   Status *st) {
  Run before, after;
  TRY(read_run(&scratch, before_path, &before, st));
  TRY(read_run(&scratch, after_path, &after, st));
  qsort(before.tensor, before.tensors, sizeof *before.tensor, by_place);
  qsort(after.tensor, after.tensors, sizeof *after.tensor, by_place);
  const char *differs = run_key_difference(&before.key, &after.key);
  fprintf(out, "before: %s\nafter:  %s\n", before_path, after_path);
  if (differs) fprintf(out, "the two runs differ in: %s (and perhaps more)\n", differs);
  fprintf(out, "tensors whose digest changed:\n");
  Count count = compare_tensors(out, &before, &after);
  if (!count.changed) fprintf(out, "  none\n");
  fprintf(out, "verdicts that changed:\n");
  size_t verdicts = compare_verdicts(out, &before, &after);
  if (!verdicts) fprintf(out, "  none\n");
  fprintf(out, "%zu of %zu tensors changed, %zu of %zu verdicts; %zu tensors only before, %zu only after\n",
          count.changed, count.common, verdicts, before.verdicts, count.only_before, count.only_after);
  *changed = count.changed || verdicts || count.only_before || count.only_after || before.verdicts != after.verdicts;
  return true;
}
