/* law: a pair's tensor as a curve over layers and prompts, a line through it, its steps, and the verdict. */
#include "measure/law.h"

#include <assert.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_fit.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "measure/places.h"
#include "model/trace.h"

enum { LAYERS_LEAST = 8, LASTING = 3 };
static const double break_p_most = 0.01;
static const double effect_least = 1.25, spread_most = 2; /* factors */

/* From the first layer that differs on. */
typedef struct Curve {
  int layers, prompts;
  const Squares *squares; /* [layers][prompts] */
} Curve;

/* y_l with each prompt taken `times` (NULL: once); false where a layer has no logarithm. */
static bool curve_log(const Curve *c, const uint16_t *times, double *y) {
  for (int layer = 0; layer < c->layers; layer++) {
    Squares sum = {0, 0};
    for (int p = 0; p < c->prompts; p++) {
      double weight = times ? times[p] : 1;
      sum.error += weight * c->squares[layer * c->prompts + p].error;
      sum.base += weight * c->squares[layer * c->prompts + p].base;
    }
    y[layer] = log10(squares_ratio(sum));
    if (!isfinite(y[layer])) return false;
  }
  return true;
}

/* --- one step unlike the others --- */

/* The steps but the one into layer `except`, into `step`; returns how many. */
static int other_steps(const double *y, int layers, int except, double *step) {
  int count = 0;
  for (int layer = 1; layer < layers; layer++)
    if (layer != except) step[count++] = y[layer] - y[layer - 1];
  return count;
}

/* How far the step into a layer exceeds the median of the others. */
static double excess_of(const double *y, int layers, int layer, double *room) {
  int count = other_steps(y, layers, layer, room);
  return y[layer] - y[layer - 1] - gsl_stats_median(room, 1, (size_t)count);
}

static int most_unlike_step(const double *y, int layers, double *room) {
  int count = other_steps(y, layers, -1, room), most = 1;
  double median = gsl_stats_median(room, 1, (size_t)count), far = -1;
  for (int layer = 1; layer < layers; layer++) {
    double off = fabs(y[layer] - y[layer - 1] - median);
    if (off > far) most = layer, far = off;
  }
  return most;
}

/* Student's t of a new value against a sample, both of one normal distribution; times the number of steps that it was
 * chosen from (Bonferroni). */
static double break_probability(const double *y, int layers, int layer, double *room) {
  size_t others = (size_t)other_steps(y, layers, layer, room);
  double mean = gsl_stats_mean(room, 1, others), sd = gsl_stats_sd_m(room, 1, others, mean);
  double off = fabs(y[layer] - y[layer - 1] - mean);
  if (off == 0) return 1;
  double t = off / (sd * sqrt(1 + 1 / (double)others));
  return fmin(1, (double)(layers - 1) * 2 * gsl_cdf_tdist_Q(t, (double)others - 1));
}

/* The median of up to LASTING layers from `first` on, each taken back to layer `at` by the median step. */
static double level(const double *y, int first, int end, int at, double step) {
  double value[LASTING];
  int count = 0;
  for (int layer = first; layer < end; layer++) value[count++] = y[layer] - step * (layer - at);
  return gsl_stats_median(value, 1, (size_t)count);
}

/* Does at least half of the excess stand between the layers before and those after? */
static bool break_lasts(const double *y, int layers, int layer, double excess) {
  double step = y[layer] - y[layer - 1] - excess;
  int first = layer > LASTING ? layer - LASTING : 0, end = layer + LASTING < layers ? layer + LASTING : layers;
  double rise = level(y, layer, end, layer, step) - level(y, first, layer, layer, step);
  return rise / excess >= 0.5;
}

/* A curve that bends is steepest at one of its ends. There, three fifths of the excess must also stand against the one
 * neighbouring step: growth as the square root, or any power, of the number of layers leaves under a half. */
static bool break_in_bend(const double *y, int layers, int layer, double excess) {
  if (layer > 1 && layer < layers - 1) return false;
  int neighbour = layer == 1 ? 2 : layer - 1;
  double beyond = (y[layer] - y[layer - 1]) - (y[neighbour] - y[neighbour - 1]);
  return beyond / excess < 0.6;
}

/* y without the excess of the step into a layer. */
static void take_out(double *y, int layers, int layer, double excess) {
  for (int l = layer; l < layers; l++) y[l] -= excess;
}

/* --- the line --- */

typedef struct Line {
  double slope, slope_se, residual; /* residual: sum of squares */
} Line;

static Line line_through(const double *y, int layers, double *room) {
  for (int layer = 0; layer < layers; layer++) room[layer] = layer;
  double start, cov00, cov01, cov11;
  Line line;
  gsl_fit_linear(room, 1, y, 1, (size_t)layers, &start, &line.slope, &cov00, &cov01, &cov11, &line.residual);
  line.slope_se = sqrt(cov11);
  return line;
}

/* The slope of the line, as the mean of steps with the weights that make it so, but of the taken steps alone; where
 * none is taken, of all. */
static double slope_of_taken(const double *y, int layers, const uint8_t *taken) {
  double sum = 0, weights = 0, sum_all = 0, weights_all = 0;
  for (int layer = 1; layer < layers; layer++) {
    double weight = (double)layer * (layers - layer), part = weight * (y[layer] - y[layer - 1]);
    sum_all += part;
    weights_all += weight;
    sum += taken[layer - 1] * part;
    weights += taken[layer - 1] * weight;
  }
  return weights > 0 ? sum / weights : sum_all / weights_all;
}

/* --- the verdict --- */

static const char *classify(const DriftLaw *law, bool jump) {
  const double least = log10(effect_least);
  if (law->prompts > 1) /* whatever prompts are drawn, it is that large */
    jump &= law->break_low >= effect_least || law->break_high <= 1 / effect_least;
  if (jump && law->break_p <= break_p_most && fabs(log10(law->break_factor)) >= least) return "jumps";
  double whole = log10(law->growth) * (law->layers - 1);
  if (law->growth_low > 1 && whole >= least) return "accumulates";
  if (law->growth_high < 1 && whole <= -least) return "shrinks";
  return law->spread <= spread_most ? "stable" : "cannot_tell";
}

/* Draws prompts and steps again: intervals of the growth and, over prompts, of the break. A draw of prompts that are
 * all identical in a layer has no curve, and is left out. */
static void resample_curve(const Curve *c, const Resampling *draws, bool without_break, DriftLaw *law, Arena scratch) {
  double *y = ARENA_NEW(&scratch, double, c->layers), *room = ARENA_NEW(&scratch, double, c->layers);
  double *slope = ARENA_NEW(&scratch, double, RESAMPLES), *excess = ARENA_NEW(&scratch, double, RESAMPLES);
  const int at = law->break_layer - law->first_layer;
  bool curve = false, several = c->prompts > 1;
  double by = 0;
  size_t slopes = 0, excesses = 0;
  for (size_t b = 0; b < RESAMPLES; b++) {
    if (several || b == 0) {
      curve = curve_log(c, several ? draws->times + b * (size_t)draws->prompts : NULL, y);
      if (curve) by = excess_of(y, c->layers, at, room);
      if (curve && without_break) take_out(y, c->layers, at, by);
    }
    if (curve && several) excess[excesses++] = by;
    if (curve) slope[slopes++] = slope_of_taken(y, c->layers, draws->taken + b * (size_t)draws->steps);
  }
  Interval growth = interval_of(slope, slopes), jump = interval_of(excess, excesses);
  law->growth_low = pow(10, growth.low);
  law->growth_high = pow(10, growth.high);
  law->break_low = pow(10, jump.low);
  law->break_high = pow(10, jump.high);
}

static double spread_of(const double *y, int layers, double *room) {
  memcpy(room, y, (size_t)layers * sizeof *y);
  double median = gsl_stats_median(room, 1, (size_t)layers), most = 0;
  for (int layer = 0; layer < layers; layer++) most = fmax(most, fabs(y[layer] - median));
  return pow(10, most);
}

static void fit_curve(const Curve *c, const Resampling *draws, DriftLaw *law, Arena scratch) {
  double *y = ARENA_NEW(&scratch, double, c->layers), *room = ARENA_NEW(&scratch, double, c->layers);
  if (!curve_log(c, NULL, y)) {
    snprintf(law->verdict, sizeof law->verdict, "cannot_tell");
    snprintf(law->reason, sizeof law->reason, "gaps");
    return;
  }
  law->spread = spread_of(y, c->layers, room);
  if (c->layers < LAYERS_LEAST) {
    snprintf(law->verdict, sizeof law->verdict, "cannot_tell");
    snprintf(law->reason, sizeof law->reason, "few_layers");
    return;
  }
  int at = most_unlike_step(y, c->layers, room);
  double excess = excess_of(y, c->layers, at, room);
  bool jump = excess != 0 && break_lasts(y, c->layers, at, excess) && !break_in_bend(y, c->layers, at, excess);
  law->break_layer = law->first_layer + at;
  law->break_factor = pow(10, excess);
  law->break_p = break_probability(y, c->layers, at, room);

  double total = gsl_stats_tss(y, 1, (size_t)c->layers);
  Line whole = line_through(y, c->layers, room), line = whole;
  resample_curve(c, draws, false, law, scratch);
  take_out(y, c->layers, at, excess);
  Line without = line_through(y, c->layers, room);
  law->r2 = 1 - whole.residual / total;
  law->r2_break = 1 - without.residual / total;
  law->growth = pow(10, line.slope);
  const char *verdict = classify(law, jump);
  if (!strcmp(verdict, "jumps")) {
    line = without;
    resample_curve(c, draws, true, law, scratch);
  }
  law->growth = pow(10, line.slope);
  law->growth_se = line.slope_se;
  snprintf(law->verdict, sizeof law->verdict, "%s", verdict);
  snprintf(law->reason, sizeof law->reason, "%s", strcmp(verdict, "cannot_tell") ? "" : "wanders");
}

/* The law of the rows of one pair and tensor. */
static DriftLaw law_of_places(const PairStats *rows, const Place *place, size_t count, int layers,
                              const Resampling *draws, Arena scratch) {
  const PairStats *head = &rows[place[0].row];
  DriftLaw law = {.first_layer = -1, .prompts = draws->prompts, .break_layer = -1};
  law.growth = law.growth_low = law.growth_high = law.growth_se = law.spread = NAN;
  law.break_factor = law.break_low = law.break_high = law.break_p = law.r2 = law.r2_break = NAN;
  snprintf(law.base, sizeof law.base, "%s", head->base);
  snprintf(law.other, sizeof law.other, "%s", head->other);
  snprintf(law.tensor, sizeof law.tensor, "%s", head->tensor);
  snprintf(law.verdict, sizeof law.verdict, "identical");

  bool left_out = false;
  Squares *squares = ARENA_NEW(&scratch, Squares, layers * draws->prompts);
  for (size_t i = 0; i < count; i++) {
    assert(place[i].prompt < draws->prompts && place[i].layer >= 0 && place[i].layer < layers);
    squares[place[i].layer * draws->prompts + place[i].prompt] = squares_of(&rows[place[i].row]);
    if (law.first_layer < 0 && !rows[place[i].row].identical) law.first_layer = place[i].layer;
    left_out |= rows[place[i].row].nonfinite > 0;
  }
  if (law.first_layer < 0) return law;
  law.layers = layers - law.first_layer;
  if (left_out) { /* sizes of what happens to be finite make no curve */
    snprintf(law.verdict, sizeof law.verdict, "cannot_tell");
    snprintf(law.reason, sizeof law.reason, "not_finite");
    return law;
  }
  Curve curve = {law.layers, draws->prompts, squares + law.first_layer * draws->prompts};
  fit_curve(&curve, draws, &law, scratch);
  return law;
}

DriftLaw *law_of(Arena *arena, const PairStats *rows, size_t count, int layers, const Resampling *draws,
                 size_t *law_count) {
  assert(draws->steps == layers - 1);
  const Place *place = places_of(arena, rows, count);
  *law_count = 0;
  for (size_t from = 0; from < count; from = places_alike(place, count, from, false)) (*law_count)++;
  DriftLaw *law = ARENA_NEW(arena, DriftLaw, *law_count);
  *law_count = 0;
  for (size_t from = 0, to; from < count; from = to) {
    to = places_alike(place, count, from, false);
    if (place[from].tensor >= 0 && place[from].tensor < T_LAYER_COUNT)
      law[(*law_count)++] = law_of_places(rows, &place[from], to - from, layers, draws, *arena);
  }
  return law;
}
