#include "kernels/watch.h"

#include <assert.h>
#include <string.h>

#include "kernels/hadamard.h"

const char *call_name(const Call *call) {
  return call->kind == OP_LINEAR && call->linear.name ? call->linear.name
                                                      : op_info[call->kind].name;
}

const Tensor *call_output(const Call *call) { return call->out[op_info[call->kind].main]; }

/* --- watching --------------------------------------------------------------------------------- */

static void remember(Watch *w, const Call *call) {
  if (!w->seen) return;
  assert(w->count < w->room);
  SeenCall *seen = &w->seen[w->count++];
  seen->call = *call;
  for (int i = 0; i < op_info[call->kind].outs; i++) {
    seen->made[i] = *call->out[i];
    seen->call.out[i] = &seen->made[i];
  }
}

static OpTime *time_of(Watch *w, const char *name) {
  for (int i = 0; i < w->times; i++)
    if (!strcmp(w->time[i].name, name)) return &w->time[i];
  assert(w->times < WATCH_NAMES);
  w->time[w->times] = (OpTime){.name = name};
  return &w->time[w->times++];
}

/* Bytes of weights that every channel has a few of: they are not counted. */
static int64_t vectors(const Call *c) {
  int first = c->kind == OP_SCAN ? SCAN_D : 1,
      end = c->kind == OP_RESIDUAL ? 0 : op_info[c->kind].ins;
  int64_t bytes = 0;
  for (int i = first; i < end; i++)
    if (c->in[i].data)
      bytes += (int64_t)c->in[i].rows * c->in[i].cols * (int64_t)format_size(c->in[i].format);
  return bytes;
}

static void run(void *context, Call *call) {
  Watch *w = context;
  double started_s = w->clock_s ? w->clock_s() : 0;
  w->behind->run(w->behind->context, call);
  if (w->clock_s) {
    double ended_s = w->clock_s();
    OpTime *time = time_of(w, call_name(call));
    time->time_s += ended_s - started_s;
    time->calls++;
    time->bytes += (double)(call_work(call).bytes - vectors(call));
  }
  remember(w, call);
}

static void clear(void *context, void *memory, size_t bytes) {
  const Ops *behind = ((Watch *)context)->behind;
  behind->clear(behind->context, memory, bytes);
}

const Ops *watch_start(Watch *w, const Ops *behind) {
  w->count = w->times = 0;
  w->behind = behind;
  w->ops = (Ops){
      .backend = behind->backend, .context = w, .run = run, .clear = behind->clear ? clear : NULL};
  return &w->ops;
}

OpTime watch_time(const Watch *w, const char *name) {
  for (int i = 0; i < w->times; i++)
    if (!strcmp(w->time[i].name, name)) return w->time[i];
  return (OpTime){.name = name};
}

/* --- what a call costs ------------------------------------------------------------------------ */

/* Float32 instructions, read off kernels/math32.h, q8.h and bf16.h; a division is counted as the 8
 * that it becomes on a device. */
enum {
  EXP = WATCH_EXP_STEPS,
  LOG1P = 36,
  DIVISION = 8,
  SILU = EXP + 1 + DIVISION,
  QUANTISE = DIVISION + 6,
  NARROW = 12
};

static int64_t elements(const Tensor *t) { return (int64_t)t->rows * t->cols; }
static int64_t bytes_of(const Tensor *t) {
  return t->data ? elements(t) * (int64_t)format_size(t->format) : 0;
}

static int hadamard_steps(int n) {
  int factor = hadamard_factor(n), log2_n = 0;
  while (factor << (log2_n + 1) <= n) log2_n++;
  return log2_n + factor;
}

/* Steps for each element of the output; of linear and scan all but those of their sums. */
static int64_t element_steps(const Call *c) {
  switch (c->kind) {
    case OP_RMSNORM: return 2 + DIVISION;
    case OP_CONV1D: return c->in[IN_WEIGHT].cols + SILU;
    case OP_SCAN: return EXP + LOG1P + SILU + 4;
    case OP_HADAMARD: return hadamard_steps(c->in[IN_X].cols);
    case OP_QUANTISE:
    case OP_QUANTISE_DYNAMIC: return QUANTISE;
    case OP_DEQUANTISE:
    case OP_RESIDUAL: return 1;
    case OP_NARROW: return NARROW;
    case OP_EMBEDDING:
    case OP_LINEAR:
    case OP_COUNT: return 0;
  }
  return 0;
}

CallWork call_work(const Call *c) {
  const OpInfo *info = &op_info[c->kind];
  const Tensor *y = call_output(c);
  CallWork work = {0};
  bool quantises =
      y->format == FORMAT_I8 && c->kind != OP_QUANTISE && c->kind != OP_QUANTISE_DYNAMIC;
  for (int i = 0; i < info->ins; i++) work.bytes += bytes_of(&c->in[i]);
  for (int i = 0; i < info->outs; i++) work.bytes += bytes_of(c->out[i]);
  work.float_steps = elements(y) * (element_steps(c) + (quantises ? QUANTISE : 0));
  if (c->kind == OP_EMBEDDING) work.bytes *= 2; /* the rows that it copies */
  if (c->kind == OP_LINEAR) {
    const Linear *w = &c->linear;
    work.bytes += (int64_t)w->out * w->in * (int64_t)format_size(w->format);
    *(w->format == FORMAT_I8 ? &work.i8_macs : &work.float_steps) +=
        (int64_t)y->rows * w->out * w->in;
  }
  if (c->kind == OP_CONV1D) work.exps = elements(y);
  if (c->kind == OP_SCAN) { /* for each state: delta A and its exp, b, h, and the sum of y */
    work.float_steps += elements(y) * c->in[SCAN_A_LOG].cols * (EXP + 4);
    work.exps = elements(y) * (c->in[SCAN_A_LOG].cols + 2); /* softplus, gate */
  }
  return work;
}

void work_add(CallWork *sum, CallWork work, int times) {
  sum->bytes += work.bytes * times;
  sum->float_steps += work.float_steps * times;
  sum->exps += work.exps * times;
  sum->i8_macs += work.i8_macs * times;
}
