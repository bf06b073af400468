#include "measure/curve.h"

#include <assert.h>
#include <math.h>

#include "base/quantiles.h"

const char *const shape_names[SHAPE_KINDS] = {"flat",        "accumulates", "jumps", "saturates",
                                              "rises_falls", "falls",       "mixed"};

int curve_peak(const double *y, int layers) {
  int peak = 0;
  for (int l = 1; l < layers; l++)
    if (y[l] > y[peak]) peak = l;
  return peak;
}

int curve_step(const double *y, int layers) {
  int most = -1;
  double height = 0;
  for (int l = 1; l < layers; l++)
    if (y[l] - y[l - 1] > height) most = l, height = y[l] - y[l - 1];
  return most;
}

double curve_step_share(const double *y, int layers) {
  int at = curve_step(y, layers);
  double up = 0;
  for (int l = 1; l < layers; l++) up += fmax(0, y[l] - y[l - 1]);
  return at < 0 ? NAN : (y[at] - y[at - 1]) / up;
}

int curve_settled(const double *y, int layers, double settle) {
  int l = layers - 1;
  while (l > 0 && fabs(y[l - 1] - y[layers - 1]) <= log1p(settle)) l--;
  return l;
}

int curve_quarter(int layers) {
  int steps = (layers - 1 + 2) / 4;
  return layers - 1 - (steps > 0 ? steps : 1);
}

/* --- turns ------------------------------------------------------------------------------------ */

/* One step stands in two second differences: of fewer than eight layers they are no ripple. 1.652 =
 * 0.6745 * sqrt(6): the median of |second differences| of independent normal layers, in their
 * deviations. */
static double ripple_of(const double *y, int layers) {
  double bend[CURVE_MOST];
  if (layers < 8) return 0;
  for (int l = 1; l + 1 < layers; l++) bend[l - 1] = fabs(y[l - 1] - 2 * y[l] + y[l + 1]);
  return quantile_of(bend, (size_t)layers - 2, 0.5) / 1.652;
}

/* A curve taken as going up and down by at least `least` each time. */
typedef struct Course {
  int moves; /* ups and downs, in turn */
  bool up;   /* the first of them */
  int turn;  /* the layer where the first ends, in a curve of more than one */
} Course;

static Course course_of(const double *y, int layers, double least) {
  Course c = {0};
  int high = 0, low = 0, direction = 0;
  for (int l = 1; l < layers; l++) {
    if (y[l] > y[high]) high = l;
    if (y[l] < y[low]) low = l;
    bool rises = direction <= 0 && y[l] - y[low] >= least,
         falls = direction >= 0 && y[high] - y[l] >= least;
    if (!rises && !falls) continue;
    if (c.moves == 0) c.up = rises;
    if (c.moves == 1) c.turn = rises ? low : high;
    c.moves++;
    direction = rises ? 1 : -1;
    high = low = l;
  }
  return c;
}

/* --- a rise ----------------------------------------------------------------------------------- */

static double median_of(const double *y, int first, int end) {
  double value[3];
  int count = 0;
  for (int l = first; l < end; l++) value[count++] = y[l];
  return quantile_of(value, (size_t)count, 0.5);
}

static double step_into(const double *y, int layers, int layer) {
  return layer < 1 || layer >= layers ? 0 : y[layer] - y[layer - 1];
}

static bool jumps_at(const double *y, int layers, int at, const DriftLimits *limits) {
  double step = step_into(y, layers, at), least = limits->step_share * (y[layers - 1] - y[0]);
  double beside = fmax(0, fmax(step_into(y, layers, at - 1), step_into(y, layers, at + 1)));
  double before = median_of(y, at > 3 ? at - 3 : 0, at),
         after = median_of(y, at, at + 3 < layers ? at + 3 : layers);
  return step >= log(limits->jump) && step - beside > least && after - before > least;
}

static Shape rise_of(const double *y, int layers, const DriftLimits *limits) {
  int at = curve_step(y, layers), settled = curve_settled(y, layers, limits->settle);
  if (jumps_at(y, layers, at, limits)) return (Shape){SHAPE_JUMPS, at};
  if (layers - 1 - settled >= limits->plateau * (layers - 1))
    return (Shape){SHAPE_SATURATES, settled};
  return (Shape){SHAPE_ACCUMULATES, -1};
}

double curve_turn(const double *y, int layers, const DriftLimits *limits, double noise) {
  assert(layers >= CURVE_LEAST && layers <= CURVE_MOST);
  double ripple = ripple_of(y, layers), own = ripple * ripple - noise * noise;
  return fmax(log(limits->turn), own > 0 ? limits->ripple * sqrt(own) : 0);
}

Shape curve_shape(const double *y, int layers, const DriftLimits *limits, double turn) {
  double low = y[0], high = y[0], whole = y[layers - 1] - y[0];
  for (int l = 1; l < layers; l++) low = fmin(low, y[l]), high = fmax(high, y[l]);
  if (high - low <= log(limits->flat)) return (Shape){SHAPE_FLAT, -1};
  Course course = course_of(y, layers, turn);
  if (course.moves == 1 && course.up && whole >= turn) return rise_of(y, layers, limits);
  if (course.moves == 1 && !course.up && whole <= -turn) return (Shape){SHAPE_FALLS, -1};
  if (course.moves == 2 && course.up && y[course.turn] - y[0] >= turn &&
      y[course.turn] - y[layers - 1] >= turn)
    return (Shape){SHAPE_RISES_FALLS, course.turn};
  return (Shape){SHAPE_MIXED, -1};
}
