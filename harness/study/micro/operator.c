#include "study/micro/operator.h"

#include <string.h>

#include "family/trace.h"
#include "kernels/hadamard.h"
#include "kernels/math32.h"

const char *const micro_op_names[MICRO_OPS + 1] = {"conv1d",   "scan", "linear", "rmsnorm",
                                                   "hadamard", "exp",  "silu",   "softplus"};

int micro_op_of(const char *name) {
  for (int op = 0; op < MICRO_OPS; op++)
    if (!strcmp(micro_op_names[op], name)) return op;
  return -1;
}

/* --- settings --------------------------------------------------------------------------------- */

bool micro_setting_equal(MicroOp op, const MicroSetting *a, const MicroSetting *b) {
  bool scan = op != MICRO_SCAN || (a->rest == b->rest && a->order == b->order);
  return a->in == b->in && a->out == b->out && scan;
}

int micro_calls(MicroOp op, const Family *family, const Mode *mode,
                MicroSetting call[OP_TYPES_MOST]) {
  static const OpKind kind[] = {[MICRO_CONV1D] = OP_CONV1D,
                                [MICRO_SCAN] = OP_SCAN,
                                [MICRO_LINEAR] = OP_LINEAR,
                                [MICRO_RMSNORM] = OP_RMSNORM,
                                [MICRO_HADAMARD] = OP_HADAMARD};
  if (op >= MICRO_EXP) return call[0] = (MicroSetting){0}, 1;
  return family->op_types(mode, kind[op], call);
}

int micro_settings(MicroOp op, const Family *family, const Mode *mode,
                   MicroSetting setting[OP_TYPES_MOST]) {
  MicroSetting call[OP_TYPES_MOST];
  int calls = micro_calls(op, family, mode, call), count = 0;
  for (int i = 0; i < calls; i++) {
    bool met = false;
    for (int j = 0; j < count; j++) met = met || micro_setting_equal(op, &setting[j], &call[i]);
    if (!met) setting[count++] = call[i];
  }
  return count;
}

const char *micro_setting_text(Arena *arena, MicroOp op, const MicroSetting *s) {
  if (op != MICRO_SCAN)
    return arena_printf(arena, "%s->%s", format_name(s->in), format_name(s->out));
  return arena_printf(arena, "u:%s rest:%s %s->%s", format_name(s->in), format_name(s->rest),
                      s->order == SCAN_BLOCKED ? "blocked" : "sequential", format_name(s->out));
}

/* --- outputs ---------------------------------------------------------------------------------- */

static void add_output(Arena *arena, Operator *o, const char *name, Format format, int rows,
                       int cols, float scale) {
  size_t bytes = (size_t)rows * (size_t)cols * format_size(format);
  void *data = memset(arena_alloc(arena, bytes, 1), 0xa5, bytes);
  o->out[o->outs++] = (Output){
      .name = name, .got = tensor_of(data, format, rows, cols, format == FORMAT_I8 ? scale : 0)};
}

void operator_prepare(Arena *arena, Operator *o, float scale) {
  const Tensor *x = &o->in[X];
  const Format out = o->setting.out;
  o->outs = 0;
  switch (o->op) {
    case MICRO_CONV1D:
      add_output(arena, o, "conv1d", FORMAT_F32, x->rows, x->cols, 0);
      add_output(arena, o, "conv1d_silu", out, x->rows, x->cols, scale);
      break;
    case MICRO_SCAN:
      add_output(arena, o, "delta", FORMAT_F32, x->rows, x->cols, 0);
      add_output(arena, o, "scan", FORMAT_F32, x->rows, x->cols, 0);
      add_output(arena, o, "gated", out, x->rows, x->cols, 0);
      add_output(arena, o, "ssm_state", FORMAT_F32, x->cols, o->in[SCAN_A_LOG].cols, 0);
      break;
    case MICRO_LINEAR: {
      const Tensor *w = &o->in[WEIGHT];
      o->panels = arena_alloc(arena, linear_packed_bytes(w->rows, w->cols, w->format), 1);
      add_output(arena, o, "linear", out, x->rows, w->rows, scale);
      break;
    }
    default: add_output(arena, o, micro_op_names[o->op], out, x->rows, x->cols, scale);
  }
}

/* --- running it ------------------------------------------------------------------------------- */

typedef float Function32(float x);
static float exp_32(float x) { return exp32(x); }
static float silu_32(float x) { return silu32(x); }
static float softplus_32(float x) { return softplus32(x); }

/* Always inlined, so that each function gets a loop of its own that vectorises. */
ROOM_FN void apply(Function32 f, const float *x, size_t n, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = f(x[i]);
}
ROOM_CLONES static void apply_exp(const float *restrict x, size_t n, float *restrict y) {
  apply(exp_32, x, n, y);
}
ROOM_CLONES static void apply_silu(const float *restrict x, size_t n, float *restrict y) {
  apply(silu_32, x, n, y);
}
ROOM_CLONES static void apply_softplus(const float *restrict x, size_t n, float *restrict y) {
  apply(softplus_32, x, n, y);
}

static void run_function(MicroOp op, const Tensor *x, Tensor *y) {
  static const char *const witness[] = {"exp32 cpu", "silu32 cpu", "softplus32 cpu"};
#pragma omp parallel for
  for (int r = 0; r < x->rows; r++) {
    const float *from = (const float *)x->data + (size_t)r * (size_t)x->stride;
    float *to = (float *)y->data + (size_t)r * (size_t)y->stride;
    if (op == MICRO_EXP)
      apply_exp(from, (size_t)x->cols, to);
    else if (op == MICRO_SILU)
      apply_silu(from, (size_t)x->cols, to);
    else
      apply_softplus(from, (size_t)x->cols, to);
  }
  y->kernel = witness[op - MICRO_EXP];
}

static void run_scan(const Operator *o, Tensor *const out[OPERATOR_OUTPUTS], Arena scratch) {
  const Tensor *in = o->in;
  Call call = {.kind = OP_SCAN, .order = o->setting.order};
  memcpy(call.in, in, sizeof call.in);
  memcpy(call.out, out, sizeof call.out);
  size_t bytes =
      scan_scratch_bytes(in[SCAN_U].rows, in[SCAN_U].cols, in[SCAN_A_LOG].cols, o->setting.order);
  call.scratch = arena_alloc(&scratch, bytes, 1);
  ops_cpu.run(ops_cpu.context, &call);
}

void operator_run(const Operator *o, Tensor *const out[OPERATOR_OUTPUTS], Arena scratch) {
  const Tensor *in = o->in;
  switch (o->op) {
    case MICRO_CONV1D: {
      Conv1d w = conv1d_weights(&in[WEIGHT], &in[BIAS]);
      op_conv1d(&ops_cpu, &w, &in[X], out[0], out[1]);
      break;
    }
    case MICRO_SCAN: run_scan(o, out, scratch); break;
    case MICRO_LINEAR: {
      const Tensor *w = &in[WEIGHT];
      Linear packed = {.out = w->rows,
                       .in = w->cols,
                       .format = w->format,
                       .scale = w->scale.value,
                       .panels = o->panels};
      op_linear(&ops_cpu, &packed, &in[X], out[0]);
      break;
    }
    case MICRO_RMSNORM: op_rmsnorm(&ops_cpu, &in[X], in[GAIN].data, o->eps, out[0]); break;
    case MICRO_HADAMARD: op_hadamard(&ops_cpu, &in[X], out[0]); break;
    default: run_function(o->op, &in[X], out[0]);
  }
}

void operator_run_own(Operator *o, Arena scratch) {
  Tensor *out[OPERATOR_OUTPUTS];
  for (int i = 0; i < OPERATOR_OUTPUTS; i++) out[i] = &o->out[i].got;
  const Tensor *w = &o->in[WEIGHT];
  if (o->op == MICRO_LINEAR)
    linear_pack(w->data, w->rows, w->cols, w->format, w->scale.value, o->panels);
  operator_run(o, out, scratch);
}

/* --- what float64 makes of it ----------------------------------------------------------------- */

BoundIn operator_bound_in(Arena *arena, const Tensor *t) {
  if (!t->data) return (BoundIn){0};
  double *value = ARENA_NEW(arena, double, (size_t)t->rows *(size_t)t->cols);
  Tensor whole = *t;
  if (t->format == FORMAT_I8) whole.scale.value = 1;
  tensor_values(&whole, value);
  return (BoundIn){value, t->cols, t->format == FORMAT_I8 ? (double)t->scale.value : 0};
}

/* Where the kernel rounds an int8 output half away from zero: the kernels' headers. */
static BoundType bound_type(MicroOp op, Format format) {
  if (format == FORMAT_F32) return BOUND_F32;
  if (format == FORMAT_F16) return BOUND_F16;
  return op == MICRO_CONV1D || op == MICRO_RMSNORM ? BOUND_I8_AWAY : BOUND_I8_EVEN;
}

BoundScan operator_bound_scan(const Operator *o, const BoundIn *in) {
  const Tensor *u = &o->in[SCAN_U];
  ScanChunk chunk = scan_chunk(u->rows);
  bool blocked = o->setting.order == SCAN_BLOCKED;
  return (BoundScan){.T = u->rows,
                     .E = u->cols,
                     .N = o->in[SCAN_A_LOG].cols,
                     .u = in[SCAN_U],
                     .dt = in[SCAN_DT],
                     .z = in[SCAN_Z],
                     .B = in[SCAN_B],
                     .C = in[SCAN_C],
                     .A_log = in[SCAN_A_LOG],
                     .D = in[SCAN_D],
                     .dt_bias = in[SCAN_BIAS],
                     .lanes = blocked ? chunk.lanes : 0,
                     .items = blocked ? chunk.items : 0};
}

void operator_reference(Arena *arena, Operator *o) {
  BoundIn in[OPERATOR_INPUTS];
  for (int i = 0; i < OPERATOR_INPUTS; i++) in[i] = operator_bound_in(arena, &o->in[i]);
  for (int i = 0; i < o->outs; i++) {
    const Tensor *got = &o->out[i].got;
    size_t n = tensor_elements(got);
    BoundOut *ref = &o->out[i].ref;
    *ref = (BoundOut){bound_type(o->op, got->format),
                      (double)got->scale.value,
                      ARENA_NEW(arena, double, n),
                      ARENA_NEW(arena, double, n),
                      NULL,
                      NULL};
    if (got->format != FORMAT_I8) continue;
    ref->low = ARENA_NEW(arena, double, n);
    ref->high = ARENA_NEW(arena, double, n);
  }
  const Tensor *x = &o->in[X], *w = &o->in[WEIGHT];
  const BoundOut *y = &o->out[0].ref;
  Arena scratch = *arena;
  static const BoundFunction function[] = {BOUND_EXP, BOUND_SILU, BOUND_SOFTPLUS};
  switch (o->op) {
    case MICRO_CONV1D:
      bound_conv1d(&in[X], x->rows, x->cols, w->cols, &in[WEIGHT], &in[BIAS], &o->out[0].ref,
                   &o->out[1].ref);
      break;
    case MICRO_SCAN: {
      BoundScan scan = operator_bound_scan(o, in);
      scan.delta = o->out[0].ref;
      scan.y = o->out[1].ref;
      scan.gated = o->out[2].ref;
      scan.state = o->out[3].ref;
      bound_scan(&scan, arena_room(&scratch, bound_scan_room(scan.T), 1));
      break;
    }
    case MICRO_LINEAR: bound_linear(&in[X], x->rows, x->cols, &in[WEIGHT], w->rows, y); break;
    case MICRO_RMSNORM:
      bound_rmsnorm(&in[X], &in[GAIN], (double)o->eps, x->rows, x->cols, y);
      break;
    case MICRO_HADAMARD:
      bound_hadamard(&in[X], x->rows, x->cols, y,
                     arena_room(&scratch, bound_hadamard_room(x->cols), 1));
      break;
    default: bound_scalar(function[o->op - MICRO_EXP], in[X].value, tensor_elements(x), y);
  }
}

static int64_t given_bytes(const Tensor *t) { return t->data ? (int64_t)tensor_bytes(t) : 0; }

int64_t operator_bytes(const Operator *o) {
  int64_t bytes = 0;
  for (int i = 0; i < OPERATOR_INPUTS; i++) bytes += given_bytes(&o->in[i]);
  for (int i = 0; i < o->outs; i++) bytes += given_bytes(&o->out[i].got);
  return bytes;
}
