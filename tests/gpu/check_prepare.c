/* check_prepare: weights that the device prepares itself against those of the host, every bit: the
 * steps over strange values and sizes, then every weight of the shipped model from the bytes of its
 * checkpoint. */
#include "check.h"
#include "kept.h"

#include <float.h>

#include "../draws.h"
#include "../shipped_model.h"

#include "kernels/bf16.h"
#include "kernels/prepare.h"
#include "model/weight.h"
#include "source/cuda64.h"

static long differing, values_seen;

/* `bytes` there and here; what differs is said. */
static bool same(const char *what, const void *there, const void *here, size_t bytes) {
  unsigned char *got = malloc(bytes);
  const unsigned char *want = here;
  wait_or_exit(); /* copies to the host do not wait for what is queued ahead */
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
  wait_or_exit();
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

static void check_range(const double *there, size_t n, uint64_t beyond, float most) {
  PreparedRange *range = room_there(sizeof *range), got;
  prepare_range(&cuda, there, n, range);
  prepare_ranges_back(&cuda, &got, range, 1);
  wait_or_exit();
  if ((got.beyond != beyond || got.most != bits_of_f32(most)) && !differing++)
    printf("FAILED: prepare: beyond float32 is element %lld, not %lld; the largest is %a, not %a\n",
           (long long)got.beyond, (long long)beyond, (double)f32_of_bits(got.most), (double)most);
}

/* The host's way through float32: what model_prepare does of a weight. */
static void check_formats(int out, int in, double size, int odd) {
  const size_t n = (size_t)out * (size_t)in, f32 = linear_cuda_packed_bytes(out, in, FORMAT_F32),
               i8 = linear_cuda_packed_bytes(out, in, FORMAT_I8);
  double *values = made_values(n, size, odd), *there = sent(values, n * sizeof *values);
  float *rounded = keep(malloc(n * sizeof *rounded), 0);
  for (size_t i = 0; i < n; i++) rounded[i] = (float)values[i];
  const Tensor w = tensor_of(rounded, FORMAT_F32, out, in, 0);
  const float scale = scale_of((double)absmax(&w));
  Tensor q = tensor_of(keep(malloc(n), 0), FORMAT_I8, out, in, scale);
  quantise(&w, ROUND_EVEN, &q);
  void *panels = keep(malloc(linear_packed_bytes(out, in, FORMAT_F32) + 64), 0),
       *panels8 = keep(malloc(linear_packed_bytes(out, in, FORMAT_I8) + 64), 0);
  Linear packed = linear_pack(rounded, out, in, FORMAT_F32, 0, panels),
         packed8 = linear_pack(q.data, out, in, FORMAT_I8, scale, panels8);
  void *of_f32 = keep(malloc(f32), 0), *of_i8 = keep(malloc(i8), 0);
  linear_cuda_pack(&packed, of_f32);
  linear_cuda_pack(&packed8, of_i8);

  float *rows = room_there(n * sizeof *rows), *got = room_there(f32);
  int8_t *rows8 = room_there(n), *got8 = room_there(i8);
  check_range(there, n, UINT64_MAX, absmax(&w));
  prepare_values(&cuda, there, n, scale, rows, rows8);
  prepare_linear(&cuda, there, out, in, scale, got, got8);
  char what[64];
  snprintf(what, sizeof what, "[%d, %d] of size %g", out, in, size);
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
  check_range(sent(values, COUNT * sizeof *values), COUNT, 777, INFINITY);
  check_range(sent(values, 777 * sizeof *values), 777, UINT64_MAX, FLT_MAX);
  check_range(sent(values, sizeof *values), 0, UINT64_MAX, 0);
  kept_free();
}

/* What the checkpoint lacks is zeros. */
static void check_absent(void) {
  enum { OUT = 33, IN = 70 };
  const size_t f32 = linear_cuda_packed_bytes(OUT, IN, FORMAT_F32),
               i8 = linear_cuda_packed_bytes(OUT, IN, FORMAT_I8);
  const void *zeros = keep(calloc(f32, 1), 0);
  float *panels = room_there(f32), *rows = room_there(OUT * IN * sizeof *rows);
  int8_t *panels8 = room_there(i8), *rows8 = room_there(OUT * IN);
  prepare_linear(&cuda, NULL, OUT, IN, 1, panels, panels8);
  prepare_values(&cuda, NULL, OUT * IN, 1, rows, rows8);
  same("absent panels", panels, zeros, f32);
  same("absent int8 panels", panels8, zeros, i8);
  same("absent values", rows, zeros, OUT * IN * sizeof *rows);
  same("absent int8 values", rows8, zeros, OUT * IN);
  kept_free();
}

/* --- a model ---------------------------------------------------------------------------------- */

static void check_linear(const char *what, const Linear *there, const Linear *here) {
  const size_t bytes = linear_cuda_packed_bytes(here->out, here->in, here->format);
  void *packed = keep(malloc(bytes), 0);
  linear_cuda_pack(here, packed);
  same(what, there->panels, packed, bytes);
  const bool equal = there->out == here->out && there->in == here->in &&
                     there->format == here->format && there->scale == here->scale &&
                     !strcmp(there->name, here->name);
  if (!equal && !differing++) printf("FAILED: prepare: %s: another product\n", what);
}

static void check_values(const char *what, const Tensor *there, const Tensor *here) {
  if (!there->data != !here->data || there->scale.value != here->scale.value) {
    if (!differing++) printf("FAILED: prepare: %s: another tensor\n", what);
    return;
  }
  if (here->data)
    same(what, there->data, here->data,
         (size_t)here->rows * (size_t)here->cols * format_size(here->format));
}

static void check_weight(const Shipped *s, const Device *d, int layer, int w) {
  const WeightInfo *info = &s->checkpoint.config.family->weight[w];
  const ModelLayer *here = &s->model.layer[layer], *there = &d->model.layer[layer];
  const double *want = s->weights.layer[layer][w], *got = d->made.layer[layer][w];
  char what[96];
  snprintf(what, sizeof what, "layer %d, %s", layer, info->name);
  if (!want != !got && !differing++) printf("FAILED: prepare: %s: is it folded?\n", what);
  if (want && got) same(what, got, want, weight_values(&s->checkpoint.config, info) * sizeof *want);
  if (info->form == FORM_LINEAR) {
    check_linear(what, &there->f32[w].linear, &here->f32[w].linear);
    check_linear(what, &there->i8[w].linear, &here->i8[w].linear);
  } else {
    check_values(what, &there->f32[w].values, &here->f32[w].values);
    check_values(what, &there->i8[w].values, &here->i8[w].values);
  }
  kept_free();
}

/* Every weight of the model, and its head in both formats: as this host prepares them. */
static void check_model(Rewrite rewrite) {
  Shipped s = shipped_load(rewrite);
  const Config *c = &s.checkpoint.config;
  const size_t grids = (size_t)c->layers * sizeof *s.layers->grid;
  const size_t head64 = (size_t)c->vocab * (size_t)c->D * sizeof(double);
  WeightGrid(*grid)[WEIGHTS_MOST] = keep(malloc(grids), 0);
  double *head = keep(malloc(head64), 0);
  Status st = {0};
  Device device;
  Device64 reference;
  memcpy(grid, s.layers->grid, grids);
  memset(s.layers->grid, 0, grids);
  s.weights.ends.take(s.weights.ends.context, END_HEAD, 0, c->vocab, head);
  const DevicePlan plan = {.model = &s.model,
                           .layers = s.layers,
                           .forms = {.f32 = ~0u, .i8 = ~0u},
                           .reference = true,
                           .T = 1};
  if (!device_find(BACKEND_CUDA, "test", &device, &st) ||
      !device_load(&s.arena, &plan, &device, &st) || !device_hold_all(&device, &st) ||
      !device64_load(&device, &s.weights, &device.made, true, &reference, &st) ||
      !maker_head(&device.maker, reference.head, NULL, &st)) {
    differing++;
    printf("FAILED: prepare: %s\n", st.text);
    return;
  }
  same("head", reference.head, head, head64);
  check_linear("head", &device.model.head, &s.model.head);
  for (int layer = 0; layer < c->layers; layer++)
    for (int w = 0; w < c->family->weights; w++)
      if ((grid[layer][w].most != s.layers->grid[layer][w].most ||
           grid[layer][w].scale != s.layers->grid[layer][w].scale) &&
          !differing++)
        printf("FAILED: prepare: layer %d, weight %d: another grid\n", layer, w);
  kept_free();
  for (int layer = 0; layer < c->layers; layer++)
    for (int w = 0; w < c->family->weights; w++) check_weight(&s, &device, layer, w);
  device64_free(&reference);
  device_free(&device);
  cuda_again();
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
  check_absent();
  if (!small) check_model(REWRITE_NONE), check_model(REWRITE_QUAMBA);
  printf("prepare: %ld bytes %s\n", values_seen, differing ? "DIFFERENT" : "equal");
  return differing == 0;
}
