#include <gsl/gsl_randist.h>
#include <math.h>
#include <string.h>

#include "words.h"

enum { LAYERS = 24 };

/* --- curves of known shape -------------------------------------------------------------------- */

static double flat(int l) { return 0 * l; }
static double drifts_little(int l) { return l * log(1.007); } /* 1.17 in all */
static double grows(int l) { return l * log(1.05); }
static double grows_slowly(int l) { return l * log(1.03); }
static double as_root(int l) { return 0.5 * log(l + 1); }
static double jumps(int l) { return l < 9 ? 0 : log(2); }
static double jumps_in_growth(int l) { return l * log(1.01) + (l < 15 ? 0 : log(2)); }
static double jumps_at_end(int l) { return l < 22 ? 0 : log(3); }
static double saturates(int l) { return log(3) * (1 - exp(-l / 2.5)); }
static double up_and_down(int l) { return log(3.1) * (l < 12 ? l / 12.0 : (23 - l) / 11.0); }
static double up_and_back(int l) {
  return log(2.7) * (l < 17 ? l / 17.0 : 1 - 0.22 * (l - 17) / 6.0);
}
static double falls(int l) { return -l * log(1.04); }
static double twice(int l) { return log(2) * sin(l * 2 * M_PI / 12); }

const Made made_curves[] = {{"flat", {SHAPE_FLAT, -1}, flat},
                            {"up by 1.17 in all", {SHAPE_FLAT, -1}, drifts_little},
                            {"1.05 a layer", {SHAPE_ACCUMULATES, -1}, grows},
                            {"1.03 a layer", {SHAPE_ACCUMULATES, -1}, grows_slowly},
                            {"as the root of layers", {SHAPE_ACCUMULATES, -1}, as_root},
                            {"2 at layer 9", {SHAPE_JUMPS, 9}, jumps},
                            {"2 at 15, 1.01 a layer", {SHAPE_JUMPS, 15}, jumps_in_growth},
                            {"3 at layer 22", {SHAPE_JUMPS, 22}, jumps_at_end},
                            {"saturates at 3", {SHAPE_SATURATES, 6}, saturates},
                            {"up to 3.1 and down", {SHAPE_RISES_FALLS, 12}, up_and_down},
                            {"up to 2.7, back 1.24", {SHAPE_RISES_FALLS, 17}, up_and_back},
                            {"1.04 down a layer", {SHAPE_FALLS, -1}, falls},
                            {"up and down twice", {SHAPE_MIXED, -1}, twice}};
const int made_count = sizeof made_curves / sizeof *made_curves;

const char *const noise_names[NOISES] = {"independent layers", "layers tied to the one before",
                                         "heavy tails (t, 3)", "single layers off, 5 %"};

/* --- noise of a prompt ------------------------------------------------------------------------ */

static double layer_noise(gsl_rng *rng, Noise noise, double size, double before) {
  switch (noise) {
    case NOISE_WHITE: return gsl_ran_gaussian(rng, size);
    case NOISE_AR: return 0.9 * before + gsl_ran_gaussian(rng, size * sqrt(1 - 0.81));
    case NOISE_HEAVY: return size / sqrt(3) * gsl_ran_tdist(rng, 3);
    default: return gsl_ran_gaussian(rng, size / 4) + (gsl_rng_uniform(rng) < 0.05 ? 5 * size : 0);
  }
}

static void make_prompt(gsl_rng *rng, const double *mean, Noise noise, double size, double *e) {
  double level = gsl_ran_gaussian(rng, 0.3), off = gsl_ran_gaussian(rng, size);
  for (int l = 0; l < LAYERS; l++) {
    off = layer_noise(rng, noise, size, off);
    e[l] = exp(mean[l] + level + off);
  }
}

static bool is_shape(const DriftShape *row, Shape truth) {
  return !strcmp(row->shape, shape_names[truth.kind]) &&
         (truth.kind != SHAPE_JUMPS || row->layer == truth.layer);
}

Named words_named(const Made *made, Noise noise, double size, double of_the_model, int n, int draws,
                  const DriftLimits *limits, int64_t seed, Arena scratch) {
  Named named = {0};
  double mean[LAYERS], *e = ARENA_NEW(&scratch, double, n *LAYERS);
  const ShapeDraws own = shape_draws(&scratch, n, seed);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, (unsigned long)seed);
  for (int d = 0; d < draws; d++) {
    for (int l = 0; l < LAYERS; l++)
      mean[l] = made->y(l) + (of_the_model > 0 ? gsl_ran_gaussian(rng, of_the_model) : 0);
    Shape truth = of_the_model > 0
                      ? curve_shape(mean, LAYERS, limits, curve_turn(mean, LAYERS, limits, 0))
                      : made->truth;
    for (int i = 0; i < n; i++) make_prompt(rng, mean, noise, size, e + i * LAYERS);
    DriftShape row = {0};
    shape_of_curves(e, e, n, LAYERS, limits, &own, &row, scratch);
    if (!row.told) {
      named.cannot++;
      continue;
    }
    for (int k = 0; k < SHAPE_KINDS; k++) named.said[k] += !strcmp(row.shape, shape_names[k]);
    if (is_shape(&row, truth))
      named.right++;
    else
      named.wrong++;
  }
  gsl_rng_free(rng);
  return named;
}
