/* capture: what block.c hands to each operator, taken from the trace by a second hand; that the operator alone then
 * gives the full run's bits is checked for every capture. */
#include "study/micro/capture.h"

#include <string.h>

#include "kernels/math32.h"
#include "kernels/q8.h"
#include "model/model.h"

typedef struct Captured {
  Arena *arena;
  const Subject *subject;
  const Mode *mode;
  const Trace *trace;
  int index; /* of the layer */
  const ModelLayer *layer;
} Captured;

static Tensor room(const Captured *s, Type type, int rows, int cols, float scale) {
  return tensor_of(arena_alloc(s->arena, (size_t)rows * (size_t)cols, type_size(type)), type, rows, cols, scale);
}

/* x at the type that the operator takes: requantised half to even, dequantised, or as it is. */
static Tensor as_type(const Captured *s, const Tensor *x, Type type, float scale) {
  if (x->type == type) return *x;
  Tensor t = room(s, type, x->rows, x->cols, type == TYPE_I8 ? scale : 0);
  if (type == TYPE_I8)
    quantise(x, ROUND_EVEN, &t);
  else
    dequantise(x, &t);
  return t;
}

static void finish(const Captured *s, Capture *c) {
  float scale = 0;
  for (int i = 0; i < OPERATOR_OUTPUTS; i++)
    if (c->in_run[i] && c->in_run[i]->type == TYPE_I8) scale = c->in_run[i]->scale;
  operator_prepare(s->arena, &c->o, scale);
}

static const Tensor *traced(const Captured *s, TensorId id) { return &s->trace->t[id]; }

static void capture_conv1d(const Captured *s, Capture *c) {
  const Config *m = &s->subject->model.config;
  const Prepared *w = s->mode->setting[STAGE_CONV_IN] == CONV_IN_F32 ? s->layer->f32 : s->layer->i8;
  Tensor x = tensor_columns(traced(s, T_IN_PROJ), 0, m->E);
  if (s->mode->setting[STAGE_CONV_IN] == CONV_IN_I8_DYNAMIC) {
    Tensor dynamic = room(s, TYPE_I8, x.rows, x.cols, 0);
    quantise_dynamic(&x, &dynamic);
    x = dynamic;
  }
  c->o.in[X] = x;
  c->o.in[WEIGHT] = w[W_CONV].values;
  c->o.in[BIAS] = w[W_CONV_BIAS].values;
  c->in_run[0] = traced(s, T_CONV1D);
  c->in_run[1] = traced(s, T_CONV1D_SILU);
  finish(s, c);
  if (s->mode->setting[STAGE_CONV_OUT] == CONV_OUT_F32_GRID) c->o.out[1].got.scale = s->layer->scale[S_U];
}

static void capture_scan(const Captured *s, Capture *c) {
  const Config *m = &s->subject->model.config;
  const Type rest = c->o.setting.rest;
  const Prepared *w = rest == TYPE_I8 ? s->layer->i8 : s->layer->f32;
  Tensor z = tensor_columns(traced(s, T_IN_PROJ), m->E, m->E);
  Tensor *in = c->o.in;
  in[SCAN_U] = *traced(s, T_SCAN_IN);
  in[SCAN_DT] = *traced(s, T_DT_PROJ);
  in[SCAN_B] = tensor_columns(traced(s, T_X_PROJ), m->R, m->N);
  in[SCAN_C] = tensor_columns(traced(s, T_X_PROJ), m->R + m->N, m->N);
  in[SCAN_Z] = as_type(s, &z, rest, s->layer->scale[S_XZ]);
  in[SCAN_A_LOG] = w[W_A_LOG].values;
  in[SCAN_D] = w[W_D].values;
  in[SCAN_BIAS] = w[W_DT_BIAS].values;
  static const TensorId out[] = {T_DELTA, T_SCAN, T_GATED, T_SSM_STATE};
  for (int i = 0; i < 4; i++) c->in_run[i] = traced(s, out[i]);
  finish(s, c);
}

/* The model keeps its weights packed: here they are rounded and quantised once more from float64, as model_build does.
 */
static void capture_linear(const Captured *s, int index, Tensor x, TensorId out, Capture *c) {
  const double *weight = s->subject->weights.layer[s->index][index];
  const Linear *w = &(x.type == TYPE_I8 ? s->layer->i8 : s->layer->f32)[index].linear;
  Tensor rounded = room(s, TYPE_F32, w->out, w->in, 0);
  for (size_t i = 0; i < (size_t)w->out * (size_t)w->in; i++) ((float *)rounded.data)[i] = (float)weight[i];
  c->o.setting = (MicroSetting){.in = x.type, .out = traced(s, out)->type};
  c->o.in[X] = x;
  c->o.in[WEIGHT] = as_type(s, &rounded, w->type, w->scale);
  c->in_run[0] = traced(s, out);
  finish(s, c);
  c->o.out[0].name = tensor_info[out].name;
}

static int capture_linears(const Captured *s, Capture list[CAPTURES_MAX]) {
  const bool w8a8 = s->mode->setting[STAGE_LINEARS] == LINEARS_W8A8;
  Tensor dt = tensor_columns(traced(s, T_X_PROJ), 0, s->subject->model.config.R);
  dt = as_type(s, &dt, w8a8 ? TYPE_I8 : TYPE_F32, s->layer->scale[S_DBC]);
  capture_linear(s, W_IN_PROJ, *traced(s, T_NORM), T_IN_PROJ, &list[0]);
  capture_linear(s, W_X_PROJ, *traced(s, T_X_PROJ_IN), T_X_PROJ, &list[1]);
  capture_linear(s, W_DT_PROJ, dt, T_DT_PROJ, &list[2]);
  capture_linear(s, W_OUT_PROJ, *traced(s, T_OUT_PROJ_IN), T_OUT_PROJ, &list[3]);
  return 4;
}

/* The functions' arguments, each computed as the operator that calls it does: exp of delta A, of channel e at state
 * e mod N; softplus of dt + bias; silu of conv1d. */
static void capture_function(const Captured *s, Capture *c) {
  const Config *m = &s->subject->model.config;
  const Prepared *w = s->mode->setting[STAGE_SCAN_REST] == SCAN_REST_I8 ? s->layer->i8 : s->layer->f32;
  const Tensor *conv = traced(s, T_CONV1D), *delta = traced(s, T_DELTA);
  Tensor x = *conv;
  if (c->o.op != MICRO_SILU) {
    x = room(s, TYPE_F32, delta->rows, delta->cols, 0);
    Tensor dt = as_type(s, traced(s, T_DT_PROJ), TYPE_F32, 0), bias = as_type(s, &w[W_DT_BIAS].values, TYPE_F32, 0);
    Tensor A_log = as_type(s, &w[W_A_LOG].values, TYPE_F32, 0);
    for (size_t i = 0; i < (size_t)x.rows * (size_t)x.cols; i++) {
      size_t e = i % (size_t)x.cols;
      float A = -exp32(((const float *)A_log.data)[e * (size_t)m->N + e % (size_t)m->N]);
      ((float *)x.data)[i] = c->o.op == MICRO_EXP ? ((const float *)delta->data)[i] * A
                                                  : ((const float *)dt.data)[i] + ((const float *)bias.data)[e];
    }
  }
  c->o.in[X] = x;
  if (c->o.op == MICRO_SOFTPLUS) c->in_run[0] = delta;
  if (c->o.op == MICRO_SILU && s->mode->setting[STAGE_CONV_OUT] == CONV_OUT_F32)
    c->in_run[0] = traced(s, T_CONV1D_SILU);
  operator_prepare(s->arena, &c->o, 0);
}

int micro_capture(Arena *arena, const Subject *subject, MicroOp op, const Mode *mode, int layer, const Trace *trace,
                  Capture list[CAPTURES_MAX]) {
  const Captured s = {arena, subject, mode, trace, layer, &subject->model.layer[layer]};
  MicroSetting setting[CAPTURES_MAX];
  micro_settings(op, mode, setting);
  for (int i = 0; i < CAPTURES_MAX; i++)
    list[i] = (Capture){.o = {.op = op, .setting = setting[0], .eps = subject->model.eps}};
  switch (op) {
    case MICRO_CONV1D: capture_conv1d(&s, list); return 1;
    case MICRO_SCAN: capture_scan(&s, list); return 1;
    case MICRO_LINEAR: return capture_linears(&s, list);
    case MICRO_RMSNORM:
      list->o.in[X] = *traced(&s, T_BLOCK_IN);
      list->o.in[GAIN] = s.layer->f32[W_NORM].values; /* none where it is folded */
      list->in_run[0] = traced(&s, T_NORM);
      finish(&s, list);
      return 1;
    case MICRO_HADAMARD:
      if (!subject->model.hadamard) return 0;
      list->o.in[X] = *traced(&s, T_GATED);
      list->in_run[0] = traced(&s, T_OUT_PROJ_IN);
      finish(&s, list);
      return 1;
    default: capture_function(&s, list); return 1;
  }
}
