/* weights: a model's weights as its sides run them: in float64 as the reference does; rounded to
 * float32, packed, and quantised once, as the modes do; with the static activation scales of each
 * layer. Each is found by its index in the family's table. A layer's weights stand while whoever
 * filled them (model/layers.h) holds that layer, in the forms that were asked for. */
#ifndef DS_FAMILY_WEIGHTS_H
#define DS_FAMILY_WEIGHTS_H
#include <stdbool.h>

#include "family/config.h"
#include "family/trace.h"
#include "kernels/linear.h"
#include "kernels/ops.h"
#include "reference/ops64.h"

/* How a weight is prepared. */
typedef enum WeightForm {
  FORM_LINEAR, /* a projection: packed, in float32 and int8 */
  FORM_VALUES, /* row-major, in float32 and int8; zeros where the checkpoint has none */
  FORM_GAIN    /* of a norm: float32 alone; data NULL where it is folded */
} WeightForm;

/* What made weights are filled with: model/synth.h. */
typedef enum WeightFill {
  FILL_ONE,
  FILL_UNIFORM,
  FILL_NORMAL,
  FILL_A_LOG,
  FILL_DT_BIAS
} WeightFill;

typedef struct WeightInfo {
  const char *name; /* in the checkpoint, behind the layer's prefix: "mixer.in_proj.weight" */
  int rank,
      shape[3]; /* dimensions of the family, in torch's order: [out, in], [channels, 1, taps] */
  WeightForm form;
  int stage,
      whole; /* int8 under modes that set this stage to anything but `whole`; ABSENT: never */
  int gain; /* rewritten: the weight of the same table that is folded into its columns, or ABSENT */
  bool rotate_in;    /* rewritten: the last dimension is rotated, */
  bool rotate_out;   /* and the first */
  bool of_conv_bias; /* not in the checkpoint where config.json has use_conv_bias false */
  WeightFill fill;
  int inputs;      /* FILL_UNIFORM: within 1 / sqrt of this dimension */
  bool deep;       /* and of the number of layers */
  double outliers; /* factor of a few rows; 0: none */
} WeightInfo;

/* In which forms a layer's weights are asked for; bit w is the family's weight w. */
typedef struct Forms {
  bool f64;
  unsigned f32, i8;
  bool head, head64; /* of the last layer: the packed head; the head in float64 */
} Forms;

/* Rows of the embedding and of the head in float64, rewritten as all else; nobody holds these
 * matrices whole. Any number of threads may ask. */
typedef struct EndRows {
  const void *context;
  /* end: END_EMBEDDING or END_HEAD; rows first … first + rows - 1 into out [rows, D]. */
  void (*take)(const void *context, int end, int first, int rows, double *out);
} EndRows;

/* The weights in float64, rewritten or as they stand in the checkpoint. */
typedef struct Weights64 {
  const Ops64 *ops; /* of the backend whose memory the weights are in */
  Config config;
  bool hadamard;        /* the stream and a block's last projection are rotated: model/rewrite.h */
  const double *norm_f; /* NULL where it is folded */
  EndRows ends;
  const double *head; /* [vocab, D] where it stands whole, as on a device; NULL: `ends` makes
                       * rows */
  const double *(*layer)[WEIGHTS_MOST]; /* [layers], by the family's table; NULL: folded, or not in
                                           the checkpoint */
} Weights64;

/* A weight in one number format. */
typedef struct Prepared {
  Linear linear; /* FORM_LINEAR */
  Tensor values; /* every other form */
} Prepared;

typedef struct ModelLayer {
  Prepared f32[WEIGHTS_MOST], i8[WEIGHTS_MOST];
} ModelLayer;

/* Static activation scales of a layer; 0 until calibrated. */
typedef struct LayerScales {
  float scale[SCALES_MOST];
  double statistic[SCALES_MOST];
} LayerScales;

typedef struct Model {
  const Ops *ops; /* of the backend whose memory the weights are in */
  Config config;
  int D, layers, vocab; /* as config says */
  float eps;
  bool hadamard;
  EndRows ends;
  const float *norm_f; /* gain; NULL where it is folded, and so are all other gains */
  Linear head;
  ModelLayer *layer;   /* [layers] */
  LayerScales *scales; /* [layers] */
} Model;

#endif
