/* weights: a model's weights as the modes run them: rounded to float32, packed, and quantised once, with the static
 * activation scales of each layer. Each is found by its index in the family's table; model/ fills them, from the
 * float64 weights that the reference runs. Everything lives in the arena that it was given. */
#ifndef DS_FAMILY_WEIGHTS_H
#define DS_FAMILY_WEIGHTS_H
#include <stdbool.h>

#include "family/config.h"
#include "family/trace.h"
#include "kernels/linear.h"
#include "kernels/ops.h"

/* How a weight is prepared. */
typedef enum WeightForm {
  FORM_LINEAR, /* a projection: packed, in float32 and int8 */
  FORM_VALUES, /* row-major, in float32 and int8; zeros where the checkpoint has none */
  FORM_GAIN    /* of a norm: float32 alone; data NULL where it is folded */
} WeightForm;

/* What made weights are filled with: model/synth.h. */
typedef enum WeightFill { FILL_ONE, FILL_UNIFORM, FILL_NORMAL, FILL_A_LOG, FILL_DT_BIAS } WeightFill;

typedef struct WeightInfo {
  const char *name;   /* in the checkpoint, behind the layer's prefix: "mixer.in_proj.weight" */
  int rank, shape[3]; /* dimensions of the family, in torch's order: [out, in], [channels, 1, taps] */
  WeightForm form;
  int stage, whole;  /* int8 under modes that set this stage to anything but `whole`; ABSENT: never */
  int gain;          /* rewritten: the weight of the same table that is folded into its columns, or ABSENT */
  bool rotate_in;    /* rewritten: the last dimension is rotated, */
  bool rotate_out;   /* and the first */
  bool of_conv_bias; /* not in the checkpoint where config.json has use_conv_bias false */
  WeightFill fill;
  int inputs;      /* FILL_UNIFORM: within 1 / sqrt of this dimension */
  bool deep;       /* and of the number of layers */
  double outliers; /* factor of a few rows; 0: none */
} WeightInfo;

/* The weights in float64, rewritten or as they stand in the checkpoint; data in an arena. */
typedef struct Weights64 {
  Config config;
  bool hadamard;                        /* the stream and a block's last projection are rotated: model/rewrite.h */
  const double *end[END_COUNT];         /* the norm's is NULL where it is folded */
  const double *(*layer)[WEIGHTS_MOST]; /* [layers], by the family's table; NULL: folded, or not in the checkpoint */
} Weights64;

/* A weight in one number format. */
typedef struct Prepared {
  Linear linear; /* FORM_LINEAR */
  Tensor values; /* every other form */
} Prepared;

typedef struct ModelLayer {
  Prepared f32[WEIGHTS_MOST], i8[WEIGHTS_MOST];
  float scale[SCALES_MOST]; /* static activation scales; 0 until calibrated */
  double statistic[SCALES_MOST];
} ModelLayer;

typedef struct Model {
  const Ops *ops; /* of the backend whose memory the weights are in */
  Config config;
  int D, layers, vocab; /* as config says */
  float eps;
  bool hadamard;
  const float *embedding, *norm_f; /* norm_f: gain, or NULL */
  Linear head;
  ModelLayer *layer;
} Model;

#endif
