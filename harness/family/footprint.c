#include "family/footprint.h"

#include "family/witness.h"

/* --- weights --------------------------------------------------------------------------------------------------------
 */

/* `values` weights in `tensors` tensors, int8 with a scale each, or float32. */
static void add_weights(Footprint *f, bool i8, int64_t values, int tensors) {
  f->weight_bytes += values * (i8 ? 1 : 4);
  f->scale_bytes += i8 ? 4 * tensors : 0;
}

static void add_layer(Footprint *f, const Model *m, const ModelLayer *layer, const Mode *mode) {
  int64_t D = m->D, E = m->E, N = m->N, R = m->R, K = m->K;
  add_weights(f, mode->linears == LINEARS_W8A8, 2 * E * D + (R + 2 * N) * E + E * R + D * E, 4);
  add_weights(f, mode->conv_in != CONV_IN_F32, E * K + E, 2);
  add_weights(f, mode->scan_rest == SCAN_REST_I8, E * N + 2 * E, 3);
  if (layer->norm) add_weights(f, false, D, 0);
}

/* The static scales of the layer's int8 tensors, each once. */
static int static_scales(const Mode *mode) {
  bool used[S_COUNT] = {false};
  int count = 0;
  for (TensorId id = 0; id < T_LAYER_COUNT; id++) {
    Type type;
    ScaleId scale = tensor_info[id].scale;
    if (scale == S_NONE || used[scale] || !witness_type(mode, id, &type) || type != TYPE_I8) continue;
    used[scale] = true;
    count++;
  }
  return count;
}

/* --- activations ----------------------------------------------------------------------------------------------------
 */

/* The steps of a layer, in order; a buffer lives from the step that makes it to the last one that reads it. */
typedef enum Step {
  NORM,
  IN_PROJ,
  QUANTISE_X,
  CONV1D,
  QUANTISE_U,
  X_PROJ,
  DT_PROJ,
  SCAN,
  HADAMARD,
  OUT_PROJ,
  RESIDUAL,
  STEPS
} Step;

typedef struct Live {
  int64_t bytes[STEPS]; /* a token, live at each step */
  int64_t total;
} Live;

static void add_buffer(Live *live, int64_t width, Type type, Step first, Step last) {
  int64_t bytes = width * (int64_t)type_size(type);
  live->total += bytes;
  for (int step = (int)first; step <= (int)last; step++) live->bytes[step] += bytes;
}

static Type type_of(const Mode *mode, TensorId id) {
  Type type = TYPE_F32;
  witness_type(mode, id, &type);
  return type;
}

/* The type of an output that a stage sets. bfloat16 is carried in float32 here; it needs no more than float16's two
 * bytes. */
static Type output_type(int setting) { return setting == OUTPUT_F32 ? TYPE_F32 : TYPE_F16; }

/* u and the forms of it that x_proj and the scan take. A form is made where the type differs, once for both if both
 * want it. */
static void add_u(Live *live, const Model *m, const Mode *mode) {
  Type u = type_of(mode, T_CONV1D_SILU), x_proj_in = type_of(mode, T_X_PROJ_IN), scan_in = type_of(mode, T_SCAN_IN);
  Step u_last = scan_in == u ? SCAN : x_proj_in == u ? X_PROJ : QUANTISE_U;
  if (mode->conv_out == CONV_OUT_F32_GRID)
    add_buffer(live, m->E, TYPE_I8, CONV1D, CONV1D); /* dequantised right after */
  add_buffer(live, m->E, u, CONV1D, u_last);
  if (x_proj_in != u) add_buffer(live, m->E, x_proj_in, QUANTISE_U, scan_in == x_proj_in ? SCAN : X_PROJ);
  if (scan_in != u && scan_in != x_proj_in) add_buffer(live, m->E, scan_in, QUANTISE_U, SCAN);
}

static void add_activations(Live *live, const Model *m, const Mode *mode) {
  Type in_proj = type_of(mode, T_IN_PROJ), x_proj = type_of(mode, T_X_PROJ), gated = output_type(mode->gated);
  Type linear_in = mode->linears == LINEARS_W8A8 ? TYPE_I8 : TYPE_F32;
  Type rest = mode->scan_rest == SCAN_REST_I8 ? TYPE_I8 : TYPE_F32;
  add_buffer(live, m->D, TYPE_F32, NORM, RESIDUAL); /* the residual stream */
  add_buffer(live, m->D, type_of(mode, T_NORM), NORM, IN_PROJ);
  add_buffer(live, 2 * m->E, in_proj, IN_PROJ, SCAN); /* z is read by the scan */
  if (mode->conv_in == CONV_IN_I8_DYNAMIC) add_buffer(live, m->E, TYPE_I8, QUANTISE_X, CONV1D);
  add_u(live, m, mode);
  add_buffer(live, m->R + 2 * m->N, x_proj, X_PROJ, SCAN);
  if (x_proj != linear_in) add_buffer(live, m->R, linear_in, DT_PROJ, DT_PROJ);
  add_buffer(live, m->E, type_of(mode, T_DT_PROJ), DT_PROJ, SCAN);
  if (in_proj != rest) add_buffer(live, m->E, rest, SCAN, SCAN); /* z as the scan takes it */
  bool transformed = m->hadamard || gated != linear_in;
  add_buffer(live, m->E, gated, SCAN, transformed ? HADAMARD : OUT_PROJ);
  if (transformed) add_buffer(live, m->E, linear_in, HADAMARD, OUT_PROJ);
  add_buffer(live, m->D, output_type(mode->out_proj), OUT_PROJ, RESIDUAL);
}

Footprint footprint_of(const Model *m, const Mode *mode) {
  Footprint f = {0};
  int64_t D = m->D, E = m->E, N = m->N, K = m->K;
  for (int layer = 0; layer < m->layers; layer++) add_layer(&f, m, &m->layer[layer], mode);
  f.scale_bytes += 4 * (int64_t)static_scales(mode) * m->layers;
  add_weights(&f, false, 2 * m->vocab * D + (m->norm_f ? D : 0), 0);

  Live live = {0};
  add_activations(&live, m, mode);
  f.activation_bytes = live.total;
  for (int step = 0; step < STEPS; step++)
    if (live.bytes[step] > f.peak_activation_bytes) f.peak_activation_bytes = live.bytes[step];

  static const int64_t stored[] = {[INNER_F32] = 4, [INNER_F16] = 2, [INNER_BF16] = 2, [INNER_I8] = 1};
  int64_t conv_in = mode->conv_in == CONV_IN_F32 ? 4 : 1;
  f.state_bytes = m->layers * (E * N * stored[mode->state] + E * (K - 1) * conv_in);
  return f;
}
