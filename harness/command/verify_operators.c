/* verify: every operator in every setting, on the CPU and on the device, over shapes that meet every path of either. */
#include <string.h>

#include "command/verify.h"
#include "kernels/f16.h"
#include "kernels/hadamard.h"

enum { TENSORS = 12, SPECIAL_EVERY = 97 };

/* One operator with its tensors: the first `inputs` are read, the others written. */
typedef struct Call {
  void (*run)(const Ops *ops, struct Call *call);
  const char *shape;
  Tensor t[TENSORS];
  int inputs, count;
  Linear linear;   /* of `linear`: its panels are made for each side */
  ScanOrder order; /* of `scan` */
  Rounding rounding;
  void *scratch;
} Call;

/* --- made tensors ---------------------------------------------------------------------------------------------------
 */

/* splitmix64 */
static uint64_t draw(Verify *v) {
  uint64_t z = v->random += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* Bell-shaped, of the given spread; now and then a number that arithmetic treats apart. */
static float draw_value(Verify *v, float spread) {
  static const uint32_t apart[] = {0x7fc00000u, 0x7f800000u, 0xff800000u, 0x80000000u, 0x00000001u,
                                   0x807fffffu, 0x00400000u, 0x7f7fffffu, 0x3f000000u, 0xbf000000u};
  uint64_t bits = draw(v);
  if (v->special && bits % SPECIAL_EVERY == 0) return f32_of_bits(apart[(bits >> 32) % (sizeof apart / sizeof *apart)]);
  float sum = 0;
  for (int i = 0; i < 4; i++) sum += (float)((bits >> (16 * i)) & 0xffffu) - 32767.5f;
  return sum * (spread / 37837.0f);
}

static Tensor room_for(Verify *v, Type type, int rows, int cols) {
  size_t bytes = (size_t)rows * (size_t)cols * type_size(type);
  Tensor t = tensor_of(memset(arena_room(&v->arena, bytes + 1, 1), 0xa5, bytes), type, rows, cols, 0);
  if (type == TYPE_I8) t.scale = 0.0173f;
  return t;
}

static void in(Verify *v, Call *c, Type type, int rows, int cols, float spread) {
  Tensor t = room_for(v, type, rows, cols);
  for (size_t i = 0; i < (size_t)rows * (size_t)cols; i++) {
    float value = draw_value(v, spread);
    if (type == TYPE_F32) ((float *)t.data)[i] = value;
    if (type == TYPE_F16) ((uint16_t *)t.data)[i] = f16_of(value);
    if (type == TYPE_I8) ((int8_t *)t.data)[i] = q8_even(value, spread / 40);
  }
  if (type == TYPE_I8) t.scale = spread / 40;
  c->t[c->count++] = t;
  c->inputs = c->count;
}

static void out(Verify *v, Call *c, Type type, int rows, int cols) { c->t[c->count++] = room_for(v, type, rows, cols); }

static Tensor there(const Tensor *t, Arena *room) {
  size_t bytes = (size_t)t->rows * (size_t)t->cols * type_size(t->type);
  Tensor copy = *t;
  copy.data = arena_room(room, bytes, 1);
  cuda_to_device(copy.data, t->data, bytes);
  if (t->type == TYPE_I8) {
    copy.nans_at = arena_room(room, 1, sizeof(int64_t));
    cuda_zero(copy.nans_at, sizeof(int64_t));
  }
  return copy;
}

static bool back(Verify *v, Tensor *t, Status *st) {
  size_t bytes = (size_t)t->rows * (size_t)t->cols * type_size(t->type);
  void *host = arena_room(&v->arena, bytes, 1);
  cuda_to_host(host, t->data, bytes);
  if (t->nans_at) cuda_to_host(&t->nans, t->nans_at, sizeof t->nans);
  if (t->scale_at) cuda_to_host(&t->scale, t->scale_at, sizeof t->scale);
  t->data = host;
  t->scale_at = NULL;
  t->nans_at = NULL;
  return device_wait(&v->device, st);
}

/* --- calls ----------------------------------------------------------------------------------------------------------
 */

static void call_embedding(const Ops *ops, Call *c) { ops->embedding(c->t[0].data, c->t[1].data, &c->t[2]); }
static void call_rmsnorm(const Ops *ops, Call *c) {
  ops->rmsnorm(&c->t[0], c->inputs > 1 ? c->t[1].data : NULL, 1e-5f, &c->t[c->inputs]);
}
static void call_linear(const Ops *ops, Call *c) {
  Tensor x = tensor_columns(&c->t[0], 0, c->linear.in); /* the input is wider: a view */
  ops->linear(&c->linear, &x, &c->t[2]);
}
static void call_conv1d(const Ops *ops, Call *c) {
  const Tensor *weight = &c->t[1], *bias = &c->t[2];
  Conv1d w = {.E = weight->rows,
              .K = weight->cols,
              .type = weight->type,
              .weight = weight->data,
              .bias = bias->data,
              .weight_scale = weight->scale,
              .bias_scale = bias->scale};
  ops->conv1d(&w, &c->t[0], &c->t[3], &c->t[4]);
}
static void call_scan(const Ops *ops, Call *c) {
  Tensor *t = c->t;
  ScanInputs given = {
      .u = t, .dt = t + 1, .B = t + 2, .C = t + 3, .z = t + 4, .A_log = t + 5, .D = t + 6, .dt_bias = t + 7};
  ScanOutputs made = {.delta = t + 8, .y = t + 9, .gated = t + 10, .state = t + 11};
  ops->scan(&given, c->order, &made, c->scratch);
}
static void call_hadamard(const Ops *ops, Call *c) { ops->hadamard(&c->t[0], &c->t[1]); }
static void call_quantise(const Ops *ops, Call *c) { ops->quantise(&c->t[0], c->rounding, &c->t[1]); }
static void call_quantise_dynamic(const Ops *ops, Call *c) { ops->quantise_dynamic(&c->t[0], &c->t[1]); }
static void call_dequantise(const Ops *ops, Call *c) { ops->dequantise(&c->t[0], &c->t[1]); }
static void call_residual(const Ops *ops, Call *c) { ops->residual_add(&c->t[0], &c->t[1], &c->t[2]); }

/* A call's twin on the device. */
static Call call_there(Verify *v, const Call *c, Arena room) {
  Call device = *c;
  for (int i = 0; i < c->count; i++) device.t[i] = there(&c->t[i], &room);
  if (c->run == call_quantise_dynamic) device.t[1].scale_at = arena_room(&room, 1, sizeof(float));
  if (c->run == call_scan) {
    const Tensor *u = &c->t[0], *B = &c->t[2];
    device.scratch = arena_room(&room, scan_scratch_bytes(u->rows, u->cols, B->cols, c->order), 1);
  }
  if (c->run == call_linear) {
    size_t bytes = linear_cuda_packed_bytes(c->linear.out, c->linear.in, c->linear.type);
    void *panels = arena_room(&v->arena, bytes, 1);
    linear_cuda_pack(&c->linear, panels);
    cuda_to_device(device.linear.panels = arena_room(&room, bytes, 1), panels, bytes);
  }
  return device;
}

/* The call on both sides; its outputs must agree. */
static bool check(Verify *v, Call *c, Status *st) {
  Call device = call_there(v, c, v->device.room);
  c->run(&ops_cpu, c);
  c->run(&ops_cuda, &device);
  for (int i = c->inputs; i < c->count; i++) {
    const Tensor *cpu = &c->t[i];
    TRY(back(v, &device.t[i], st));
    const char *name = arena_printf(&v->arena, "%.*s, %s, output %d", verify_kernel_length(cpu->kernel), cpu->kernel,
                                    c->shape, i - c->inputs);
    const char *difference = verify_difference(&v->arena, name, cpu, &device.t[i]);
    if (difference) return FAIL_CHECK(st, "the device differs from the CPU: %s", difference);
    v->values += (int64_t)cpu->rows * cpu->cols;
  }
  return true;
}

/* What one setting of an operator makes of a shape: inputs, then outputs. */
typedef struct Setting {
  Type in, out;
  int more; /* of this operator alone */
  Type rest;
} Setting;
typedef struct Size {
  int T, E, N;
} Size;
typedef void (*Make)(Verify *v, Call *c, Size s, const Setting *how);

static bool each_shape(Verify *v, Make make, const Setting *how, const Size *shape, int shapes, Status *st) {
  const char *kernel = "";
  v->values = 0;
  for (int i = 0; i < 2 * shapes; i++) {
    Arena kept = v->arena;
    Size s = shape[i / 2];
    Call c = {.shape = arena_printf(&v->arena, s.N ? "%d x %d x %d" : "%d x %d", s.T, s.E, s.N)};
    v->special = i % 2;
    make(v, &c, s, how);
    bool same = check(v, &c, st);
    v->arena = kept;
    TRY(same);
    kernel = c.t[c.run == call_scan ? 10 : c.count - 1].kernel; /* gated; else the last output */
  }
  VerifyLine line = {arena_printf(&v->arena, "%.*s", verify_kernel_length(kernel), kernel),
                     arena_printf(&v->arena, "%d shapes", shapes), v->values};
  v->say(v->context, &line);
  return true;
}

/* --- every setting of every operator --------------------------------------------------------------------------------
 */

/* clang-format off */
static const Size flat[]  = {{1, 1, 0}, {3, 33, 0}, {171, 256, 0}, {171, 1536, 0}, {5, 5120, 0}, {1025, 48, 0}};
static const Size linears[] = {{1, 1, 1}, {2, 5, 3}, {171, 256, 1024}, {171, 1536, 80}, {171, 48, 1536}, {513, 768, 130}, {65, 129, 67}};
static const Size convs[] = {{1, 8, 4}, {2, 33, 4}, {171, 512, 4}, {1025, 96, 4}, {40, 7, 1}, {40, 300, 3}, {9, 40, 12}};
static const Size scans[] = {{1, 5, 16}, {100, 12, 16}, {129, 33, 16}, {171, 64, 16}, {300, 7, 5}, {700, 6, 16}, {2500, 5, 16}, {65, 9, 1}, {40, 3, 64}};
static const Size widths[] = {{1, 1, 0}, {3, 64, 0}, {171, 512, 0}, {7, 12, 0}, {171, 1536, 0}, {5, 80, 0}, {4, 2560, 0}, {3, 28, 0}, {2, 3584, 0}, {2, 16384, 0}};
/* clang-format on */
#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

static void make_embedding(Verify *v, Call *c, Size s, const Setting *how) {
  (void)how;
  in(v, c, TYPE_F32, 256, s.E, 1);
  in(v, c, TYPE_F32, 1, s.T, 1);
  int32_t *token = c->t[1].data;
  for (int t = 0; t < s.T; t++) token[t] = (int32_t)(draw(v) % 256);
  out(v, c, TYPE_F32, s.T, s.E);
  c->run = call_embedding;
}

/* more: with a gain. */
static void make_rmsnorm(Verify *v, Call *c, Size s, const Setting *how) {
  in(v, c, TYPE_F32, s.T, s.E, 2);
  if (how->more) in(v, c, TYPE_F32, 1, s.E, 1);
  out(v, c, how->out, s.T, s.E);
  c->run = call_rmsnorm;
}

/* [T, E] times [N, E]; the input is a view of a wider tensor. */
static void make_linear(Verify *v, Call *c, Size s, const Setting *how) {
  in(v, c, how->in, s.T, s.E + 16, 1);
  in(v, c, how->in, s.N, s.E, 0.1f);
  out(v, c, how->out, s.T, s.N);
  void *panels = arena_room(&v->arena, linear_packed_bytes(s.N, s.E, how->in), 1);
  c->linear = linear_pack(c->t[1].data, s.N, s.E, how->in, c->t[1].scale, panels);
  c->run = call_linear;
}

static void make_conv1d(Verify *v, Call *c, Size s, const Setting *how) {
  in(v, c, how->in, s.T, s.E, 1);
  in(v, c, how->in, s.E, s.N, 1);
  in(v, c, how->in, 1, s.E, 1);
  out(v, c, TYPE_F32, s.T, s.E);
  out(v, c, how->out, s.T, s.E);
  c->run = call_conv1d;
}

/* in: u; rest: everything else; out: gated; more: the order. dt is drawn so that delta is on both sides of
 * softplus's 20. */
static void make_scan(Verify *v, Call *c, Size s, const Setting *how) {
  in(v, c, how->in, s.T, s.E, 1);
  in(v, c, how->rest, s.T, s.E, 8);
  for (int i = 0; i < 2; i++) in(v, c, how->rest, s.T, s.N, 1);
  in(v, c, how->rest, s.T, s.E, 2);
  in(v, c, how->rest, s.E, s.N, 1.5f);
  for (int i = 0; i < 2; i++) in(v, c, how->rest, 1, s.E, 1);
  for (int i = 0; i < 2; i++) out(v, c, TYPE_F32, s.T, s.E);
  out(v, c, how->out, s.T, s.E);
  out(v, c, TYPE_F32, s.E, s.N);
  c->order = (ScanOrder)how->more;
  c->scratch = arena_room(&v->arena, scan_scratch_bytes(s.T, s.E, s.N, c->order), 1);
  c->run = call_scan;
}

static void make_one_to_one(Verify *v, Call *c, Size s, const Setting *how) {
  in(v, c, how->in, s.T, s.E, 1);
  out(v, c, how->out, s.T, s.E);
}
static void make_hadamard(Verify *v, Call *c, Size s, const Setting *how) {
  make_one_to_one(v, c, s, how);
  c->run = call_hadamard;
}
static void make_quantise(Verify *v, Call *c, Size s, const Setting *how) {
  make_one_to_one(v, c, s, how);
  c->rounding = (Rounding)how->more;
  c->run = call_quantise;
}
static void make_quantise_dynamic(Verify *v, Call *c, Size s, const Setting *how) {
  make_one_to_one(v, c, s, how);
  c->run = call_quantise_dynamic;
}
static void make_dequantise(Verify *v, Call *c, Size s, const Setting *how) {
  make_one_to_one(v, c, s, how);
  c->run = call_dequantise;
}
static void make_residual(Verify *v, Call *c, Size s, const Setting *how) {
  in(v, c, TYPE_F32, s.T, s.E, 1);
  in(v, c, how->in, s.T, s.E, 1);
  out(v, c, TYPE_F32, s.T, s.E);
  c->run = call_residual;
}

/* clang-format off */
static const struct {
  Make make;
  const Size *shape;
  int shapes;
  Setting how;
} settings[] = {
#define OVER(shapes) shapes, COUNT(shapes)
    {make_embedding, OVER(flat), {TYPE_F32, TYPE_F32, 0, TYPE_F32}},
    {make_rmsnorm, OVER(flat), {TYPE_F32, TYPE_F32, 0, TYPE_F32}},
    {make_rmsnorm, OVER(flat), {TYPE_F32, TYPE_I8, 0, TYPE_F32}},
    {make_rmsnorm, OVER(flat), {TYPE_F32, TYPE_F32, 1, TYPE_F32}},
    {make_rmsnorm, OVER(flat), {TYPE_F32, TYPE_I8, 1, TYPE_F32}},
    {make_linear, OVER(linears), {TYPE_F32, TYPE_F32, 0, TYPE_F32}},
    {make_linear, OVER(linears), {TYPE_F32, TYPE_F16, 0, TYPE_F32}},
    {make_linear, OVER(linears), {TYPE_F32, TYPE_I8, 0, TYPE_F32}},
    {make_linear, OVER(linears), {TYPE_I8, TYPE_F32, 0, TYPE_F32}},
    {make_linear, OVER(linears), {TYPE_I8, TYPE_F16, 0, TYPE_F32}},
    {make_linear, OVER(linears), {TYPE_I8, TYPE_I8, 0, TYPE_F32}},
    {make_conv1d, OVER(convs), {TYPE_F32, TYPE_F32, 0, TYPE_F32}},
    {make_conv1d, OVER(convs), {TYPE_F32, TYPE_I8, 0, TYPE_F32}},
    {make_conv1d, OVER(convs), {TYPE_I8, TYPE_F32, 0, TYPE_F32}},
    {make_conv1d, OVER(convs), {TYPE_I8, TYPE_I8, 0, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_F32, TYPE_F32, SCAN_SEQUENTIAL, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_F32, TYPE_F16, SCAN_SEQUENTIAL, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_I8, TYPE_F32, SCAN_SEQUENTIAL, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_I8, TYPE_F16, SCAN_SEQUENTIAL, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_F32, TYPE_F32, SCAN_SEQUENTIAL, TYPE_I8}},
    {make_scan, OVER(scans), {TYPE_F32, TYPE_F16, SCAN_SEQUENTIAL, TYPE_I8}},
    {make_scan, OVER(scans), {TYPE_I8, TYPE_F32, SCAN_SEQUENTIAL, TYPE_I8}},
    {make_scan, OVER(scans), {TYPE_I8, TYPE_F16, SCAN_SEQUENTIAL, TYPE_I8}},
    {make_scan, OVER(scans), {TYPE_F32, TYPE_F32, SCAN_BLOCKED, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_F32, TYPE_F16, SCAN_BLOCKED, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_I8, TYPE_F32, SCAN_BLOCKED, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_I8, TYPE_F16, SCAN_BLOCKED, TYPE_F32}},
    {make_scan, OVER(scans), {TYPE_F32, TYPE_F32, SCAN_BLOCKED, TYPE_I8}},
    {make_scan, OVER(scans), {TYPE_F32, TYPE_F16, SCAN_BLOCKED, TYPE_I8}},
    {make_scan, OVER(scans), {TYPE_I8, TYPE_F32, SCAN_BLOCKED, TYPE_I8}},
    {make_scan, OVER(scans), {TYPE_I8, TYPE_F16, SCAN_BLOCKED, TYPE_I8}},
    {make_hadamard, OVER(widths), {TYPE_F32, TYPE_F32, 0, TYPE_F32}},
    {make_hadamard, OVER(widths), {TYPE_F32, TYPE_I8, 0, TYPE_F32}},
    {make_hadamard, OVER(widths), {TYPE_F16, TYPE_F32, 0, TYPE_F32}},
    {make_hadamard, OVER(widths), {TYPE_F16, TYPE_I8, 0, TYPE_F32}},
    {make_quantise, OVER(flat), {TYPE_F32, TYPE_I8, ROUND_AWAY, TYPE_F32}},
    {make_quantise, OVER(flat), {TYPE_F32, TYPE_I8, ROUND_EVEN, TYPE_F32}},
    {make_quantise, OVER(flat), {TYPE_F16, TYPE_I8, ROUND_AWAY, TYPE_F32}},
    {make_quantise, OVER(flat), {TYPE_F16, TYPE_I8, ROUND_EVEN, TYPE_F32}},
    {make_quantise_dynamic, OVER(flat), {TYPE_F32, TYPE_I8, 0, TYPE_F32}},
    {make_dequantise, OVER(flat), {TYPE_I8, TYPE_F32, 0, TYPE_F32}},
    {make_dequantise, OVER(flat), {TYPE_F16, TYPE_F32, 0, TYPE_F32}},
    {make_dequantise, OVER(flat), {TYPE_F32, TYPE_F32, 0, TYPE_F32}},
    {make_residual, OVER(flat), {TYPE_F32, TYPE_F32, 0, TYPE_F32}},
    {make_residual, OVER(flat), {TYPE_F16, TYPE_F32, 0, TYPE_F32}},
};
/* clang-format on */

bool verify_operators(Verify *v, Status *st) {
  for (int i = 0; i < COUNT(settings); i++)
    TRY(each_shape(v, settings[i].make, &settings[i].how, settings[i].shape, settings[i].shapes, st));
  return true;
}
