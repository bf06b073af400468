/* weights: a model's weights as the modes run them: rounded to float32, packed, and quantised once,
 * with the static activation scales of each layer. model/ fills them; everything lives in the arena that it was given.
 */
#ifndef DS_FAMILY_WEIGHTS_H
#define DS_FAMILY_WEIGHTS_H
#include <stdbool.h>

#include "family/config.h"
#include "family/trace.h"
#include "kernels/conv1d.h"
#include "kernels/linear.h"
#include "kernels/ops.h"

/* A layer's weights in one number format. */
typedef struct LayerWeights {
  Linear in_proj, x_proj, dt_proj, out_proj;
  Conv1d conv;
  Tensor A_log, D, dt_bias; /* of the scan */
} LayerWeights;

typedef struct ModelLayer {
  const float *norm; /* gain, or NULL where it is folded */
  LayerWeights f32, i8;
  float scale[S_COUNT]; /* static activation scales; 0 until calibrated */
  double statistic[S_COUNT];
} ModelLayer;

typedef struct Model {
  const Ops *ops; /* of the backend whose memory the weights are in */
  int D, E, N, R, K, layers, vocab;
  float eps;
  bool hadamard;
  const float *embedding, *norm_f; /* norm_f: gain, or NULL */
  Linear head;
  ModelLayer *layer;
} Model;

/* The width of a dimension in this model; 0 for the token dimension. */
int model_dim(const Model *model, Dim dim);

#endif
