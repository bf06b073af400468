/* verdict: counts and first differences from the pair rows, sizes from the pooled drift. */
#include "measure/verdict.h"

#include <math.h>
#include <string.h>

#include "measure/interval.h"

static bool of_pair(const Verdict *v, const char *base, const char *other) {
  return !strcmp(v->base, base) && !strcmp(v->other, other);
}

/* In the order of computation: the embedding has layer -1, the model's other end the number of
 * layers; in a layer, the order of the trace. */
static bool computed_before(const Tensors *tensors, const PairStats *a, const PairStats *b) {
  return a->layer != b->layer ? a->layer < b->layer
                              : tensors_find(tensors, a->tensor) < tensors_find(tensors, b->tensor);
}

static void count_rows(const Tensors *tensors, Verdict *v, const PairStats *rows, size_t count) {
  const PairStats *first = NULL;
  double agreeing = 0; /* prompts are weighted by their positions */
  for (size_t i = 0; i < count; i++) {
    const PairStats *row = &rows[i];
    if (!of_pair(v, row->base, row->other)) continue;
    v->tensors++;
    v->tensors_identical += row->identical;
    v->tensors_same_kernel += row->same_kernel;
    v->nonfinite += row->nonfinite;
    v->top1_left_out += row->top1_left_out;
    v->top1_rows += row->top1_rows;
    if (row->top1_rows) agreeing += row->top1_agreement * (double)row->top1_rows;
    if (!row->identical && (!first || computed_before(tensors, row, first))) first = row;
  }
  v->top1_agreement = v->top1_rows ? agreeing / (double)v->top1_rows : NAN;
  if (first) {
    v->first_layer = first->layer;
    v->first_rel_l2 = first->rel_l2;
    table_text(v->first_tensor, sizeof v->first_tensor, first->tensor);
    table_text(v->first_prompt, sizeof v->first_prompt, first->prompt);
  }
}

static void read_drift(const Tensors *tensors, Verdict *v, const Drift *drift, size_t count,
                       int layers) {
  for (size_t i = 0; i < count; i++) {
    const Drift *d = &drift[i];
    if (!of_pair(v, d->base, d->other)) continue;
    if (!strcmp(d->tensor, tensors_role_name(tensors, ROLE_LOGITS))) v->logits_rel_l2 = d->rel_l2;
    if (strcmp(d->tensor, tensors_role_name(tensors, ROLE_BLOCK_OUT)) != 0) continue;
    if (d->layer == 0) v->block_out_first = d->rel_l2;
    if (d->layer == layers - 1) v->block_out_last = d->rel_l2;
    if (d->rel_l2 > 0 && !(d->rel_l2 <= v->block_out_worst))
      v->worst_layer = d->layer; /* also after NaN */
    v->block_out_worst = fmax(v->block_out_worst, d->rel_l2);
  }
}

/* A prompt's positions are one cluster: tokens of one text are not independent. */
static void share_of_top1(const Tensors *tensors, Verdict *v, const PairStats *rows, size_t count,
                          Arena scratch) {
  const char *logits = tensors_role_name(tensors, ROLE_LOGITS);
  size_t kept = 0;
  int64_t *hits = arena_room(&scratch, count, sizeof *hits),
          *trials = arena_room(&scratch, count, sizeof *trials);
  for (size_t i = 0; i < count; i++) {
    if (!of_pair(v, rows[i].base, rows[i].other) || strcmp(rows[i].tensor, logits) != 0) continue;
    if (rows[i].top1_rows <= 0 || isnan(rows[i].top1_agreement)) continue;
    hits[kept] = llround(rows[i].top1_agreement * (double)rows[i].top1_rows);
    trials[kept++] = rows[i].top1_rows;
  }
  Sampled s = interval_of_shares(hits, trials, kept, scratch);
  v->top1_low = s.low;
  v->top1_high = s.high;
}

static bool made_elsewhere(VerdictSide side) {
  return !side.mode && strcmp(side.name, MODE_REFERENCE) != 0;
}

Verdict verdict_of(const Tensors *tensors, VerdictSide base, VerdictSide other,
                   const PairStats *rows, size_t count, const Drift *drift, size_t drift_count,
                   int layers, Arena scratch) {
  Verdict v = {.first_layer = -2, .worst_layer = -1};
  v.first_rel_l2 = v.block_out_first = v.block_out_last = v.block_out_worst = v.logits_rel_l2 = NAN;
  const bool witnessed = !made_elsewhere(base) && !made_elsewhere(other);
  table_text(v.base, sizeof v.base, base.name);
  table_text(v.other, sizeof v.other, other.name);
  count_rows(tensors, &v, rows, count);
  read_drift(tensors, &v, drift, drift_count, layers);
  share_of_top1(tensors, &v, rows, count, scratch);

  const char *effect = v.tensors == 0                                    ? ""
                       : v.tensors == v.tensors_identical                ? "identical"
                       : witnessed && v.tensors == v.tensors_same_kernel ? "same_kernels"
                                                                         : "differs";
  table_text(v.effect, sizeof v.effect, effect);
  if (base.mode && other.mode)
    table_text(v.reason, sizeof v.reason, verdict_reason(base.mode, other.mode, layers));
  return v;
}

const char *verdict_reason(const Mode *base, const Mode *other, int layers) {
  const char *reason = "";
  for (int layer = 0; base->family == other->family && layer < layers; layer++) {
    const Mode *a = mode_in(base, layer), *b = mode_in(other, layer);
    if (mode_equal(a, b)) continue;
    const char *own = a->family->agreement(a, b);
    if (!*own || (*reason && strcmp(own, reason) != 0)) return "";
    reason = own;
  }
  return reason;
}
