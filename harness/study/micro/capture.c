/* capture: that the operator alone then gives the full run's bits is checked for every capture. */
#include "study/micro/capture.h"

#include <assert.h>

static Tensor room(Arena *arena, Format format, int rows, int cols, float scale) {
  return tensor_of(arena_alloc(arena, (size_t)rows * (size_t)cols, format_size(format)), format,
                   rows, cols, scale);
}

/* --- operators -------------------------------------------------------------------------------- */

/* The operator whose calls are looked for; of a function of one number, the one that calls it. */
static OpKind kind_of(MicroOp op) {
  static const OpKind kind[MICRO_OPS] = {
      [MICRO_CONV1D] = OP_CONV1D,   [MICRO_SCAN] = OP_SCAN,         [MICRO_LINEAR] = OP_LINEAR,
      [MICRO_RMSNORM] = OP_RMSNORM, [MICRO_HADAMARD] = OP_HADAMARD, [MICRO_EXP] = OP_SCAN,
      [MICRO_SILU] = OP_CONV1D,     [MICRO_SOFTPLUS] = OP_SCAN};
  return kind[op];
}

static MicroSetting setting_of(const Call *call) {
  MicroSetting s = {.in = call->in[IN_X].format, .out = call_output(call)->format};
  if (call->kind == OP_RMSNORM) s.in = FORMAT_F32;
  if (call->kind == OP_SCAN) s.rest = call->in[SCAN_DT].format, s.order = call->order;
  return s;
}

/* The weight of a linear, row-major again, out of its panels. */
static Tensor unpacked(Arena *arena, const Linear *w) {
  Tensor rows = room(arena, w->format, w->out, w->in, w->format == FORMAT_I8 ? w->scale : 0);
  for (int row = 0; row < w->out; row++)
    linear_unpack(w, row, (char *)rows.data + (size_t)row * (size_t)w->in * format_size(w->format));
  return rows;
}

static void capture_call(Arena *arena, const Call *call, Capture *c) {
  const OpInfo *info = &op_info[call->kind];
  float scale = 0;
  c->o.setting = setting_of(call);
  c->o.eps = call->eps;
  for (int i = 0; i < info->ins; i++) c->o.in[i] = call->in[i];
  if (call->kind == OP_LINEAR) c->o.in[WEIGHT] = unpacked(arena, &call->linear);
  for (int i = 0; i < info->outs; i++) {
    c->in_run[i] = call->out[i];
    if (call->out[i]->format == FORMAT_I8) scale = call->out[i]->scale.value;
  }
  operator_prepare(arena, &c->o, scale);
  if (call->kind == OP_LINEAR) c->o.out[0].name = call_name(call);
}

/* --- functions of one number ------------------------------------------------------------------ */

static Tensor as_f32(Arena *arena, const Tensor *x) {
  if (x->format == FORMAT_F32) return *x;
  Tensor t = room(arena, FORMAT_F32, x->rows, x->cols, 0);
  dequantise(x, &t);
  return t;
}

/* The scan's arguments, each computed as the scan does: exp of delta A, of channel e at state e mod
 * N; softplus of dt + bias. */
static Tensor argument(Arena *arena, MicroOp op, const Call *scan) {
  const Tensor *delta = scan->out[0];
  Tensor x = room(arena, FORMAT_F32, delta->rows, delta->cols, 0);
  Tensor dt = as_f32(arena, &scan->in[SCAN_DT]), bias = as_f32(arena, &scan->in[SCAN_BIAS]);
  Tensor A_log = as_f32(arena, &scan->in[SCAN_A_LOG]);
  const size_t N = (size_t)A_log.cols, cols = (size_t)x.cols;
  for (size_t i = 0; i < (size_t)x.rows * cols; i++) {
    size_t e = i % cols;
    float A = scan_A(((const float *)A_log.data)[e * N + e % N]);
    ((float *)x.data)[i] = op == MICRO_EXP
                               ? ((const float *)delta->data)[i] * A
                               : ((const float *)dt.data)[i] + ((const float *)bias.data)[e];
  }
  return x;
}

static void capture_function(Arena *arena, const Call *call, Capture *c) {
  if (c->o.op == MICRO_SILU) {
    const Tensor *silu = call->out[1];
    c->o.in[X] = *call->out[0];
    if (silu->format == FORMAT_F32) c->in_run[0] = silu;
  } else {
    c->o.in[X] = argument(arena, c->o.op, call);
    if (c->o.op == MICRO_SOFTPLUS) c->in_run[0] = call->out[0];
  }
  operator_prepare(arena, &c->o, 0);
}

int micro_capture(Arena *arena, MicroOp op, const Watch *watch, Capture list[CAPTURES_MAX]) {
  int count = 0;
  for (int i = 0; i < watch->count; i++) {
    const Call *call = &watch->seen[i].call;
    if (call->kind != kind_of(op)) continue;
    assert(count < CAPTURES_MAX);
    Capture *c = &list[count++];
    *c = (Capture){.o = {.op = op}};
    if (op >= MICRO_EXP)
      capture_function(arena, call, c);
    else
      capture_call(arena, call, c);
  }
  return count;
}
