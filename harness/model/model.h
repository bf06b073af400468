/* model: a checkpoint as the modes run it: rewritten weights rounded to float32, packed, and quantised once, with the
 * static activation scales of each layer. Everything lives in the arena that built it. */
#ifndef DS_MODEL_MODEL_H
#define DS_MODEL_MODEL_H
#include "base/arena.h"
#include "kernels/conv1d.h"
#include "kernels/linear.h"
#include "kernels/ops.h"
#include "model/checkpoint.h"
#include "model/trace.h"
#include "reference/model64.h"

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

/* Refuses input widths whose int8 sums could overflow. */
bool model_build(Arena *arena, const Model64 *weights, Model *model, Status *st);
/* Bytes that model_build takes. */
size_t model_bytes(const Config *config);
/* scale = (float)(max(statistic, 1e-5) / 127): for weights and activations alike. */
float scale_of(double statistic);
/* The width of a dimension in this model; 0 for the token dimension. */
int model_dim(const Model *model, Dim dim);

#endif
