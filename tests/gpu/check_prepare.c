/* check_prepare: weights that the device prepares itself against those of the host, every bit: the
 * steps over strange values and sizes, then every weight of the shipped model from the bytes of its
 * checkpoint. */
#include "check.h"
#include "kept.h"

#include "../draws.h"
#include "../shipped_model.h"

#include "kernels/bf16.h"
#include "kernels/prepare.h"
#include "model/weight.h"
#include "reference/cuda64.h"

static long differing, values_seen;

/* `bytes` there and here; what differs is said. */
static bool same(const char *what, const void *there, const void *here, size_t bytes) {
  unsigned char *got = malloc(bytes);
  const unsigned char *want = here;
  cuda_to_host(&cuda, got, there, bytes);
  wait_or_exit();
  size_t at = 0;
  while (at < bytes && got[at] == want[at]) at++;
  free(got);
  values_seen += (long)bytes;
  if (at == bytes) return true;
  differing++;
  printf("FAILED: prepare: %s: byte %zu of %zu differs\n", what, at, bytes);
  return false;
}

static void *sent(const void *data, size_t bytes) {
  void *there = keep(cuda_reserve(&cuda, bytes + 64), 1);
  cuda_to_device_ahead(&cuda, there, data, bytes);
  return there;
}

/* Filled with junk. */
static void *room_there(size_t bytes) {
  void *junk = keep(malloc(bytes), 0);
  memset(junk, 0x5a, bytes);
  return sent(junk, bytes);
}

static const Stored stored_as[] = {[WEIGHT_F16] = STORED_F16,
                                   [WEIGHT_BF16] = STORED_BF16,
                                   [WEIGHT_F32] = STORED_F32,
                                   [WEIGHT_F64] = STORED_F64};

/* Every half and every bfloat16; float32 and float64 of all exponents. */
static void check_widening(WeightType type) {
  enum { COUNT = 1 << 16 };
  const size_t bytes = COUNT * weight_size(type);
  uint16_t *stored = keep(malloc(bytes), 0);
  for (size_t i = 0; i < bytes / 2; i++)
    stored[i] = weight_size(type) == 2 ? (uint16_t)i : (uint16_t)random_bits();
  const Weight w = {.type = type, .data = stored, .count = COUNT};
  double *want = keep(malloc(COUNT * sizeof *want), 0), *got = room_there(COUNT * sizeof *want);
  weight_to_f64(&w, want);
  prepare_widen(&cuda, sent(stored, bytes), stored_as[type], COUNT, got);
  double *back = keep(malloc(COUNT * sizeof *back), 0);
  cuda_to_host(&cuda, back, got, COUNT * sizeof *back);
  wait_or_exit();
  for (size_t i = 0; i < COUNT; i++)
    if (memcmp(&back[i], &want[i], sizeof *want) && !(isnan(back[i]) && isnan(want[i])) &&
        !differing++)
      printf("FAILED: prepare: %s element %zu: cuda %a, cpu %a\n", weight_type_name(type), i,
             back[i], want[i]);
  values_seen += COUNT;
  kept_free();
}

/* Of about `size`; where `odd`, zeros of either sign, ties of float32, denormals. */
static double *made_values(size_t n, double size, int odd) {
  double *values = keep(malloc(n * sizeof *values), 0);
  static const double strange[] = {0,        -0.0,       1 + 0x1p-24, 1 + 0x3p-24,    -0x1p-149,
                                   0x1p-150, 0x1.8p-140, 1e-300,      0x1.fffffefp-1, 63.5};
  for (size_t i = 0; i < n; i++)
    values[i] =
        odd && random_bits() % 20 == 0
            ? strange[random_bits() % 10]
            : size * ((double)random_bits() * 0x1p-31 - 1 + (double)random_bits() * 0x1p-60);
  return values;
}

/* The host's way through float32: what model_prepare does of a weight. */
static void check_formats(int out, int in, double size, int odd) {
  const size_t n = (size_t)out * (size_t)in, f32 = linear_cuda_packed_bytes(out, in, FORMAT_F32),
               i8 = linear_cuda_packed_bytes(out, in, FORMAT_I8);
  double *values = made_values(n, size, odd), *there = sent(values, n * sizeof *values);
  float *rounded = keep(malloc(n * sizeof *rounded), 0);
  for (size_t i = 0; i < n; i++) rounded[i] = (float)values[i];
  const Tensor w = tensor_of(rounded, FORMAT_F32, out, in, 0);
  PreparedGrid want = {.beyond = UINT64_MAX, .most = bits_of_f32(absmax(&w))};
  want.scale = scale_of((double)absmax(&w));
  Tensor q = tensor_of(keep(malloc(n), 0), FORMAT_I8, out, in, want.scale);
  quantise(&w, ROUND_EVEN, &q);
  void *panels = keep(malloc(linear_packed_bytes(out, in, FORMAT_F32) + 64), 0),
       *panels8 = keep(malloc(linear_packed_bytes(out, in, FORMAT_I8) + 64), 0);
  Linear packed = linear_pack(rounded, out, in, FORMAT_F32, 0, panels),
         packed8 = linear_pack(q.data, out, in, FORMAT_I8, want.scale, panels8);
  void *of_f32 = keep(malloc(f32), 0), *of_i8 = keep(malloc(i8), 0);
  linear_cuda_pack(&packed, of_f32);
  linear_cuda_pack(&packed8, of_i8);

  PreparedGrid *grid = room_there(sizeof *grid);
  float *rows = room_there(n * sizeof *rows), *got = room_there(f32);
  int8_t *rows8 = room_there(n), *got8 = room_there(i8);
  prepare_grid(&cuda, there, n, grid);
  prepare_values(&cuda, there, n, grid, rows, rows8);
  prepare_linear(&cuda, there, out, in, grid, got, got8);
  char what[64];
  snprintf(what, sizeof what, "[%d, %d] of size %g", out, in, size);
  same(what, grid, &want, sizeof want);
  same(what, rows, rounded, n * sizeof *rounded);
  same(what, rows8, q.data, n);
  same(what, got, of_f32, f32);
  same(what, got8, of_i8, i8);
  kept_free();
}

/* The first element that float32 cannot hold is found, wherever others stand. */
static void check_beyond(void) {
  enum { COUNT = 300000 };
  double *values = made_values(COUNT, 1, 0);
  values[299999] = 1e39, values[777] = -0x1.ffffffp127, values[123456] = NAN;
  values[5] = 0x1.fffffefp127; /* rounds to FLT_MAX */
  PreparedGrid *grid = room_there(sizeof *grid), got;
  prepare_grid(&cuda, sent(values, COUNT * sizeof *values), COUNT, grid);
  cuda_to_host(&cuda, &got, grid, sizeof got);
  wait_or_exit();
  if (got.beyond != 777 && ++differing)
    printf("FAILED: prepare: element %ld is beyond float32, not 777\n", (long)got.beyond);
  kept_free();
}

/* --- a model ---------------------------------------------------------------------------------- */

/* A weight of a layer from its bytes to float64, as rewrite_layer makes it. */
static void take(const Config *c, const WeightInfo *info, const Weight *weight, const double *gain,
                 Ops64 *ops, double *values) {
  const int rows = weight_rows(c, info), cols = weight_cols(c, info);
  void *stored = sent(weight->data, weight->count * weight_size(weight->type));
  prepare_widen(&cuda, stored, stored_as[weight->type], weight->count, values);
  if (gain) ops->scale_columns(ops->context, values, rows, cols, gain);
  if (info->rotate_in) ops->hadamard(ops->context, values, rows, cols, values);
  if (info->rotate_out) ops->hadamard_columns(ops->context, values, rows, cols);
}

static void check_weight(const Shipped *s, int layer, int w, Ops64 *ops) {
  const Config *c = &s->checkpoint.config;
  const WeightInfo *info = &c->family->weight[w];
  const Weight *weights = s->checkpoint.layer[layer], *weight = &weights[w];
  const double *want = s->weights.layer[layer][w];
  const int rows = weight_rows(c, info), cols = weight_cols(c, info);
  const Prepared *f32 = &s->model.layer[layer].f32[w], *i8 = &s->model.layer[layer].i8[w];
  if (!want || info->form == FORM_GAIN) return;
  double *gain = NULL, *values = room_there(weight->count * sizeof *values);
  if (info->gain != ABSENT) {
    gain = room_there((size_t)cols * sizeof *gain);
    take(c, &c->family->weight[info->gain], &weights[info->gain], NULL, ops, gain);
  }
  take(c, info, weight, gain, ops, values);
  char what[96];
  snprintf(what, sizeof what, "layer %d, %s", layer, info->name);
  same(what, values, want, weight->count * sizeof *values);
  PreparedGrid *grid = room_there(sizeof *grid);
  prepare_grid(&cuda, values, weight->count, grid);
  const WeightGrid *host = &s->layers->grid[layer][w];
  const PreparedGrid as_host = {UINT64_MAX, bits_of_f32((float)host->most), host->scale};
  same(what, grid, &as_host, sizeof as_host);
  if (info->form == FORM_LINEAR) {
    const size_t bytes = linear_cuda_packed_bytes(rows, cols, FORMAT_F32),
                 bytes8 = linear_cuda_packed_bytes(rows, cols, FORMAT_I8);
    void *of_f32 = keep(malloc(bytes), 0), *of_i8 = keep(malloc(bytes8), 0);
    float *got = room_there(bytes);
    int8_t *got8 = room_there(bytes8);
    linear_cuda_pack(&f32->linear, of_f32);
    linear_cuda_pack(&i8->linear, of_i8);
    prepare_linear(&cuda, values, rows, cols, grid, got, got8);
    same(what, got, of_f32, bytes);
    same(what, got8, of_i8, bytes8);
  } else {
    float *got = room_there(weight->count * sizeof *got);
    int8_t *got8 = room_there(weight->count);
    prepare_values(&cuda, values, weight->count, grid, got, got8);
    same(what, got, f32->values.data, weight->count * sizeof *got);
    same(what, got8, i8->values.data, weight->count);
  }
  kept_free();
}

static void check_model(Rewrite rewrite) {
  Shipped s = shipped_load(rewrite);
  Cuda64 there = cuda64_on(cuda.ahead);
  Ops64 ops = ops64_cuda(&there);
  const int layers = there.first_error[0] ? 0 : s.model.layers;
  for (int layer = 0; layer < layers; layer++)
    for (int w = 0; w < s.checkpoint.config.family->weights; w++) check_weight(&s, layer, w, &ops);
  if (there.first_error[0] && ++differing) printf("FAILED: prepare: %s\n", there.first_error);
  arena_release(&s.arena);
}

bool check_prepare(bool small) {
  for (int type = 0; type < 4; type++) check_widening((WeightType)type);
  static const int shape[][2] = {{1, 1},    {3, 70},    {16, 33},   {31, 64},  {64, 5},
                                 {33, 129}, {80, 1536}, {257, 768}, {1536, 48}};
  for (int i = 0; i < 9; i++)
    for (int odd = 0; odd < 2; odd++) check_formats(shape[i][0], shape[i][1], odd ? 40 : 0.02, odd);
  check_formats(4, 4, 1e-9, 0); /* below the least scale */
  check_formats(2, 3, 0, 0);
  check_beyond();
  if (!small) check_model(REWRITE_QUAMBA);
  printf("prepare: %ld bytes %s\n", values_seen, differing ? "DIFFERENT" : "equal");
  return differing == 0;
}
