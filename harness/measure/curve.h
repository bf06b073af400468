/* curve: which shape a curve over the layers has, by what stands in it alone. Nothing is fitted and
 * no layer is taken for a sample of others: the layers of a model are all that it has.
 *
 * y_l, l = 0 … n-1, is the logarithm of an error. A turn, from rising to falling or back, counts
 * where the curve goes back by at least log `turn`, and by `ripple` times its own ripple: the
 * median of |y_(l-1) - 2 y_l + y_(l+1)|, over 1.652, which for independent layers would be their
 * standard deviation. So smooth curves are read finely, and a rough one is not said to turn at
 * every layer.
 *
 *   flat         no layer is off another by more than the factor `flat`
 *   jumps at k   it rises and does not turn, and the step into k is at least `jump`, exceeds both
 *                neighbouring steps by more than `step_share` of the whole rise, and as much still
 *                stands between the medians of up to three layers before and after: neither one
 *                layer off nor the steep end of a bend is a jump
 *   saturates    it rises and does not turn, and over the share `plateau` of the layers stays
 *                within the share `settle` of its end: at k, the first of those
 *   accumulates  it rises and does not turn otherwise
 *   rises_falls  it rises to its peak at k, turns there and nowhere else
 *   falls        it falls and does not turn
 *   mixed        what is left: it turns more than once, or from falling to rising, or ripples with
 *                no direction */
#ifndef DS_MEASURE_CURVE_H
#define DS_MEASURE_CURVE_H

/* What the words about drift mean: factors, shares and a probability (measure/shape.h). */
typedef struct DriftLimits {
  double flat;   /* all layers within this factor: flat */
  double turn;   /* a fall after a rise, or a rise after a fall, counts from this factor on … */
  double ripple; /* … and from so many times the curve's ripple from layer to layer on */
  double jump;   /* a jump is at least this factor, */
  double step_share; /* and beyond its neighbours by more than this share of all the rise */
  double settle;     /* near its end is a curve within this share of it; */
  double plateau;    /* saturated, where it is so over this share of the layers */
  double agreement;  /* the share of draws of prompts that must have the shape */
  double parting;    /* from this factor between all tokens together and the median token on, single
                        tokens carry it */
} DriftLimits;

typedef enum ShapeKind {
  SHAPE_FLAT,
  SHAPE_ACCUMULATES,
  SHAPE_JUMPS,
  SHAPE_SATURATES,
  SHAPE_RISES_FALLS,
  SHAPE_FALLS,
  SHAPE_MIXED,
  SHAPE_KINDS
} ShapeKind;
extern const char *const shape_names[SHAPE_KINDS]; /* as in the results file */

typedef struct Shape {
  ShapeKind kind;
  int layer; /* of the curve, where the kind has one; else -1 */
} Shape;

/* Layers; of fewer, one step is more than half of the rise whatever it is. */
enum { CURVE_LEAST = 4, CURVE_MOST = 1024 };

/* What a turn of y must come to. `noise`: the standard error of a layer of y; it is taken off the
 * ripple, which then is the model's own. */
double curve_turn(const double *y, int layers, const DriftLimits *limits, double noise);
/* CURVE_LEAST to CURVE_MOST layers. */
Shape curve_shape(const double *y, int layers, const DriftLimits *limits, double turn);

/* The layer of the largest value; the layer that the largest step up leads into, -1 where none goes
 * up; its share of all steps up; the first layer from which on the curve stays within the share
 * `settle` of its end. */
int curve_peak(const double *y, int layers);
int curve_step(const double *y, int layers);
double curve_step_share(const double *y, int layers);
int curve_settled(const double *y, int layers, double settle);
/* The first layer of the last quarter: at least one step long. */
int curve_quarter(int layers);
#endif
