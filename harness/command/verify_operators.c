/* verify_operators: every operator in every setting, on the CPU and on the device, over shapes that
 * meet every path of either. */
#include <string.h>

#include "command/verify.h"
#include "kernels/f16.h"
#include "kernels/watch.h"

enum { SPECIAL_EVERY = 97 };

/* One call with its tensors and their shape in words. Stays where it is: call.out points to
 * `made`. */
typedef struct Case {
  const char *shape;
  Call call;
  Tensor table, made[CALL_OUTS]; /* table: an embedding's */
  int T, ins, outs;
} Case;

/* --- made tensors ----------------------------------------------------------------------------- */

static uint64_t draw(Verify *v) {
  uint64_t high = gsl_rng_get(&v->rng);
  return high << 32 | gsl_rng_get(&v->rng);
}

/* Bell-shaped, of the given spread; now and then a number that arithmetic treats apart. */
static float draw_value(Verify *v, float spread) {
  static const uint32_t apart[] = {0x7fc00000u, 0x7f800000u, 0xff800000u, 0x80000000u, 0x00000001u,
                                   0x807fffffu, 0x00400000u, 0x7f7fffffu, 0x3f000000u, 0xbf000000u};
  uint64_t bits = draw(v);
  if (v->special && bits % SPECIAL_EVERY == 0)
    return f32_of_bits(apart[(bits >> 32) % (sizeof apart / sizeof *apart)]);
  float sum = 0;
  for (int i = 0; i < 4; i++) sum += (float)((bits >> (16 * i)) & 0xffffu) - 32767.5f;
  return sum * (spread / 37837.0f);
}

static Tensor room_for(Verify *v, Format format, int rows, int cols) {
  size_t bytes = (size_t)rows * (size_t)cols * format_size(format);
  Tensor t =
      tensor_of(memset(arena_room(&v->arena, bytes + 1, 1), 0xa5, bytes), format, rows, cols, 0);
  if (format == FORMAT_I8) t.scale.value = 0.0173f;
  return t;
}

static Tensor drawn(Verify *v, Format format, int rows, int cols, float spread) {
  Tensor t = room_for(v, format, rows, cols);
  for (size_t i = 0; i < (size_t)rows * (size_t)cols; i++) {
    float value = draw_value(v, spread);
    if (format == FORMAT_F32) ((float *)t.data)[i] = value;
    if (format == FORMAT_F16) ((uint16_t *)t.data)[i] = f16_of(value);
    if (format == FORMAT_I8) ((int8_t *)t.data)[i] = q8_even(value, spread / 40);
  }
  if (format == FORMAT_I8) t.scale.value = spread / 40;
  return t;
}

static void in(Verify *v, Case *c, Format format, int rows, int cols, float spread) {
  c->call.in[c->ins++] = drawn(v, format, rows, cols, spread);
}

static void out(Verify *v, Case *c, Format format, int rows, int cols) {
  c->made[c->outs] = room_for(v, format, rows, cols);
  c->call.out[c->outs] = &c->made[c->outs];
  c->outs++;
}

/* Elements in memory, gaps between rows among them. */
static size_t span(const Tensor *t) {
  return t->rows ? (size_t)(t->rows - 1) * (size_t)t->stride + (size_t)t->cols : 0;
}

/* --- the same there --------------------------------------------------------------------------- */

static void *sent(Cuda *cuda, const void *data, size_t bytes, Arena *room) {
  void *copy = arena_room(room, bytes, 1);
  cuda_to_device(cuda, copy, data, bytes);
  return copy;
}

static Tensor there(Cuda *cuda, const Tensor *t, Arena *room) {
  Tensor copy = *t;
  copy.data = sent(cuda, t->data, span(t) * format_size(t->format), room);
  if (t->format == FORMAT_I8) {
    copy.nans_at = arena_room(room, 1, sizeof(int64_t));
    cuda_zero(cuda, copy.nans_at, sizeof(int64_t));
  }
  return copy;
}

static bool back(Verify *v, Tensor *t, Status *st) {
  Cuda *cuda = &v->device.cuda;
  size_t bytes = span(t) * format_size(t->format);
  void *host = arena_room(&v->arena, bytes, 1);
  cuda_to_host(cuda, host, t->data, bytes);
  if (t->nans_at) cuda_to_host(cuda, &t->nans, t->nans_at, sizeof t->nans);
  if (t->scale_at) cuda_to_host(cuda, &t->scale.value, t->scale_at, sizeof t->scale.value);
  t->data = host;
  t->scale_at = NULL;
  t->nans_at = NULL;
  return device_wait(&v->device, st);
}

static void *panels_there(Verify *v, const Linear *w, Arena *room) {
  size_t bytes = linear_cuda_packed_bytes(w->out, w->in, w->format);
  void *panels = arena_room(&v->arena, bytes, 1);
  linear_cuda_pack(w, panels);
  return sent(&v->device.cuda, panels, bytes, room);
}

/* A case's twin on the device. */
static void case_there(Verify *v, const Case *c, Case *twin, Arena room) {
  Cuda *cuda = &v->device.cuda;
  const Call *call = &c->call;
  *twin = *c;
  for (int i = 0; i < c->ins; i++) twin->call.in[i] = there(cuda, &call->in[i], &room);
  for (int i = 0; i < c->outs; i++) {
    twin->made[i] = there(cuda, &c->made[i], &room);
    twin->call.out[i] = &twin->made[i];
  }
  if (call->table) twin->call.table = there(cuda, &c->table, &room).data;
  if (call->token)
    twin->call.token = sent(cuda, call->token, (size_t)c->T * sizeof *call->token, &room);
  if (call->linear.panels) twin->call.linear.panels = panels_there(v, &call->linear, &room);
  if (call->kind == OP_QUANTISE_DYNAMIC)
    twin->made[0].scale_at = arena_room(&room, 1, sizeof(float));
  if (call->scratch) {
    int N = call->in[SCAN_B].cols;
    twin->call.scratch = arena_room(
        &room, scan_scratch_bytes(call->in[SCAN_U].rows, call->in[SCAN_U].cols, N, call->order), 1);
  }
}

/* The call on both sides; its outputs must agree. */
static bool check(Verify *v, Case *c, Status *st) {
  const Ops *device = &v->device.cuda.ops;
  Case twin;
  case_there(v, c, &twin, v->device.room);
  ops_cpu.run(ops_cpu.context, &c->call);
  device->run(device->context, &twin.call);
  for (int i = 0; i < c->outs; i++) {
    const Tensor *cpu = &c->made[i];
    TRY(back(v, &twin.made[i], st));
    const char *name = arena_printf(&v->arena, "%.*s, %s, output %d",
                                    verify_kernel_length(cpu->kernel), cpu->kernel, c->shape, i);
    const char *difference = verify_difference(&v->arena, name, cpu, &twin.made[i]);
    if (difference) return FAIL_CHECK(st, "the device differs from the CPU: %s", difference);
    v->values += (int64_t)cpu->rows * cpu->cols;
  }
  return true;
}

/* What one setting of an operator makes of a shape: inputs, then outputs. */
typedef struct Setting {
  Format in, out;
  int more; /* of this operator alone */
  Format rest;
} Setting;
typedef struct Size {
  int T, E, N;
} Size;
typedef void Make(Verify *v, Case *c, Size s, const Setting *how);

static bool each_shape(Verify *v, OpKind kind, Make *make, const Setting *how, const Size *shape,
                       int shapes, Status *st) {
  const char *kernel = "";
  v->values = 0;
  for (int i = 0; i < 2 * shapes; i++) {
    Arena kept = v->arena;
    Size s = shape[i / 2];
    Case c = {.call.kind = kind,
              .T = s.T,
              .shape = arena_printf(&v->arena, s.N ? "%d x %d x %d" : "%d x %d", s.T, s.E, s.N)};
    v->special = i % 2;
    make(v, &c, s, how);
    bool same = check(v, &c, st);
    v->arena = kept;
    TRY(same);
    kernel = call_output(&c.call)->kernel;
  }
  VerifyLine line = {arena_printf(&v->arena, "%.*s", verify_kernel_length(kernel), kernel),
                     arena_printf(&v->arena, "%d shapes", shapes), v->values};
  v->say(v->context, &line);
  return true;
}

/* --- every setting of every operator ---------------------------------------------------------- */

/* clang-format off */
static const Size flat[]  = {{1, 1, 0}, {3, 33, 0}, {171, 256, 0}, {171, 1536, 0}, {5, 5120, 0}, {1025, 48, 0}};
static const Size linears[] = {{1, 1, 1}, {2, 5, 3}, {171, 256, 1024}, {171, 1536, 80}, {171, 48, 1536}, {513, 768, 130}, {65, 129, 67}};
static const Size convs[] = {{1, 8, 4}, {2, 33, 4}, {171, 512, 4}, {1025, 96, 4}, {40, 7, 1}, {40, 300, 3}, {9, 40, 12}};
static const Size scans[] = {{1, 5, 16}, {100, 12, 16}, {129, 33, 16}, {171, 64, 16}, {300, 7, 5}, {700, 6, 16}, {2500, 5, 16}, {65, 9, 1}, {40, 3, 64}};
static const Size widths[] = {{1, 1, 0}, {3, 64, 0}, {171, 512, 0}, {7, 12, 0}, {171, 1536, 0}, {5, 80, 0}, {4, 2560, 0}, {3, 28, 0}, {2, 3584, 0}, {2, 16384, 0}};
/* clang-format on */
#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

static void make_embedding(Verify *v, Case *c, Size s, const Setting *how) {
  (void)how;
  c->table = drawn(v, FORMAT_F32, 256, s.E, 1);
  c->call.table = c->table.data;
  int32_t *token = arena_room(&v->arena, (size_t)s.T, sizeof *token);
  for (int t = 0; t < s.T; t++) token[t] = (int32_t)(draw(v) % 256);
  c->call.token = token;
  out(v, c, FORMAT_F32, s.T, s.E);
}

/* more: with a gain; without one the input is a view of a wider tensor, as a part of x_proj is. */
static void make_rmsnorm(Verify *v, Case *c, Size s, const Setting *how) {
  in(v, c, FORMAT_F32, s.T, how->more ? s.E : s.E + 16, 2);
  c->call.in[IN_X].cols = s.E;
  if (how->more) in(v, c, FORMAT_F32, 1, s.E, 1);
  c->call.eps = 1e-5f;
  out(v, c, how->out, s.T, s.E);
}

/* [T, E] times [N, E]; the input is a view of a wider tensor. */
static void make_linear(Verify *v, Case *c, Size s, const Setting *how) {
  in(v, c, how->in, s.T, s.E + 16, 1);
  c->call.in[IN_X].cols = s.E;
  Tensor w = drawn(v, how->in, s.N, s.E, 0.1f);
  out(v, c, how->out, s.T, s.N);
  void *panels = arena_room(&v->arena, linear_packed_bytes(s.N, s.E, how->in), 1);
  c->call.linear = linear_pack(w.data, s.N, s.E, how->in, w.scale.value, panels);
}

static void make_conv1d(Verify *v, Case *c, Size s, const Setting *how) {
  in(v, c, how->in, s.T, s.E, 1);
  in(v, c, how->in, s.E, s.N, 1);
  in(v, c, how->in, 1, s.E, 1);
  out(v, c, FORMAT_F32, s.T, s.E);
  out(v, c, how->out, s.T, s.E);
}

/* in: u; rest: everything else; out: gated; more: the order. dt is drawn so that delta is on both
 * sides of softplus's 20. */
static void make_scan(Verify *v, Case *c, Size s, const Setting *how) {
  in(v, c, how->in, s.T, s.E, 1);
  in(v, c, how->rest, s.T, s.E, 8);
  for (int i = 0; i < 2; i++) in(v, c, how->rest, s.T, s.N, 1);
  in(v, c, how->rest, s.T, s.E, 2);
  in(v, c, how->rest, s.E, s.N, 1.5f);
  for (int i = 0; i < 2; i++) in(v, c, how->rest, 1, s.E, 1);
  for (int i = 0; i < 2; i++) out(v, c, FORMAT_F32, s.T, s.E);
  out(v, c, how->out, s.T, s.E);
  out(v, c, FORMAT_F32, s.E, s.N);
  c->call.order = (ScanOrder)how->more;
  c->call.scratch = arena_room(&v->arena, scan_scratch_bytes(s.T, s.E, s.N, c->call.order), 1);
}

static void make_one_to_one(Verify *v, Case *c, Size s, const Setting *how) {
  in(v, c, how->in, s.T, s.E, 1);
  out(v, c, how->out, s.T, s.E);
}
static void make_quantise(Verify *v, Case *c, Size s, const Setting *how) {
  make_one_to_one(v, c, s, how);
  c->call.rounding = (Rounding)how->more;
}
static void make_residual(Verify *v, Case *c, Size s, const Setting *how) {
  in(v, c, FORMAT_F32, s.T, s.E, 1);
  in(v, c, how->in, s.T, s.E, 1);
  out(v, c, FORMAT_F32, s.T, s.E);
}

/* clang-format off */
static const struct {
  OpKind kind;
  Make *make;
  const Size *shape;
  int shapes;
  Setting how;
} settings[] = {
#define OVER(shapes) shapes, COUNT(shapes)
    {OP_EMBEDDING, make_embedding, OVER(flat), {FORMAT_F32, FORMAT_F32, 0, FORMAT_F32}},
    {OP_RMSNORM, make_rmsnorm, OVER(flat), {FORMAT_F32, FORMAT_F32, 0, FORMAT_F32}},
    {OP_RMSNORM, make_rmsnorm, OVER(flat), {FORMAT_F32, FORMAT_I8, 0, FORMAT_F32}},
    {OP_RMSNORM, make_rmsnorm, OVER(flat), {FORMAT_F32, FORMAT_F32, 1, FORMAT_F32}},
    {OP_RMSNORM, make_rmsnorm, OVER(flat), {FORMAT_F32, FORMAT_I8, 1, FORMAT_F32}},
    {OP_LINEAR, make_linear, OVER(linears), {FORMAT_F32, FORMAT_F32, 0, FORMAT_F32}},
    {OP_LINEAR, make_linear, OVER(linears), {FORMAT_F32, FORMAT_F16, 0, FORMAT_F32}},
    {OP_LINEAR, make_linear, OVER(linears), {FORMAT_F32, FORMAT_I8, 0, FORMAT_F32}},
    {OP_LINEAR, make_linear, OVER(linears), {FORMAT_I8, FORMAT_F32, 0, FORMAT_F32}},
    {OP_LINEAR, make_linear, OVER(linears), {FORMAT_I8, FORMAT_F16, 0, FORMAT_F32}},
    {OP_LINEAR, make_linear, OVER(linears), {FORMAT_I8, FORMAT_I8, 0, FORMAT_F32}},
    {OP_CONV1D, make_conv1d, OVER(convs), {FORMAT_F32, FORMAT_F32, 0, FORMAT_F32}},
    {OP_CONV1D, make_conv1d, OVER(convs), {FORMAT_F32, FORMAT_I8, 0, FORMAT_F32}},
    {OP_CONV1D, make_conv1d, OVER(convs), {FORMAT_I8, FORMAT_F32, 0, FORMAT_F32}},
    {OP_CONV1D, make_conv1d, OVER(convs), {FORMAT_I8, FORMAT_I8, 0, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_F32, FORMAT_F32, SCAN_SEQUENTIAL, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_F32, FORMAT_F16, SCAN_SEQUENTIAL, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_I8, FORMAT_F32, SCAN_SEQUENTIAL, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_I8, FORMAT_F16, SCAN_SEQUENTIAL, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_F32, FORMAT_F32, SCAN_SEQUENTIAL, FORMAT_I8}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_F32, FORMAT_F16, SCAN_SEQUENTIAL, FORMAT_I8}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_I8, FORMAT_F32, SCAN_SEQUENTIAL, FORMAT_I8}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_I8, FORMAT_F16, SCAN_SEQUENTIAL, FORMAT_I8}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_F32, FORMAT_F32, SCAN_BLOCKED, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_F32, FORMAT_F16, SCAN_BLOCKED, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_I8, FORMAT_F32, SCAN_BLOCKED, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_I8, FORMAT_F16, SCAN_BLOCKED, FORMAT_F32}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_F32, FORMAT_F32, SCAN_BLOCKED, FORMAT_I8}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_F32, FORMAT_F16, SCAN_BLOCKED, FORMAT_I8}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_I8, FORMAT_F32, SCAN_BLOCKED, FORMAT_I8}},
    {OP_SCAN, make_scan, OVER(scans), {FORMAT_I8, FORMAT_F16, SCAN_BLOCKED, FORMAT_I8}},
    {OP_HADAMARD, make_one_to_one, OVER(widths), {FORMAT_F32, FORMAT_F32, 0, FORMAT_F32}},
    {OP_HADAMARD, make_one_to_one, OVER(widths), {FORMAT_F32, FORMAT_I8, 0, FORMAT_F32}},
    {OP_HADAMARD, make_one_to_one, OVER(widths), {FORMAT_F16, FORMAT_F32, 0, FORMAT_F32}},
    {OP_HADAMARD, make_one_to_one, OVER(widths), {FORMAT_F16, FORMAT_I8, 0, FORMAT_F32}},
    {OP_QUANTISE, make_quantise, OVER(flat), {FORMAT_F32, FORMAT_I8, ROUND_AWAY, FORMAT_F32}},
    {OP_QUANTISE, make_quantise, OVER(flat), {FORMAT_F32, FORMAT_I8, ROUND_EVEN, FORMAT_F32}},
    {OP_QUANTISE, make_quantise, OVER(flat), {FORMAT_F16, FORMAT_I8, ROUND_AWAY, FORMAT_F32}},
    {OP_QUANTISE, make_quantise, OVER(flat), {FORMAT_F16, FORMAT_I8, ROUND_EVEN, FORMAT_F32}},
    {OP_QUANTISE_DYNAMIC, make_one_to_one, OVER(flat), {FORMAT_F32, FORMAT_I8, 0, FORMAT_F32}},
    {OP_DEQUANTISE, make_one_to_one, OVER(flat), {FORMAT_I8, FORMAT_F32, 0, FORMAT_F32}},
    {OP_DEQUANTISE, make_one_to_one, OVER(flat), {FORMAT_F16, FORMAT_F32, 0, FORMAT_F32}},
    {OP_DEQUANTISE, make_one_to_one, OVER(flat), {FORMAT_F32, FORMAT_F32, 0, FORMAT_F32}},
    {OP_RESIDUAL, make_residual, OVER(flat), {FORMAT_F32, FORMAT_F32, 0, FORMAT_F32}},
    {OP_RESIDUAL, make_residual, OVER(flat), {FORMAT_F16, FORMAT_F32, 0, FORMAT_F32}},
};
/* clang-format on */

bool verify_operators(Verify *v, Status *st) {
  v->rng = draw_by(&v->arena, "verify");
  for (int i = 0; i < COUNT(settings); i++)
    TRY(each_shape(v, settings[i].kind, settings[i].make, &settings[i].how, settings[i].shape,
                   settings[i].shapes, st));
  return true;
}

int verify_settings(OpKind kind) {
  int count = 0;
  for (int i = 0; i < COUNT(settings); i++) count += settings[i].kind == kind;
  return count;
}
