/* drift: the rows of one pair, tensor and layer, one a prompt, are pooled as if all prompts were
 * one tensor. */
#include "measure/drift.h"

#include <math.h>
#include <omp.h>

#include "base/workers.h"
#include "measure/interval.h"
#include "measure/places.h"

/* The pooled relative L2 of so many finite elements. */
static double ratio_of(Squares sum, double finite) {
  return finite > 0 && sum.error == 0 ? 0 : squares_ratio(sum);
}

/* The interval of the pooled relative L2: Student's t of its logarithm, linearised: a prompt pulls
 * it up by what its error exceeds the pooled share of its size. None with fewer prompts than
 * DRIFT_POOLED_LEAST. */
static Interval pooled_interval(const PairStats *rows, const Place *place, size_t count,
                                Arena scratch) {
  double *pull = ARENA_NEW(&scratch, double, count);
  Squares *own = ARENA_NEW(&scratch, Squares, count), sum = {0, 0};
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    own[kept] = squares_of(&rows[place[i].row]);
    sum.error += own[kept].error;
    sum.base += own[kept].base;
    kept += own[kept].base > 0;
  }
  if (kept < DRIFT_POOLED_LEAST || !(sum.error > 0)) return (Interval){NAN, NAN};
  const double share = sum.error / sum.base, size = sum.base / (double)kept;
  for (size_t i = 0; i < kept; i++) pull[i] = (own[i].error / share - own[i].base) / size;
  Sampled s = interval_of_values(pull, kept); /* a square's logarithm is twice that of its root */
  return (Interval){sqrt(share) * exp(s.low / 2), sqrt(share) * exp(s.high / 2)};
}

/* A figure of every prompt that has one. */
static Sampled over_prompts(const PairStats *rows, const Place *place, size_t count, size_t column,
                            Arena scratch) {
  double *value = ARENA_NEW(&scratch, double, count);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    double one = table_double(&rows[place[i].row], column);
    if (!isnan(one)) value[kept++] = one;
  }
  return interval_of_logs(value, kept);
}

/* How far the share of differing elements would move with other prompts. */
static void share_of_differing(const PairStats *rows, const Place *place, size_t count,
                               Drift *drift, Arena scratch) {
  int64_t *hits = ARENA_NEW(&scratch, int64_t, count),
          *trials = ARENA_NEW(&scratch, int64_t, count);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    const PairStats *row = &rows[place[i].row];
    if (row->n == 0 || isnan(row->differing)) continue;
    hits[kept] = llround(row->differing * (double)row->n);
    trials[kept++] = row->n;
  }
  Sampled s = interval_of_shares(hits, trials, kept, scratch);
  drift->differing_low = s.low;
  drift->differing_high = s.high;
}

/* What the parts that stand at `part` in the rows of all prompts say together; `worst`: the row in
 * which the worst stands, or NULL. */
static PartErrors pool_parts(const PairStats *rows, const Place *place, size_t count, size_t part,
                             const PairStats **worst, Arena scratch) {
#define GEOMETRIC(member)                                                                          \
  over_prompts(rows, place, count, part + offsetof(PartErrors, member), scratch).value
  PartErrors pooled = {.median = GEOMETRIC(median),
                       .p90 = GEOMETRIC(p90),
                       .p99 = GEOMETRIC(p99),
                       .worst = -1,
                       .worst_share = NAN,
                       .effective = GEOMETRIC(effective)};
#undef GEOMETRIC
  *worst = NULL;
  for (size_t i = 0; i < count; i++) {
    const PairStats *row = &rows[place[i].row];
    const PartErrors *own = (const PartErrors *)(const void *)((const char *)row + part);
    pooled.left_out += own->left_out;
    if (own->worst < 0 || own->worst_share <= pooled.worst_share) continue;
    pooled.worst_share = own->worst_share;
    pooled.worst = own->worst;
    *worst = row;
  }
  return pooled;
}

/* What the tokens and the channels of all prompts say: harness/measure/row_error.h. */
static void pool_tokens(const PairStats *rows, const Place *place, size_t count, Drift *drift,
                        Arena scratch) {
  const PairStats *worst;
  drift->channel = pool_parts(rows, place, count, offsetof(PairStats, channel), &worst, scratch);
  const PartErrors token =
      pool_parts(rows, place, count, offsetof(PairStats, token), &worst, scratch);
  Sampled median = over_prompts(rows, place, count, offsetof(PairStats, token.median), scratch);
  drift->token_median = median.value;
  drift->token_median_low = median.low;
  drift->token_median_high = median.high;
  Sampled l2 = over_prompts(rows, place, count, offsetof(PairStats, rel_l2), scratch);
  drift->rel_l2_mean = l2.value;
  drift->rel_l2_mean_low = l2.low;
  drift->rel_l2_mean_high = l2.high;
  drift->token_p90 = token.p90;
  drift->token_p99 = token.p99;
  drift->token_worst_share = token.worst_share;
  drift->token_worst = token.worst;
  drift->tokens_left_out = token.left_out;
  drift->tokens_effective = token.effective;
  if (worst) table_text(drift->worst_prompt, sizeof drift->worst_prompt, worst->prompt);
}

/* A prompt without any finite element adds nothing. */
static Drift pool(const PairStats *rows, const Place *place, size_t count) {
  const PairStats *head = &rows[place[0].row];
  Drift drift = {.layer = head->layer, .prompts = (int32_t)count, .identical = 1};
  drift.rel_l2_min = drift.rel_l2_max = drift.growth = drift.max_abs = drift.cosine_min = NAN;
  table_text(drift.base, sizeof drift.base, head->base);
  table_text(drift.other, sizeof drift.other, head->other);
  table_text(drift.tensor, sizeof drift.tensor, head->tensor);

  Squares sum = {0, 0};
  double steps = 0, finite = 0, differing = 0;
  for (size_t i = 0; i < count; i++) {
    const PairStats *row = &rows[place[i].row];
    double row_finite = (double)(row->n - row->nonfinite);
    drift.identical &= row->identical;
    drift.rel_l2_min = fmin(drift.rel_l2_min, row->rel_l2); /* fmin and fmax pass over NaN */
    drift.rel_l2_max = fmax(drift.rel_l2_max, row->rel_l2);
    drift.max_abs = fmax(drift.max_abs, row->max_abs);
    drift.cosine_min = fmin(drift.cosine_min, row->cosine);
    drift.n += row->n;
    drift.nonfinite += row->nonfinite;
    if (row->n > 0) differing += row->differing * (double)row->n;
    if (row_finite == 0) continue;
    finite += row_finite;
    Squares own = squares_of(row);
    sum.error += own.error;
    sum.base += own.base;
    steps += row->ulp_mean * row_finite;
  }
  drift.rel_l2 = ratio_of(sum, finite);
  drift.sqnr_db = -20 * log10(drift.rel_l2);
  drift.ulp_mean = steps / finite;
  drift.differing = differing / (double)drift.n;
  return drift;
}

/* A tensor of a layer of a pair, over all prompts. */
static Drift drift_at(const PairStats *rows, const Place *place, size_t count, Arena scratch) {
  Drift drift = pool(rows, place, count);
  pool_tokens(rows, place, count, &drift, scratch);
  share_of_differing(rows, place, count, &drift, scratch);
  const Interval interval = pooled_interval(rows, place, count, scratch);
  drift.rel_l2_low = interval.low;
  drift.rel_l2_high = interval.high;
  return drift;
}

Drift *drift_of(Arena *arena, const Tensors *tensors, const PairStats *rows, size_t count,
                size_t *drift_count) {
  Drift *drift = arena_room(arena, count, sizeof *drift);
  Arena scratch = *arena;
  const Place *place = places_of(&scratch, tensors, rows, count);
  size_t *first = ARENA_NEW(&scratch, size_t, count + 1), made = 0;
  for (size_t from = 0; from < count; from = first[made]) {
    first[made++] = from;
    first[made] = places_alike(place, count, from, true);
  }
  int threads = omp_get_max_threads();
  Arena *own = arena_split(scratch, &threads);
  int next = 0;
#pragma omp parallel for schedule(static, 1)
  for (int worker = 0; worker < threads; worker++)
    for (int i; (i = workers_next(&next, (int)made)) >= 0;)
      drift[i] = drift_at(rows, &place[first[i]], first[i + 1] - first[i], own[worker]);
  for (size_t i = 1; i < made; i++) {
    const Place *at = &place[first[i]], *before = at - 1;
    const bool follows =
        before->pair == at->pair && before->tensor == at->tensor && before->layer == at->layer - 1;
    if (follows && drift[i - 1].rel_l2 > 0) drift[i].growth = drift[i].rel_l2 / drift[i - 1].rel_l2;
  }
  *drift_count = made;
  return drift;
}
