#include "measure/shape.h"

#include <assert.h>
#include <gsl/gsl_fit.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/workers.h"
#include "family/trace.h"
#include "measure/interval.h"
#include "measure/places.h"

/* --- the curves of some prompts --------------------------------------------------------------- */

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

/* Returns the deviation of the logarithm of a prompt's growth. */
static double measure_quantities(const Curves *c, const DriftLimits *limits, int first,
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
  return growth.sd;
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

/* --- a row ------------------------------------------------------------------------------------ */

static void no_shape(DriftShape *row) {
  DriftShape none = {.left_out = row->left_out,
                     .prompts = row->prompts,
                     .layer = -1,
                     .layer_low = -1,
                     .layer_high = -1};
  none.rival_layer = none.first_layer = none.last_layer = none.peak_layer = none.step_layer = -1;
  none.settled_layer = none.parting_layer = none.latest_start = -1;
  table_no_doubles(&table_drift_shape, &none);
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
  table_text(row->reason, sizeof row->reason, reason);
  const int start = row->latest_start;
  if (start < 0) return;
  Curves tokens = curves_of(&scratch, e, prompts, layers, start);
  Curves all = curves_of(&scratch, pooled, prompts, layers, start);
  PUT(row, last, level_over(&tokens, tokens.layers - 1, scratch));
  if (!strcmp(reason, "starts_apart") || !strcmp(reason, "zeros") || tokens.layers < 2) return;
  const double growth_sd = measure_quantities(&tokens, limits, start, row, scratch);
  measure_parting(&tokens, &all, start, row, scratch);
  if (!*reason) shape_decide(&tokens, growth_sd, limits, draws, start, row, scratch);
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
    table_text(row.shape, sizeof row.shape, identical ? "identical" : "");
    table_text(row.reason, sizeof row.reason, identical ? "" : tokens ? "not_finite" : "no_tokens");
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
  DriftShape *shape = arena_room(arena, count, sizeof *shape);
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
  for (int worker = 0; worker < threads; worker++)
    for (int i; (i = workers_next(&next, (int)*shapes)) >= 0;)
      shape[i] = shape_of_places(tensors->info[place[first[i]].tensor].rows == DIM_TOKEN, rows,
                                 &place[first[i]], behind[i] - first[i], prompts, layers, limits,
                                 &draws, seed, own[worker]);
  ask_all(tensors, shape, *shapes, scratch);
  return shape;
}
