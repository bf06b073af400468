#include "measure/shape_draws.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/interval.h"

enum { NEEDED_MOST = 4096 };

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

/* --- the shape of draws ----------------------------------------------------------------------- */

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
                             double growth_sd, const DriftShape *row, Arena scratch) {
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
  const double growth = interval_needed(log(row->growth), growth_sd, 0);
  return isnan(growth) ? -1 : fmax(needed, growth);
}

static void put_rival(DriftShape *row, Shape rival, int first) {
  table_text(row->rival, sizeof row->rival, shape_names[rival.kind]);
  row->rival_layer = rival.layer < 0 ? -1 : first + rival.layer;
}

void shape_decide(const Curves *c, double growth_sd, const DriftLimits *limits,
                  const ShapeDraws *draws, int first, DriftShape *row, Arena scratch) {
  Reading r = {.limits = limits, .noise = noise_of(c)};
  r.turn = curve_turn(c->mean, c->layers, limits, r.noise);
  r.own = curve_shape(c->mean, c->layers, limits, r.turn);
  table_text(row->shape, sizeof row->shape, shape_names[r.own.kind]);
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
  row->needed = prompts_needed(c, &r, draws, growth_sd, row, scratch);
}
