/* Cases for the tests of reference/bounds: an operator with its settings, random inputs, the
 * tensors that a kernel (or a broken one) fills, and what the bounds say of them. All in one block
 * of memory that each new case takes over. */
#ifndef DS_TESTS_BOUNDS_CASES_H
#define DS_TESTS_BOUNDS_CASES_H
#include "kernels/conv1d.h"
#include "kernels/f16.h"
#include "kernels/hadamard.h"
#include "kernels/linear.h"
#include "kernels/q8.h"
#include "kernels/rmsnorm.h"
#include "kernels/scan.h"
#include "reference/bounds.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

typedef enum Op {
  OP_EXP,
  OP_LOG1P,
  OP_SOFTPLUS,
  OP_SILU,
  OP_QUANTISE,
  OP_LINEAR,
  OP_RMSNORM,
  OP_HADAMARD,
  OP_CONV1D,
  OP_SCAN,
  OPS
} Op;
static const char *const op_name[OPS] = {"exp",    "log1p",   "softplus", "silu",   "quantise",
                                         "linear", "rmsnorm", "hadamard", "conv1d", "scan"};

typedef enum Dist {
  NORMAL,
  UNIFORM,
  STUDENT,
  OUTLIERS,
  TIES,
  SATURATING,
  DENORMAL,
  ZERO,
  ALTERNATING,
  SLOW_DECAY,
  DISTS
} Dist;
static const char *const dist_name[DISTS] = {"normal",      "uniform",    "Student-t", "outliers",
                                             "ties",        "saturating", "denormal",  "zero",
                                             "alternating", "slow decay"};

enum { MAX_IN = 8, MAX_OUT = 4 };
enum { X, W, BIAS }; /* inputs of linear (x, w), rmsnorm (x, gain), conv1d */
enum { S_U, S_DT, S_B, S_C, S_Z, S_A_LOG, S_D, S_BIAS }; /* of scan */
enum {
  S_DELTA,
  S_Y,
  S_GATED,
  S_STATE,
  C_PRE = 0,
  C_SILU = 1
}; /* outputs of scan and conv1d; the others have one */

typedef struct Case {
  Op op;
  Dist dist;
  int T, n, m; /* n: width of x; m: linear's outputs, conv1d's taps, scan's states */
  bool i8, gain;
  Rounding rounding;
  ScanOrder order;
  float eps;
  int inputs, outputs;
  Tensor in[MAX_IN], out[MAX_OUT];
  BoundOut bound[MAX_OUT];
} Case;

/* --- memory and chance ------------------------------------------------------------------------ */

static _Alignas(64) unsigned char block[48 << 20];
static size_t block_used;

static inline void *take(size_t bytes) {
  void *p = block + block_used;
  block_used += (bytes + 63) / 64 * 64;
  cr_assert(block_used <= sizeof block, "the cases' memory is too small");
  return memset(p, 0x5a, bytes);
}

static uint64_t chance = 1;
static inline uint32_t random_bits(void) {
  chance = chance * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(chance >> 32);
}
static inline int random_below(int n) { return (int)(random_bits() % (uint32_t)n); }
static inline double unit(void) { return (random_bits() + 0.5) * 0x1p-32; }
static inline double normal(void) {
  double radius =
      sqrt(-2 * log(unit())); /* a draw a statement: C does not say which factor is taken first */
  return radius * cos(6.283185307179586 * unit());
}

static inline float draw(Dist dist, double size, int row, int col) {
  switch (dist) {
    case UNIFORM: return (float)(size * (2 * unit() - 1));
    case STUDENT: { /* 2 degrees of freedom */
      double above = normal();
      return (float)(size * above / sqrt(-log(unit())));
    }
    case OUTLIERS: return (float)(size * normal() * (col % 7 == 3 ? 60 : 1));
    case TIES: {
      float tie = (float)(random_below(512) - 256) * 0.5f * (float)size;
      return random_below(2) ? tie : nextafterf(tie, random_below(2) ? 1e9f : -1e9f);
    }
    case SATURATING: return (float)(size * 300 * normal());
    case DENORMAL: {
      uint32_t bits = random_bits();
      return f32_of_bits((bits & 0x7fffffu) >> random_below(24) | (bits & 0x80000000u));
    }
    case ZERO: return 0;
    case ALTERNATING: return (float)(size * ((row + col) % 2 ? -1 : 1) * (1 + 1e-6 * normal()));
    default: return (float)(size * normal());
  }
}

static inline int8_t draw_i8(Dist dist, int row, int col) {
  switch (dist) {
    case UNIFORM: return (int8_t)random_bits();
    case SATURATING: return random_below(2) ? 127 : -128;
    case DENORMAL: return (int8_t)(random_below(3) - 1);
    case ZERO: return 0;
    case ALTERNATING: return (int8_t)((row + col) % 2 ? -127 : 127);
    default:
      return (int8_t)fmax(-128,
                          fmin(127, rint((dist == OUTLIERS && col % 7 != 3 ? 2 : 40) * normal())));
  }
}

/* Half of them powers of two: with those, exact ties come out of exact inputs. */
static inline float random_scale(void) {
  return random_below(2) ? ldexpf(1, -2 - random_below(8)) : (float)exp(-7 + 5 * unit());
}

static inline Tensor empty(Format format, int rows, int cols) {
  size_t bytes = (size_t)rows * (size_t)cols * format_size(format);
  return tensor_of(take(bytes), format, rows, cols, format == FORMAT_I8 ? random_scale() : 0);
}

static inline Tensor drawn(Dist dist, Format format, double size, int rows, int cols) {
  Tensor t = empty(format, rows, cols);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) {
      size_t i = (size_t)r * (size_t)cols + (size_t)c;
      if (format == FORMAT_I8)
        ((int8_t *)t.data)[i] = draw_i8(dist, r, c);
      else if (format == FORMAT_F16)
        ((uint16_t *)t.data)[i] = f16_of(draw(dist, size, r, c));
      else
        ((float *)t.data)[i] = draw(dist, size, r, c);
    }
  return t;
}

/* The number that a kernel wrote or read: of int8 the whole number. */
static inline double element(const Tensor *t, size_t i) {
  return t->format == FORMAT_I8    ? ((const int8_t *)t->data)[i]
         : t->format == FORMAT_F16 ? (double)f32_of_f16(((const uint16_t *)t->data)[i])
                                   : (double)((const float *)t->data)[i];
}

static inline size_t elements(const Tensor *t) { return (size_t)t->rows * (size_t)t->cols; }

/* --- cases ------------------------------------------------------------------------------------ */

static const int hadamard_size[] = {1,  2,  4,  8,  12, 16,  20,  24, 28,
                                    32, 40, 56, 64, 96, 128, 160, 192};

static inline double size_of_inputs(void) { return pow(10, -3 + 4 * unit()); }

/* Where ties come out: the inputs' grid is half of the output's. */
static inline void make_scalar(Case *c) {
  c->T = 1, c->n = 64;
  double size = c->dist == TIES ? 0.25 : c->op == OP_LOG1P ? 1 : 10 * unit();
  c->in[X] = drawn(c->dist, FORMAT_F32, size, 1, c->n);
  for (int i = 0; c->op == OP_LOG1P && i < c->n; i++)
    ((float *)c->in[X].data)[i] = fabsf(((float *)c->in[X].data)[i]);
  c->out[0] = empty(FORMAT_F32, 1, c->n);
  c->inputs = c->outputs = 1;
}

static inline void make_scan(Case *c) {
  static const int lengths[] = {1, 2, 3, 5, 33, 120, 171, 300, 600, 1100, 2100};
  bool i8 = random_below(2), slow = c->dist == SLOW_DECAY;
  int T = c->T = lengths[random_below(20) ? random_below(7) : random_below(11)],
      E = c->n = 1 + random_below(3), N = c->m = 1 + random_below(4);
  Format rest = i8 ? FORMAT_I8 : FORMAT_F32, u = random_below(2) ? FORMAT_I8 : FORMAT_F32;
  double size = c->dist == TIES ? 0.125 : 0.1 + 3 * unit();
  c->order = random_below(2) ? SCAN_BLOCKED : SCAN_SEQUENTIAL;
  c->in[S_U] = drawn(c->dist, u, size, T, E);
  c->in[S_DT] = drawn(c->dist, rest, size, T, E);
  c->in[S_B] = drawn(c->dist, rest, size, T, N);
  c->in[S_C] = drawn(c->dist, rest, size, T, N);
  c->in[S_Z] = drawn(c->dist, rest, size, T, E);
  c->in[S_A_LOG] = drawn(UNIFORM, rest, slow ? 0.01 : 3, E, N);
  c->in[S_D] = drawn(NORMAL, rest, 1, 1, E);
  c->in[S_BIAS] = drawn(NORMAL, rest, slow ? 0.01 : 2, 1, E);
  for (int i = 0; slow && i < E * N; i++) /* a within 1e-4 of 1 */
    if (i8)
      ((int8_t *)c->in[S_A_LOG].data)[i] = -128, c->in[S_A_LOG].scale.value = 0.08f;
    else
      ((float *)c->in[S_A_LOG].data)[i] -= 10;
  c->inputs = 8;
  c->out[S_DELTA] = empty(FORMAT_F32, T, E);
  c->out[S_Y] = empty(FORMAT_F32, T, E);
  c->out[S_GATED] = empty(random_below(2) ? FORMAT_F16 : FORMAT_F32, T, E);
  c->out[S_STATE] = empty(FORMAT_F32, E, N);
  c->outputs = 4;
}

static inline void make_rows(Case *c) {
  double size = size_of_inputs();
  int T = c->T = 1 + random_below(4), n = c->n = 1 + random_below(70);
  switch (c->op) {
    case OP_QUANTISE:
      c->out[0] = empty(FORMAT_I8, T, n);
      c->in[X] = drawn(c->dist, random_below(2) ? FORMAT_F16 : FORMAT_F32,
                       c->out[0].scale.value * (c->dist == TIES ? 1 : 40), T, n);
      c->rounding = random_below(2) ? ROUND_AWAY : ROUND_EVEN;
      c->inputs = 1;
      return;
    case OP_LINEAR:
      c->m = 1 + random_below(20);
      c->i8 = random_below(2);
      c->in[X] = drawn(c->dist, c->i8 ? FORMAT_I8 : FORMAT_F32, size, T, n);
      c->in[W] = drawn(c->dist == ALTERNATING ? UNIFORM : NORMAL, c->i8 ? FORMAT_I8 : FORMAT_F32, 1,
                       c->m, n);
      c->out[0] = empty((Format[]){FORMAT_F32, FORMAT_F16, FORMAT_I8}[random_below(3)], T, c->m);
      c->rounding = ROUND_EVEN;
      c->inputs = 2;
      return;
    case OP_RMSNORM:
      c->in[X] = drawn(c->dist, FORMAT_F32, size, T, n);
      c->in[W] = drawn(NORMAL, FORMAT_F32, 1, 1, n);
      c->gain = random_below(2);
      c->eps = (float[]){1e-5f, 1e-6f, 1e-12f}[random_below(3)];
      c->out[0] = empty(random_below(2) ? FORMAT_I8 : FORMAT_F32, T, n);
      c->rounding = ROUND_AWAY;
      c->inputs = 2;
      return;
    default: /* hadamard */
      c->n = hadamard_size[random_below((int)(sizeof hadamard_size / sizeof *hadamard_size))];
      c->in[X] = drawn(c->dist, random_below(2) ? FORMAT_F16 : FORMAT_F32, size, T, c->n);
      c->out[0] = empty(random_below(2) ? FORMAT_I8 : FORMAT_F32, T, c->n);
      c->rounding = ROUND_EVEN;
      c->inputs = 1;
  }
}

static inline void make_conv1d(Case *c) {
  c->T = 1 + random_below(12), c->n = 1 + random_below(9), c->m = 1 + random_below(5);
  c->i8 = random_below(2);
  Format format = c->i8 ? FORMAT_I8 : FORMAT_F32;
  double size = c->dist == TIES ? 0.125 : size_of_inputs();
  c->in[X] = drawn(c->dist, format, size, c->T, c->n);
  c->in[W] = drawn(c->dist == ALTERNATING ? UNIFORM : NORMAL, format, 1, c->n, c->m);
  c->in[BIAS] = drawn(c->dist == ZERO ? ZERO : NORMAL, format, 1, 1, c->n);
  c->out[C_PRE] = empty(FORMAT_F32, c->T, c->n);
  c->out[C_SILU] = empty(random_below(2) ? FORMAT_I8 : FORMAT_F32, c->T, c->n);
  c->rounding = ROUND_AWAY;
  c->inputs = 3, c->outputs = 2;
}

static inline Case random_case(Op op, Dist dist) {
  Case c = {.op = op, .dist = dist, .outputs = 1};
  block_used = 0;
  if (op <= OP_SILU)
    make_scalar(&c);
  else if (op == OP_CONV1D)
    make_conv1d(&c);
  else if (op == OP_SCAN)
    make_scan(&c);
  else
    make_rows(&c);
  return c;
}

/* --- the kernels ------------------------------------------------------------------------------ */

static inline Conv1d conv1d_of(const Case *c) {
  return (Conv1d){.E = c->n,
                  .K = c->m,
                  .format = c->in[W].format,
                  .weight = c->in[W].data,
                  .bias = c->in[BIAS].data,
                  .weight_scale = c->in[W].scale.value,
                  .bias_scale = c->in[BIAS].scale.value};
}

static inline void run_kernel(Case *c) {
  const Tensor *in = c->in;
  Tensor *out = c->out;
  switch (c->op) {
    case OP_QUANTISE: quantise(&in[X], c->rounding, &out[0]); break;
    case OP_LINEAR: {
      void *panels = take(linear_packed_bytes(c->m, c->n, in[W].format));
      Linear w = linear_pack(in[W].data, c->m, c->n, in[W].format, in[W].scale.value, panels);
      linear(&w, &in[X], &out[0]);
      break;
    }
    case OP_RMSNORM: rmsnorm(&in[X], c->gain ? in[W].data : NULL, c->eps, &out[0]); break;
    case OP_HADAMARD: hadamard(&in[X], &out[0]); break;
    case OP_CONV1D: {
      Conv1d w = conv1d_of(c);
      conv1d(&w, &in[X], &out[C_PRE], &out[C_SILU]);
      break;
    }
    case OP_SCAN: {
      ScanInputs inputs = {.u = &in[S_U],
                           .dt = &in[S_DT],
                           .B = &in[S_B],
                           .C = &in[S_C],
                           .z = &in[S_Z],
                           .A_log = &in[S_A_LOG],
                           .D = &in[S_D],
                           .dt_bias = &in[S_BIAS]};
      ScanOutputs outputs = {&out[S_DELTA], &out[S_Y], &out[S_GATED], &out[S_STATE]};
      scan(&inputs, c->order, &outputs, take(scan_scratch_bytes(c->T, c->n, c->m, c->order)));
      break;
    }
    default:
      for (int i = 0; i < c->n; i++) {
        float x = ((const float *)in[X].data)[i];
        ((float *)out[0].data)[i] = c->op == OP_EXP        ? exp32(x)
                                    : c->op == OP_LOG1P    ? log1p32(x)
                                    : c->op == OP_SOFTPLUS ? softplus32(x)
                                                           : silu32(x);
      }
  }
}

/* --- the bounds ------------------------------------------------------------------------------- */

static inline BoundIn bound_in(const Tensor *t) {
  double *value = take(elements(t) * sizeof *value);
  for (size_t i = 0; i < elements(t); i++) value[i] = element(t, i);
  return (BoundIn){value, t->cols, t->scale.value};
}

static inline BoundOut bound_out(const Tensor *t, Rounding rounding) {
  size_t bytes = elements(t) * sizeof(double);
  BoundType type = t->format == FORMAT_F32 ? BOUND_F32
                   : t->format == FORMAT_F16
                       ? BOUND_F16
                       : (rounding == ROUND_AWAY ? BOUND_I8_AWAY : BOUND_I8_EVEN);
  return (BoundOut){type, t->scale.value, take(bytes), take(bytes), take(bytes), take(bytes)};
}

static inline void compute_bounds(Case *c) {
  BoundIn in[MAX_IN];
  for (int i = 0; i < c->inputs; i++) in[i] = bound_in(&c->in[i]);
  for (int o = 0; o < c->outputs; o++) c->bound[o] = bound_out(&c->out[o], c->rounding);
  switch (c->op) {
    case OP_QUANTISE: bound_quantise(&in[X], c->T, c->n, &c->bound[0]); break;
    case OP_LINEAR: bound_linear(&in[X], c->T, c->n, &in[W], c->m, &c->bound[0]); break;
    case OP_RMSNORM:
      bound_rmsnorm(&in[X], c->gain ? &in[W] : &(BoundIn){0}, c->eps, c->T, c->n, &c->bound[0]);
      break;
    case OP_HADAMARD: {
      void *room = malloc(bound_hadamard_room(c->n));
      bound_hadamard(&in[X], c->T, c->n, &c->bound[0], room);
      free(room);
      break;
    }
    case OP_CONV1D:
      bound_conv1d(&in[X], c->T, c->n, c->m, &in[W], &in[BIAS], &c->bound[C_PRE],
                   &c->bound[C_SILU]);
      break;
    case OP_SCAN: {
      ScanChunk chunk = scan_chunk(c->T);
      bool blocked = c->order == SCAN_BLOCKED;
      void *room = malloc(bound_scan_room(c->T));
      bound_scan(&(BoundScan){.T = c->T,
                              .E = c->n,
                              .N = c->m,
                              .u = in[S_U],
                              .dt = in[S_DT],
                              .B = in[S_B],
                              .C = in[S_C],
                              .z = in[S_Z],
                              .A_log = in[S_A_LOG],
                              .D = in[S_D],
                              .dt_bias = in[S_BIAS],
                              .lanes = blocked ? chunk.lanes : 0,
                              .items = blocked ? chunk.items : 0,
                              .delta = c->bound[S_DELTA],
                              .y = c->bound[S_Y],
                              .gated = c->bound[S_GATED],
                              .state = c->bound[S_STATE]},
                 room);
      free(room);
      break;
    }
    default: bound_scalar((BoundFunction)c->op, in[X].value, (size_t)c->n, &c->bound[0]);
  }
}

/* The greatest part of its bound that any element of output o uses. */
static inline double worst_used(const Case *c, int o) {
  double worst = 0;
  for (size_t i = 0; i < elements(&c->out[o]); i++)
    worst = fmax(worst, bound_used(&c->bound[o], i, element(&c->out[o], i)));
  return worst;
}

#endif
