#include "source/repair.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>

#include "kernels/f16.h"

/* A value that an address stands for. */
struct Held {
  const char *at;
  OpKind reader;
  float value;
  Held *next;
};

/* One met by a call, in the coordinates of the tensor that it reads. */
typedef struct Met {
  int row, col;
  float value;
  bool alone; /* its reader's: memory has another value */
  int order;
} Met;

typedef struct MetAll {
  Met *met;
  int count;
} MetAll;

/* --- one element ------------------------------------------------------------------------------ */

static size_t index_of(const Tensor *t, int row, int col) {
  return (size_t)row * (size_t)t->stride + (size_t)col;
}

static char *address(const Tensor *t, int row, int col) {
  return (char *)t->data + index_of(t, row, col) * format_size(t->format);
}

static float value_of(const Tensor *t, int row, int col) {
  size_t i = index_of(t, row, col);
  switch (t->format) {
    case FORMAT_I8: return dq(((const int8_t *)t->data)[i], t->scale.value);
    case FORMAT_F16: return f32_of_f16(((const uint16_t *)t->data)[i]);
    default: return ((const float *)t->data)[i];
  }
}

void repair_write(Tensor *t, int row, int col, float value) {
  size_t i = index_of(t, row, col);
  switch (t->format) {
    case FORMAT_I8: ((int8_t *)t->data)[i] = q8_even(value, t->scale.value); break;
    case FORMAT_F16: ((uint16_t *)t->data)[i] = f16_of(value); break;
    default: ((float *)t->data)[i] = value; break;
  }
}

/* An int8 zero has no sign. */
static bool is_value(const Tensor *t, int row, int col, float value) {
  float has = value_of(t, row, col);
  return bits_of_f32(has) == bits_of_f32(value) || (t->format == FORMAT_I8 && has == value);
}

/* --- what is held ----------------------------------------------------------------------------- */

static bool holds(const RepairOps *r, const char *at) {
  for (const Held *h = r->held; h; h = h->next)
    if (h->at == at) return true;
  return false;
}

static void set(RepairOps *r, Tensor *t, int row, int col, float value, OpKind reader) {
  const char *at = address(t, row, col);
  if (is_value(t, row, col, value) && !holds(r, at)) return;
  Held *held = ARENA_NEW(&r->memory, Held, 1);
  *held = (Held){at, reader, value, r->held};
  r->held = held;
  if (reader == OP_COUNT) repair_write(t, row, col, value);
}

static bool meets(const Held *h, const Tensor *t, OpKind kind, Met *met) {
  const char *data = t->data;
  size_t size = format_size(t->format), row_bytes = (size_t)t->stride * size;
  if (!data || h->at < data || (h->reader != OP_COUNT && h->reader != kind)) return false;
  size_t offset = (size_t)(h->at - data), row = offset / row_bytes, col = offset % row_bytes / size;
  *met = (Met){.row = (int)row, .col = (int)col, .value = h->value, .alone = h->reader != OP_COUNT};
  return row < (size_t)t->rows && col < (size_t)t->cols;
}

/* In the order in which they apply, the last one of a place being the one that counts: held for all
 * readers before held for this one, earlier before later. */
static MetAll met_by(const RepairOps *r, const Tensor *t, OpKind kind, Arena *arena) {
  MetAll all = {0};
  int alone = 0, place[2];
  Met met;
  for (const Held *h = r->held; h; h = h->next)
    if (meets(h, t, kind, &met)) all.count++, alone += met.alone;
  all.met = ARENA_NEW(arena, Met, all.count);
  place[true] = all.count,
  place[false] = all.count - alone; /* filled from their ends: the list begins with the last */
  for (const Held *h = r->held; h; h = h->next)
    if (meets(h, t, kind, &met)) {
      met.order = --place[met.alone];
      all.met[met.order] = met;
    }
  return all;
}

/* --- int8 sums made again --------------------------------------------------------------------- */

static int by(int a, int b) { return (a > b) - (a < b); }

static int by_row(const void *a, const void *b) {
  const Met *x = a, *y = b;
  return x->row != y->row ? by(x->row, y->row) : by(x->order, y->order);
}

static int by_col(const void *a, const void *b) {
  const Met *x = a, *y = b;
  return x->col != y->col ? by(x->col, y->col) : by(x->order, y->order);
}

/* What an int8 sum takes: the code, or x / s. */
static double code_of(float value, float scale) {
  int8_t q = q8_even(value, scale);
  return dq(q, scale) == value ? q : (double)value / (double)scale;
}

static void codes_of_row(const Tensor *x, int row, const Met *met, int count, double *code) {
  const int8_t *from = (const int8_t *)x->data + index_of(x, row, 0);
  for (int k = 0; k < x->cols; k++) code[k] = from[k];
  for (int i = 0; i < count; i++) code[met[i].col] = code_of(met[i].value, x->scale.value);
}

static void store(Tensor *y, int row, int col, float value, bool half_away) {
  if (y->format == FORMAT_I8 && half_away)
    ((int8_t *)y->data)[index_of(y, row, col)] = q8_away(value, y->scale.value);
  else
    repair_write(y, row, col, value);
}

/* Row `row` of y = x W^T, x being `code` in units of its scale. Returns how many NaNs q8 met. */
static int linear_row(const Linear *w, const double *code, float scale_x, int row, Tensor *y,
                      Arena scratch) {
  int nans = 0;
  const float scale = scale_x * w->scale; /* as linear_dequantise has it */
  int8_t *weights = ARENA_NEW(&scratch, int8_t, (size_t)omp_get_max_threads() * (size_t)w->in);
#pragma omp parallel for reduction(+ : nans)
  for (int j = 0; j < w->out; j++) {
    int8_t *weight = weights + (size_t)omp_get_thread_num() * (size_t)w->in;
    double sum = 0;
    linear_unpack(w, j, weight);
    for (int k = 0; k < w->in; k++) sum += code[k] * (double)weight[k];
    float value = (float)sum * scale;
    store(y, row, j, value, false);
    nans += y->format == FORMAT_I8 && value != value;
  }
  return nans;
}

static void linear_again(const Call *call, MetAll all, Arena scratch) {
  const Tensor *x = &call->in[IN_X];
  double *code = ARENA_NEW(&scratch, double, x->cols);
  if (all.count) qsort(all.met, (size_t)all.count, sizeof *all.met, by_row);
  for (int i = 0, end; i < all.count; i = end) {
    for (end = i; end < all.count && all.met[end].row == all.met[i].row;) end++;
    codes_of_row(x, all.met[i].row, all.met + i, end - i, code);
    call->out[0]->nans +=
        linear_row(&call->linear, code, x->scale.value, all.met[i].row, call->out[0], scratch);
  }
}

/* Before SiLU, at (row, col); code [T] of that channel. */
static float conv1d_value(const Conv1d *w, const double *code, float scale_x, int row, int col) {
  const int8_t *weight = (const int8_t *)w->weight + (size_t)col * (size_t)w->K;
  float bias = dq(((const int8_t *)w->bias)[col], w->bias_scale);
  double acc = 0;
  for (int k = 0; k < w->K; k++) {
    int from = row - w->K + 1 + k;
    if (from < 0) continue;
    acc += code[from] * (double)weight[k];
    if (w->acc != PRECISION_F32) acc = narrow32((float)acc, w->acc);
  }
  return conv1d_value_i8((float)acc, w->weight_scale * scale_x, bias);
}

/* What the convolution makes of one channel's tokens first … end - 1. */
static void conv1d_tokens(const Conv1d *w, const double *code, float scale_x, int first, int end,
                          int col, Tensor *pre, Tensor *silu) {
  for (int t = first; t < end; t++) {
    float was = silu32(value_of(pre, t, col)), value = conv1d_value(w, code, scale_x, t, col),
          v = silu32(value);
    store(pre, t, col, value, false);
    store(silu, t, col, v, true);
    if (silu->format == FORMAT_I8) silu->nans += (v != v) - (was != was);
  }
}

static void conv1d_again(const Call *call, MetAll all, Arena scratch) {
  const Tensor *x = &call->in[IN_X];
  const Conv1d w = call_conv1d(call);
  double *code = ARENA_NEW(&scratch, double, x->rows);
  if (all.count) qsort(all.met, (size_t)all.count, sizeof *all.met, by_col);
  for (int i = 0, end; i < all.count; i = end) {
    const int col = all.met[i].col;
    for (int t = 0; t < x->rows; t++) code[t] = ((const int8_t *)x->data)[index_of(x, t, col)];
    for (end = i; end < all.count && all.met[end].col == col; end++)
      code[all.met[end].row] = code_of(all.met[end].value, x->scale.value);
    for (int m = i; m < end; m++) {
      int first = all.met[m].row, last = x->rows - first < w.K ? x->rows : first + w.K;
      conv1d_tokens(&w, code, x->scale.value, first, last, col, call->out[0], call->out[1]);
    }
  }
}

/* --- calls ------------------------------------------------------------------------------------ */

bool repair_is_conversion(OpKind kind) {
  return kind == OP_QUANTISE || kind == OP_QUANTISE_DYNAMIC || kind == OP_DEQUANTISE ||
         kind == OP_NARROW;
}

static bool sums_codes(const Call *call, int in) {
  return in == IN_X && call->in[in].format == FORMAT_I8 &&
         (call->kind == OP_LINEAR || call->kind == OP_CONV1D);
}

/* Whether memory lacks any of these values. */
static bool lacks(const Tensor *t, MetAll all) {
  bool lacks = t->format != FORMAT_F32 && all.count > 0;
  for (int i = 0; i < all.count; i++) lacks |= all.met[i].alone;
  return lacks;
}

static Tensor as_float(const Tensor *t, MetAll all, Arena *arena) {
  float *data = arena_room(arena, tensor_elements(t), sizeof *data);
  Tensor wide = tensor_of(data, FORMAT_F32, t->rows, t->cols, 0);
  dequantise(t, &wide);
  for (int i = 0; i < all.count; i++)
    repair_write(&wide, all.met[i].row, all.met[i].col, all.met[i].value);
  return wide;
}

/* The call once more on what memory lacks; its outputs stay signed as they were. */
static void run_again(const RepairOps *r, const Call *call, const MetAll all[CALL_INS],
                      Arena scratch) {
  Call again = *call;
  const char *signature[CALL_OUTS];
  const int outs = op_info[call->kind].outs;
  bool wanted = false;
  for (int i = 0; i < op_info[call->kind].ins; i++) {
    if (sums_codes(call, i) || !lacks(&call->in[i], all[i])) continue;
    again.in[i] = as_float(&call->in[i], all[i], &scratch);
    wanted = true;
  }
  if (!wanted) return;
  for (int i = 0; i < outs; i++) signature[i] = call->out[i]->kernel;
  r->behind->run(r->behind->context, &again);
  for (int i = 0; i < outs; i++) call->out[i]->kernel = signature[i];
}

static void hand_on(RepairOps *r, const Call *call, MetAll all) {
  for (int i = 0; i < all.count; i++)
    set(r, call->out[0], all.met[i].row, all.met[i].col, all.met[i].value, OP_COUNT);
}

/* The elements of what a call made, or of `before`. */
static void set_all(RepairOps *r, int number, Tensor *const *made) {
  for (int i = 0; i < r->count; i++) {
    const RepairElement *e = &r->element[i];
    if (e->call == number) set(r, made[e->out], e->row, e->col, e->value, e->reader);
  }
}

static void run(void *context, Call *call) {
  RepairOps *r = context;
  Arena scratch = r->scratch;
  MetAll all[CALL_INS] = {0};
  for (int i = 0; i < op_info[call->kind].ins; i++)
    all[i] = met_by(r, &call->in[i], call->kind, &scratch);
  r->behind->run(r->behind->context, call);
  if (repair_is_conversion(call->kind))
    hand_on(r, call, all[IN_X]);
  else
    run_again(r, call, all, scratch);
  if (sums_codes(call, IN_X))
    (call->kind == OP_LINEAR ? linear_again : conv1d_again)(call, all[IN_X], scratch);
  set_all(r, r->calls++, call->out);
}

const Ops *repair_start(RepairOps *r, const Ops *behind, Tensor *before) {
  assert(!behind->clear); /* on the CPU */
  r->held = NULL;
  r->calls = 0;
  r->behind = behind;
  r->ops = (Ops){.backend = behind->backend, .context = r, .run = run};
  set_all(r, REPAIR_BEFORE, &before);
  return &r->ops;
}
