#include "measure/shape.h"

#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_fit.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lanes.h"
#include "family/trace.h"
#include "measure/interval.h"
#include "measure/places.h"

enum { NEEDED_MOST = 4096 };

/* --- draws ------------------------------------------------------------------------------------ */

static gsl_rng *new_rng(const Arena *arena, int64_t seed) {
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  if (!rng) { /* GSL passes a failed allocation on to here */
    arena->exhausted(0, (size_t)(arena->end - arena->base));
    abort();
  }
  gsl_rng_set(rng, (unsigned long)seed);
  return rng;
}

ShapeDraws shape_draws(Arena *arena, int prompts, int64_t seed) {
  double *z = ARENA_NEW(arena, double, (size_t)SHAPE_DRAWS *(size_t)prompts);
  double *scale = ARENA_NEW(arena, double, SHAPE_DRAWS);
  ShapeDraws draws = {prompts, z, scale};
  if (prompts < 2) return draws;
  gsl_rng *rng = new_rng(arena, seed);
  const double n = prompts;
  for (size_t b = 0; b < SHAPE_DRAWS; b++) {
    for (int p = 0; p < prompts; p++)
      z[b * (size_t)prompts + (size_t)p] = gsl_ran_gaussian_ziggurat(rng, 1 / sqrt(n * (n - 1)));
    scale[b] = sqrt((n - 1) / gsl_ran_chisq(rng, n - 1));
  }
  gsl_rng_free(rng);
  return draws;
}

/* --- the curves of some prompts, from the first layer that differs in all of them ------------- */

typedef struct Curves {
  int prompts, layers;
  double *y;    /* [prompts][layers]: logarithms */
  double *mean; /* [layers] */
} Curves;

static Curves curves_of(Arena *arena, const double *e, int prompts, int layers, int first) {
  Curves c = {.prompts = prompts, .layers = layers - first};
  c.y = ARENA_NEW(arena, double, (size_t)prompts *(size_t)c.layers);
  c.mean = ARENA_NEW(arena, double, c.layers);
  for (int p = 0; p < prompts; p++)
    for (int l = 0; l < c.layers; l++) {
      double y = log(e[p * layers + first + l]);
      c.y[p * c.layers + l] = y;
      c.mean[l] += y / prompts;
    }
  return c;
}

/* e(to) / e(from) over prompts. */
static Sampled factor_over(const Curves *c, int to, int from, Arena scratch) {
  double *factor = ARENA_NEW(&scratch, double, c->prompts);
  for (int p = 0; p < c->prompts; p++)
    factor[p] = exp(c->y[p * c->layers + to] - c->y[p * c->layers + from]);
  return interval_of_logs(factor, (size_t)c->prompts);
}

static Sampled level_over(const Curves *c, int layer, Arena scratch) {
  double *level = ARENA_NEW(&scratch, double, c->prompts);
  for (int p = 0; p < c->prompts; p++) level[p] = exp(c->y[p * c->layers + layer]);
  return interval_of_logs(level, (size_t)c->prompts);
}

#define PUT(row, name, sampled)                                                                    \
  put_sampled(&(row)->name, &(row)->name##_low, &(row)->name##_high, sampled)
static void put_sampled(double *value, double *low, double *high, Sampled s) {
  *value = s.value;
  *low = s.low;
  *high = s.high;
}

static void measure_quantities(const Curves *c, const DriftLimits *limits, int first,
                               DriftShape *row, Arena scratch) {
  const int end = c->layers - 1, peak = curve_peak(c->mean, c->layers),
            step = curve_step(c->mean, c->layers);
  row->first = exp(c->mean[0]);
  Sampled growth = factor_over(c, end, 0, scratch);
  PUT(row, growth, growth);
  row->growth_p = interval_p(log(growth.value), growth.sd, (size_t)c->prompts, 0);
  PUT(row, rise, factor_over(c, peak, 0, scratch));
  PUT(row, fall, factor_over(c, end, peak, scratch));
  PUT(row, quarter, factor_over(c, end, curve_quarter(c->layers), scratch));
  row->peak_layer = first + peak;
  row->settled_layer = first + curve_settled(c->mean, c->layers, limits->settle);
  if (step >= 0) {
    row->step_layer = first + step;
    PUT(row, step, factor_over(c, step, step - 1, scratch));
    row->step_share = curve_step_share(c->mean, c->layers);
  }
  double *layer = ARENA_NEW(&scratch, double, c->layers), start, slope, cov00, cov01, cov11,
         squares;
  for (int l = 0; l < c->layers; l++) layer[l] = l;
  gsl_fit_linear(layer, 1, c->mean, 1, (size_t)c->layers, &start, &slope, &cov00, &cov01, &cov11,
                 &squares);
  row->rate = exp(slope);
}

static void measure_parting(const Curves *tokens, const Curves *pooled, int first, DriftShape *row,
                            Arena scratch) {
  int most = 0;
  for (int l = 1; l < tokens->layers; l++)
    if (pooled->mean[l] - tokens->mean[l] > pooled->mean[most] - tokens->mean[most]) most = l;
  row->parting = exp(pooled->mean[most] - tokens->mean[most]);
  row->parting_layer = first + most;
  PUT(row, pooled_growth, factor_over(pooled, pooled->layers - 1, 0, scratch));
  if (pooled->prompts < SHAPE_POOLED_LEAST) row->pooled_growth_low = row->pooled_growth_high = NAN;
}

/* --- the shape, and whether other prompts would show it --------------------------------------- */

static void draw_curve(const Curves *c, const double *z, double scale, double *y) {
  memcpy(y, c->mean, (size_t)c->layers * sizeof *y);
  for (int p = 0; p < c->prompts; p++) {
    const double weight = scale * z[p], *own = c->y + p * c->layers;
    for (int l = 0; l < c->layers; l++) y[l] += weight * (own[l] - c->mean[l]);
  }
}

static bool same_shape(Shape a, Shape b) {
  return a.kind == b.kind && (a.kind != SHAPE_JUMPS || a.layer == b.layer);
}

/* How a row's curve is read. */
typedef struct Reading {
  const DriftLimits *limits;
  double turn, noise; /* of curve_turn */
  Shape own;
} Reading;

/* The standard error of a layer of the mean curve, what all layers of a prompt share taken off;
 * mean over layers. */
static double noise_of(const Curves *c) {
  double squares = 0;
  if (c->prompts < 2) return 0;
  for (int p = 0; p < c->prompts; p++) {
    double level = 0;
    for (int l = 0; l < c->layers; l++) level += (c->y[p * c->layers + l] - c->mean[l]) / c->layers;
    for (int l = 0; l < c->layers; l++) {
      double off = c->y[p * c->layers + l] - c->mean[l] - level;
      squares += off * off;
    }
  }
  return sqrt(squares / ((double)(c->layers - 1) * (c->prompts - 1) * c->prompts));
}

/* A curve that is none of the simple shapes, or settles nowhere, may be so by the noise of few
 * prompts alone, and no draw, which has that noise twice, would show it. So it must also be so
 * where two layers may be off each other by as much as their difference's interval; and no shape
 * may hang on how much of the ripple is the prompts'. Else: what it is then. */
static Shape careful_shape(const Curves *c, const Reading *r, int prompts) {
  const double error = r->noise * sqrt(2.0 * c->prompts / prompts);
  const double off = error * gsl_cdf_tdist_Pinv((1 + interval_level) / 2, prompts - 1);
  DriftLimits wider = *r->limits;
  wider.flat = exp(log(wider.flat) + off);
  wider.settle = exp(log1p(wider.settle) + off) - 1;
  Shape rough =
      curve_shape(c->mean, c->layers, r->limits, curve_turn(c->mean, c->layers, r->limits, 0));
  if (!same_shape(rough, r->own)) return rough;
  if (r->own.kind == SHAPE_MIXED) return curve_shape(c->mean, c->layers, &wider, r->turn + off);
  if (r->own.kind == SHAPE_ACCUMULATES) {
    wider.flat = r->limits->flat;
    return curve_shape(c->mean, c->layers, &wider, r->turn);
  }
  return r->own;
}

/* How often the draws have each shape at each layer; [0] is for shapes without one. */
typedef struct Votes {
  int *of[SHAPE_KINDS]; /* [layers + 1] */
  int layers;
} Votes;

static Votes take_votes(const Curves *c, const Reading *r, const ShapeDraws *draws,
                        Arena *scratch) {
  Votes votes = {.layers = c->layers};
  for (int k = 0; k < SHAPE_KINDS; k++) votes.of[k] = ARENA_NEW(scratch, int, c->layers + 1);
  double *y = ARENA_NEW(scratch, double, c->layers);
  for (size_t b = 0; b < SHAPE_DRAWS; b++) {
    draw_curve(c, draws->z + b * (size_t)draws->prompts, draws->scale[b], y);
    double noise = r->noise * hypot(1, draws->scale[b]); /* the prompts' own, and the draw's */
    Shape shape = curve_shape(y, c->layers, r->limits, curve_turn(y, c->layers, r->limits, noise));
    votes.of[shape.kind][shape.layer + 1]++;
  }
  return votes;
}

static int votes_for(const Votes *votes, Shape shape) {
  int sum = 0;
  if (shape.kind == SHAPE_JUMPS) return votes->of[SHAPE_JUMPS][shape.layer + 1];
  for (int l = 0; l <= votes->layers; l++) sum += votes->of[shape.kind][l];
  return sum;
}

/* The shape, unlike `own`, that draws have most often; at the layer where they have it most
 * often. */
static Shape rival_of(const Votes *votes, Shape own, int *most) {
  Shape rival = {SHAPE_FLAT, -1};
  *most = 0;
  for (int k = 0; k < SHAPE_KINDS; k++) {
    int best = 0;
    for (int l = 1; l <= votes->layers; l++) {
      const bool is_own = k == SHAPE_JUMPS && own.kind == SHAPE_JUMPS && own.layer == l - 1;
      if (!is_own && votes->of[k][l] > votes->of[k][best]) best = l;
    }
    Shape shape = {(ShapeKind)k, best - 1};
    if (same_shape(shape, own)) continue;
    int count = votes_for(votes, shape);
    if (count > *most) *most = count, rival = shape;
  }
  return rival;
}

/* Where the layer of a shape lies in the middle 95 % of its draws. */
static void layer_range(const Votes *votes, Shape shape, int first, DriftShape *row) {
  int all = 0, below = 0;
  for (int l = 1; l <= votes->layers; l++) all += votes->of[shape.kind][l];
  const double tail = (1 - interval_level) / 2 * all;
  for (int l = 1; l <= votes->layers; below += votes->of[shape.kind][l++]) {
    int upto = below + votes->of[shape.kind][l];
    if (row->layer_low < 0 && upto > tail) row->layer_low = first + l - 1;
    if (row->layer_high < 0 && upto >= all - tail) row->layer_high = first + l - 1;
  }
}

/* Where a difference starts later than the model, a single event may have started it. Were only
 * half of all prompts to start there, n would all do so in 1 of 2^(n-1) samples. */
static bool starts_by_chance(int first, int prompts, const DriftLimits *limits) {
  return first > 0 && ldexp(1, 1 - prompts) > 1 - limits->agreement;
}

/* Would it be told, were there `prompts` of the same spread? */
static bool told_by(const Curves *c, const Reading *r, const ShapeDraws *draws, int first,
                    int prompts, Arena scratch) {
  if (!same_shape(careful_shape(c, r, prompts), r->own) ||
      starts_by_chance(first, prompts, r->limits))
    return false;
  /* The sum of squares of a draw's weights is 1 / n in the mean: with N prompts, 1 / N. */
  const double shrink = sqrt((double)c->prompts / prompts);
  double *scale = ARENA_NEW(&scratch, double, SHAPE_DRAWS);
  gsl_rng *rng = new_rng(&scratch, 1);
  for (size_t b = 0; b < SHAPE_DRAWS; b++)
    scale[b] = shrink * sqrt((prompts - 1) / gsl_ran_chisq(rng, prompts - 1));
  gsl_rng_free(rng);
  ShapeDraws other = {draws->prompts, draws->z, scale};
  Votes votes = take_votes(c, r, &other, &scratch);
  return votes_for(&votes, r->own) >= r->limits->agreement * SHAPE_DRAWS;
}

static double prompts_needed(const Curves *c, const Reading *r, const ShapeDraws *draws,
                             const DriftShape *row, Arena scratch) {
  double needed = 0;
  if (!row->told) {
    int prompts = 2;
    while (prompts <= c->prompts) prompts *= 2;
    for (; prompts <= NEEDED_MOST && needed == 0; prompts *= 2)
      if (told_by(c, r, draws, row->first_layer, prompts, scratch)) needed = prompts;
    if (needed == 0) return -1;
  }
  bool one = row->growth_low <= 1 && row->growth_high >= 1;
  if (r->own.kind == SHAPE_FLAT || !one) return needed;
  double growth =
      interval_needed(log(row->growth), factor_over(c, c->layers - 1, 0, scratch).sd, 0);
  return isnan(growth) ? -1 : fmax(needed, growth);
}

static void put_rival(DriftShape *row, Shape rival, int first) {
  snprintf(row->rival, sizeof row->rival, "%s", shape_names[rival.kind]);
  row->rival_layer = rival.layer < 0 ? -1 : first + rival.layer;
}

static void decide(const Curves *c, const DriftLimits *limits, const ShapeDraws *draws, int first,
                   DriftShape *row, Arena scratch) {
  Reading r = {.limits = limits, .noise = noise_of(c)};
  r.turn = curve_turn(c->mean, c->layers, limits, r.noise);
  r.own = curve_shape(c->mean, c->layers, limits, r.turn);
  snprintf(row->shape, sizeof row->shape, "%s", shape_names[r.own.kind]);
  row->layer = r.own.layer < 0 ? -1 : first + r.own.layer;
  row->told = 1;
  if (c->prompts < 2) return;
  int most;
  Votes votes = take_votes(c, &r, draws, &scratch);
  Shape rival = rival_of(&votes, r.own, &most), careful = careful_shape(c, &r, c->prompts);
  if (most) put_rival(row, rival, first);
  if (r.own.layer >= 0) layer_range(&votes, r.own, first, row);
  row->agreement = (double)votes_for(&votes, r.own) / SHAPE_DRAWS;
  row->told = row->agreement >= limits->agreement;
  if (row->told && !same_shape(careful, r.own)) {
    row->told = 0;
    put_rival(row, careful, first);
  }
  if (row->told && starts_by_chance(first, c->prompts, limits)) {
    row->told = 0;
    snprintf(row->rival, sizeof row->rival, "starts_apart");
    row->rival_layer = -1;
  }
  row->needed = prompts_needed(c, &r, draws, row, scratch);
}

/* --- a row ------------------------------------------------------------------------------------ */

static void no_shape(DriftShape *row) {
  DriftShape none = {.left_out = row->left_out,
                     .prompts = row->prompts,
                     .layer = -1,
                     .layer_low = -1,
                     .layer_high = -1};
  none.rival_layer = none.first_layer = none.last_layer = none.peak_layer = none.step_layer = -1;
  none.settled_layer = none.parting_layer = none.latest_start = -1;
  for (int i = 0; i < table_drift_shape.columns; i++) {
    const Column *column = &table_drift_shape.column[i];
    if (column->type == COLUMN_F64)
      memcpy((char *)&none + column->offset, &(double){NAN}, sizeof(double));
  }
  none.needed = 0;
  memcpy(none.base, row->base, sizeof none.base);
  memcpy(none.other, row->other, sizeof none.other);
  memcpy(none.tensor, row->tensor, sizeof none.tensor);
  *row = none;
}

/* The first layer that differs in a prompt, `layers` where none does; whether some later one is
 * equal again. */
static int start_of(const double *e, int layers, bool *equal_again) {
  int first = 0;
  while (first < layers && !(e[first] > 0)) first++;
  for (int l = first; l < layers; l++) *equal_again |= !(e[l] > 0);
  return first;
}

static const char *reason_of(const double *e, int prompts, int layers, DriftShape *row) {
  int earliest = layers, latest = 0;
  bool equal_again = false;
  for (int p = 0; p < prompts; p++) {
    int start = start_of(e + p * layers, layers, &equal_again);
    earliest = start < earliest ? start : earliest;
    latest = start > latest ? start : latest;
  }
  if (earliest < layers) row->first_layer = earliest, row->last_layer = layers - 1;
  if (latest < layers) row->latest_start = latest;
  if (latest == layers || equal_again) return "zeros";
  if (earliest < latest) return "starts_apart";
  return layers - latest < CURVE_LEAST ? "few_layers" : "";
}

void shape_of_curves(const double *e, const double *pooled, int prompts, int layers,
                     const DriftLimits *limits, const ShapeDraws *draws, DriftShape *row,
                     Arena scratch) {
  row->prompts = prompts;
  no_shape(row);
  const char *reason = reason_of(e, prompts, layers, row);
  snprintf(row->reason, sizeof row->reason, "%s", reason);
  const int start = row->latest_start;
  if (start < 0) return;
  Curves tokens = curves_of(&scratch, e, prompts, layers, start);
  Curves all = curves_of(&scratch, pooled, prompts, layers, start);
  PUT(row, last, level_over(&tokens, tokens.layers - 1, scratch));
  if (!strcmp(reason, "starts_apart") || !strcmp(reason, "zeros") || tokens.layers < 2) return;
  measure_quantities(&tokens, limits, start, row, scratch);
  measure_parting(&tokens, &all, start, row, scratch);
  if (!*reason) decide(&tokens, limits, draws, start, row, scratch);
}

/* The curves of the prompts that are finite in every layer; returns how many. */
static int take_curves(const PairStats *rows, const Place *place, size_t count, int prompts,
                       int layers, double *e, double *pooled) {
  for (int i = 0; i < prompts * layers; i++) e[i] = pooled[i] = NAN;
  for (size_t i = 0; i < count; i++) {
    const PairStats *row = &rows[place[i].row];
    assert(place[i].layer >= 0 && place[i].layer < layers && place[i].prompt < prompts);
    e[place[i].prompt * layers + place[i].layer] = row->token.left_out ? NAN : row->token.median;
    pooled[place[i].prompt * layers + place[i].layer] = squares_ratio(squares_of(row));
  }
  int kept = 0;
  for (int p = 0; p < prompts; p++) {
    bool finite = true;
    for (int l = 0; l < layers; l++)
      finite &= isfinite(e[p * layers + l]) && isfinite(pooled[p * layers + l]);
    if (!finite) continue;
    memmove(e + kept * layers, e + p * layers, (size_t)layers * sizeof *e);
    memmove(pooled + kept * layers, pooled + p * layers, (size_t)layers * sizeof *e);
    kept++;
  }
  return kept;
}

static DriftShape shape_of_places(bool tokens, const PairStats *rows, const Place *place,
                                  size_t count, int prompts, int layers, const DriftLimits *limits,
                                  const ShapeDraws *draws, int64_t seed, Arena scratch) {
  DriftShape row = {0};
  memcpy(row.base, rows[place[0].row].base, sizeof row.base);
  memcpy(row.other, rows[place[0].row].other, sizeof row.other);
  memcpy(row.tensor, rows[place[0].row].tensor, sizeof row.tensor);
  bool identical = true;
  for (size_t i = 0; i < count; i++) identical &= rows[place[i].row].identical != 0;
  double *e = ARENA_NEW(&scratch, double, prompts *layers),
         *pooled = ARENA_NEW(&scratch, double, prompts *layers);
  int kept = take_curves(rows, place, count, prompts, layers, e, pooled);
  row.prompts = identical || !tokens ? prompts : kept;
  row.left_out = prompts - row.prompts;
  if (identical || kept == 0) {
    no_shape(&row);
    snprintf(row.shape, sizeof row.shape, "%s", identical ? "identical" : "");
    snprintf(row.reason, sizeof row.reason, "%s",
             identical ? ""
             : tokens  ? "not_finite"
                       : "no_tokens");
    row.told = identical;
    return row;
  }
  ShapeDraws fewer = *draws;
  if (kept < prompts) fewer = shape_draws(&scratch, kept, seed);
  shape_of_curves(e, pooled, kept, layers, limits, &fewer, &row, scratch);
  return row;
}

/* Of each tensor all pairs of the run are asked. */
static void ask_all(const Tensors *tensors, DriftShape *shape, size_t count, Arena scratch) {
  double *p = ARENA_NEW(&scratch, double, count);
  for (int id = 0; id < tensors->layer; id++) {
    for (size_t i = 0; i < count; i++)
      p[i] = strcmp(shape[i].tensor, tensors->info[id].name) ? NAN : shape[i].growth_p;
    interval_holm(p, count, p, scratch);
    for (size_t i = 0; i < count; i++)
      if (!isnan(p[i])) shape[i].growth_holm = p[i];
  }
}

DriftShape *shape_of(Arena *arena, const Tensors *tensors, const PairStats *rows, size_t count,
                     int layers, const DriftLimits *limits, int64_t seed, size_t *shapes) {
  DriftShape *shape = ARENA_NEW(arena, DriftShape, count);
  Arena scratch = *arena;
  const Place *place = places_of(&scratch, tensors, rows, count);
  int prompts = 0;
  for (size_t i = 0; i < count; i++)
    prompts = place[i].prompt >= prompts ? place[i].prompt + 1 : prompts;
  const ShapeDraws draws = shape_draws(&scratch, prompts, seed);
  size_t *first = ARENA_NEW(&scratch, size_t, count), *behind = ARENA_NEW(&scratch, size_t, count);
  *shapes = 0;
  for (size_t from = 0, to; from < count; from = to) {
    to = places_alike(place, count, from, false);
    if (place[from].tensor < 0 || place[from].tensor >= tensors->layer) continue;
    first[*shapes] = from;
    behind[(*shapes)++] = to;
  }
  int threads = omp_get_max_threads();
  Arena *own = arena_split(scratch, &threads);
  int next = 0;
#pragma omp parallel for schedule(static, 1)
  for (int lane = 0; lane < threads; lane++)
    for (int i; (i = lanes_next(&next, (int)*shapes)) >= 0;)
      shape[i] = shape_of_places(tensors->info[place[first[i]].tensor].rows == DIM_TOKEN, rows,
                                 &place[first[i]], behind[i] - first[i], prompts, layers, limits,
                                 &draws, seed, own[lane]);
  ask_all(tensors, shape, *shapes, scratch);
  return shape;
}
