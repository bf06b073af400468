#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "measure/interval.h"
#include "resample.h"
#include "spec/spec.h"
#include "words.h"

enum { CURVES_MAGIC = 0x44534331 };
static const double curve_steps = 1500; /* of a logarithm, in an int16 */

const char *const quantity_names[QUANTITIES] = {"last",
                                                "growth",
                                                "rise",
                                                "fall",
                                                "step",
                                                "quarter",
                                                "pooled growth",
                                                "relative L2, geometric",
                                                "relative L2, bootstrap",
                                                "relative L2, linearised"};
const char *const end_quantity_names[END_QUANTITIES] = {
    "bits, mode - fp64", "KL, t of values", "KL, t of logarithms", "top-1 agreement, shares",
    "top-1 accuracy, shares"};

DriftLimits words_limits(Arena scratch) {
  static const char text[] =
      "title: t\nmodel: m\nprompts: [{name: p, string: s}]\npairs: [[fp32, 1]]\n";
  Spec spec;
  Status st = {0};
  if (!spec_parse(&scratch, "words", text, sizeof text - 1, &spec, &st)) abort();
  return spec.drift;
}

/* --- files ------------------------------------------------------------------------------------ */

static void name_pair(Population *p, int pair, const char *base, const char *other) {
  snprintf(p->name[pair], sizeof p->name[pair], "%s %s", base, other);
}

bool population_read(Arena *arena, const char *path, Population *p, Status *st) {
  Bytes content;
  TRY(file_read(arena, path, (size_t)1 << 30, &content, st));
  PopulationHead head;
  if (content.count < sizeof head) return FAIL(st, "%s: is no population", path);
  memcpy(&head, content.data, sizeof head);
  if (head.magic != POPULATION_MAGIC || head.pairs != POPULATION_PAIRS ||
      head.sides != POPULATION_SIDES || (off_t)content.count != population_bytes(&head))
    return FAIL(st, "%s: is no population of this version", path);
  const size_t values = (size_t)head.pairs * (size_t)head.windows * (size_t)head.layers;
  *p = (Population){.layers = head.layers, .pairs = head.pairs, .tokens = head.length - 1};
  p->e = ARENA_NEW(arena, double, values);
  p->pooled = ARENA_NEW(arena, double, values);
  p->end = ARENA_NEW(arena, End, head.windows * POPULATION_SIDES);
  for (int w = 0; w < head.windows; w++)
    p->windows += content.data[population_window(&head, w)] != 0;
  for (int w = 0, to = 0; w < head.windows; w++) {
    const char *at = content.data + population_window(&head, w);
    if (!*at) continue;
    const Point *point = (const Point *)(const void *)(at + 8);
    for (int i = 0; i < head.pairs * head.layers; i++) {
      size_t place =
          ((size_t)(i / head.layers) * (size_t)p->windows + (size_t)to) * (size_t)head.layers +
          (size_t)(i % head.layers);
      p->e[place] = point[i].median;
      p->pooled[place] = sqrt(point[i].error2 / point[i].base2);
    }
    memcpy(p->end + to++ * POPULATION_SIDES, point + head.pairs * head.layers,
           POPULATION_SIDES * sizeof(End));
  }
  for (int i = 0; i < head.pairs; i++)
    name_pair(p, i, population_side[population_pair(i).base],
              population_side[population_pair(i).other]);
  return true;
}

bool curves_write(const Population *p, const int *pair, int pairs, const char *path, Arena scratch,
                  Status *st) {
  const size_t values = (size_t)p->windows * (size_t)p->layers;
  int32_t *head =
      arena_alloc(&scratch, 1, (4 + (size_t)pairs) * 4 + 2 * (size_t)pairs * values * 2);
  int16_t *out = (int16_t *)(head + 4 + pairs);
  head[0] = CURVES_MAGIC, head[1] = p->windows, head[2] = p->layers, head[3] = pairs;
  for (int i = 0; i < pairs; i++) {
    head[4 + i] = pair[i];
    const double *from[] = {p->e + (size_t)pair[i] * values, p->pooled + (size_t)pair[i] * values};
    for (int k = 0; k < 2; k++)
      for (size_t v = 0; v < values; v++)
        *out++ = from[k][v] > 0 ? (int16_t)lrint(log(from[k][v]) * curve_steps) : INT16_MIN;
  }
  return file_write(path, head, (size_t)((char *)out - (char *)head), false, st);
}

bool curves_read(Arena *arena, const char *path, Population *p, Status *st) {
  Bytes content;
  TRY(file_read(arena, path, (size_t)1 << 24, &content, st));
  int32_t head[4] = {0};
  if (content.count >= sizeof head) memcpy(head, content.data, sizeof head);
  const size_t values = (size_t)head[1] * (size_t)head[2], pairs = (size_t)head[3];
  if (head[0] != CURVES_MAGIC || content.count != 4 * (4 + pairs) + 4 * pairs * values)
    return FAIL(st, "%s: holds no curves", path);
  *p = (Population){.windows = head[1], .layers = head[2], .pairs = head[3]};
  p->e = ARENA_NEW(arena, double, pairs *values);
  p->pooled = ARENA_NEW(arena, double, pairs *values);
  const int16_t *from = (const int16_t *)(const void *)(content.data + 4 * (4 + pairs));
  for (size_t i = 0; i < pairs; i++) {
    int32_t number;
    memcpy(&number, content.data + 4 * (4 + i), 4);
    PopulationPair sides = population_pair(number);
    name_pair(p, (int)i, population_side[sides.base], population_side[sides.other]);
    double *to[] = {p->e + i * values, p->pooled + i * values};
    for (int k = 0; k < 2; k++)
      for (size_t v = 0; v < values; v++, from++)
        to[k][v] = *from == INT16_MIN ? 0 : exp(*from / curve_steps);
  }
  return true;
}

/* --- drawing prompts -------------------------------------------------------------------------- */

static const double *curves_of_pair(const Population *p, const double *all, int pair) {
  return all + (size_t)pair * (size_t)p->windows * (size_t)p->layers;
}

DriftShape words_truth(const Population *p, int pair, const DriftLimits *limits, Arena scratch) {
  DriftShape truth = {0};
  ShapeDraws none = shape_draws(&scratch, p->windows, 1);
  shape_of_curves(curves_of_pair(p, p->e, pair), curves_of_pair(p, p->pooled, pair), p->windows,
                  p->layers, limits, &none, &truth, scratch);
  return truth;
}

/* The relative L2 of all prompts together, were each of the same size; and its interval by either
 * way. */
static double pooled_of(const double *l2, const int *drawn, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += l2[drawn[i]] * l2[drawn[i]];
  return sqrt(sum / n);
}

static Interval pooled_linear(const double *l2, const int *drawn, int n, double pooled,
                              double *room) {
  for (int i = 0; i < n; i++) room[i] = l2[drawn[i]] * l2[drawn[i]] / (pooled * pooled);
  Sampled s = interval_of_values(
      room, (size_t)n); /* of a mean 1: log of its root is half of what it is off */
  return (Interval){pooled * exp((s.low - 1) / 2), pooled * exp((s.high - 1) / 2)};
}

static Interval pooled_bootstrap(const double *l2, const int *drawn, int n, const Resampling *draws,
                                 double *room) {
  for (size_t b = 0; b < RESAMPLES; b++) {
    double sum = 0;
    for (int i = 0; i < n; i++)
      sum += draws->times[b * (size_t)n + (size_t)i] * l2[drawn[i]] * l2[drawn[i]];
    room[b] = sqrt(sum / n);
  }
  return interval_of(room, RESAMPLES);
}

static void hold(Coverage *c, Quantity q, double low, double high, double truth) {
  if (isnan(low) || isnan(high) || isnan(truth)) return;
  c->asked[q]++;
  c->covered[q] += low <= truth && truth <= high;
  c->width[q] += high / low;
}

static void hold_row(Coverage *c, const DriftShape *row, const DriftShape *truth) {
#define HOLD(q, name) hold(c, q, row->name##_low, row->name##_high, truth->name)
  HOLD(Q_LAST, last);
  HOLD(Q_GROWTH, growth);
  HOLD(Q_RISE, rise);
  HOLD(Q_FALL, fall);
  HOLD(Q_STEP, step);
  HOLD(Q_QUARTER, quarter);
  HOLD(Q_POOLED_GROWTH, pooled_growth);
#undef HOLD
  bool none = !*row->shape || !row->told, same = !strcmp(row->shape, truth->shape);
  if (!strcmp(row->shape, "jumps")) same &= row->layer == truth->layer;
  if (none)
    c->cannot++;
  else if (same)
    c->told++;
  else
    c->wrong++;
  c->wrong_needed += *row->shape && !row->told && row->needed < 0;
}

Coverage words_coverage(const Population *p, int pair, int n, int draws, const DriftLimits *limits,
                        int64_t seed, Arena scratch) {
  Coverage c = {0};
  const DriftShape truth = words_truth(p, pair, limits, scratch);
  const double *e = curves_of_pair(p, p->e, pair), *pooled = curves_of_pair(p, p->pooled, pair);
  const size_t layers = (size_t)p->layers;
  int *drawn = ARENA_NEW(&scratch, int, n > p->windows ? n : p->windows);
  double *some = ARENA_NEW(&scratch, double, (size_t)n *layers),
         *all = ARENA_NEW(&scratch, double, (size_t)n *layers);
  double *last = ARENA_NEW(&scratch, double, p->windows),
         *room = ARENA_NEW(&scratch, double, RESAMPLES + n);
  for (int w = 0; w < p->windows; w++) drawn[w] = w, last[w] = pooled[(size_t)(w + 1) * layers - 1];
  const double all_pooled = pooled_of(last, drawn, p->windows);
  const double geometric = interval_of_logs(last, (size_t)p->windows).value;
  const ShapeDraws own = shape_draws(&scratch, n, seed);
  const Resampling again = resampling_of(&scratch, n, seed);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, (unsigned long)(seed * 1000 + pair * 40 + n));
  for (int d = 0; d < draws; d++) {
    DriftShape row = {0};
    for (int i = 0; i < n; i++) {
      drawn[i] = (int)gsl_rng_uniform_int(rng, (unsigned long)p->windows);
      memcpy(some + (size_t)i * layers, e + (size_t)drawn[i] * layers, layers * sizeof *e);
      memcpy(all + (size_t)i * layers, pooled + (size_t)drawn[i] * layers, layers * sizeof *e);
      room[i] = last[drawn[i]];
    }
    Sampled l2 = interval_of_logs(room, (size_t)n);
    hold(&c, Q_POOLED_LAST, l2.low, l2.high, geometric);
    Interval linear = pooled_linear(last, drawn, n, pooled_of(last, drawn, n), room);
    hold(&c, Q_POOLED_LINEAR, linear.low, linear.high, all_pooled);
    Interval bootstrap = pooled_bootstrap(last, drawn, n, &again, room);
    hold(&c, Q_POOLED_BOOTSTRAP, bootstrap.low, bootstrap.high, all_pooled);
    shape_of_curves(some, all, n, p->layers, limits, &own, &row, scratch);
    hold_row(&c, &row, &truth);
  }
  gsl_rng_free(rng);
  return c;
}

static double end_value(const End *end, int side, EndQuantity quantity) {
  switch (quantity) {
    case END_BITS_DIFFERENCE: return end[side].bits - end[POPULATION_REFERENCE].bits;
    case END_AGREEMENT: return end[side].top1_agreement;
    case END_ACCURACY: return end[side].top1_accuracy;
    default: return end[side].kl;
  }
}

static Sampled end_interval(const double *value, size_t n, EndQuantity quantity, int tokens,
                            Arena scratch) {
  if (quantity == END_KL_LOGS) return interval_of_logs(value, n);
  if (quantity != END_AGREEMENT && quantity != END_ACCURACY) return interval_of_values(value, n);
  int64_t *hits = ARENA_NEW(&scratch, int64_t, n), *trials = ARENA_NEW(&scratch, int64_t, n);
  for (size_t i = 0; i < n; i++) hits[i] = llrint(value[i] * tokens), trials[i] = tokens;
  return interval_of_shares(hits, trials, n, scratch);
}

int words_end_coverage(const Population *p, int side, EndQuantity quantity, int n, int draws,
                       int64_t seed, Arena scratch) {
  double *value = ARENA_NEW(&scratch, double, p->windows), *some = ARENA_NEW(&scratch, double, n);
  for (int w = 0; w < p->windows; w++)
    value[w] = end_value(p->end + w * POPULATION_SIDES, side, quantity);
  const double truth = end_interval(value, (size_t)p->windows, quantity, p->tokens, scratch).value;
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, (unsigned long)(seed * 1000 + side * 40 + n));
  int covered = 0;
  for (int d = 0; d < draws; d++) {
    for (int i = 0; i < n; i++)
      some[i] = value[gsl_rng_uniform_int(rng, (unsigned long)p->windows)];
    Sampled s = end_interval(some, (size_t)n, quantity, p->tokens, scratch);
    covered += s.low <= truth && truth <= s.high;
  }
  gsl_rng_free(rng);
  return covered;
}
