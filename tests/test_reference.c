/* The float64 reference: against the golden forward of the small model, against dense and
 * hand-worked definitions, and against itself on other numbers of threads. */
#include <criterion/criterion.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference/model64.h"
#include "reference/operators64.h"
#include "tests/draws.h"

#define GOLDEN "data/golden/bytes10m_fp64.h5"
#define MODEL "data/mamba-bytes-10m/"
enum { LAYERS = 24, D = 256, E = 512, N = 16, R = 16, K = 4, DBC = R + 2 * N, VOCAB = 256, T = 96 };
/* Two float64 computations of this model, however ordered, differ by far less than this. */
static const double TOLERANCE = 1e-10;
/* What reference/model64.h states of the golden tensors. */
static const double STATED = 1.7e-15;

/* --- memory that starts as junk --------------------------------------------------------------- */

static double *junk(size_t count) {
  double *x = malloc((count ? count : 1) * sizeof *x);
  cr_assert_not_null(x);
  for (size_t i = 0; i < count; i++) x[i] = NAN;
  return x;
}

/* In [-1, 1), the same on every run. */
static double *noise(size_t count, unsigned long seed) {
  double *x = junk(count);
  gsl_rng *rng = draws_from(seed);
  for (size_t i = 0; i < count; i++) x[i] = 2 * gsl_rng_uniform(rng) - 1;
  return x;
}

/* --- readers of the test's own ---------------------------------------------------------------- */

static double half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
  return bits >> 15 ? -magnitude : magnitude;
}

typedef struct Shard {
  json_t *header;
  uint8_t *data;
} Shard;

static Shard shard_read(const char *path) {
  FILE *file = fopen(path, "rb");
  cr_assert(file, "%s: cannot be opened", path);
  uint64_t header_size = 0;
  cr_assert_eq(fread(&header_size, 8, 1, file), 1);
  cr_assert_eq(fseek(file, 0, SEEK_END), 0);
  const size_t rest = (size_t)ftell(file) - 8;
  cr_assert(header_size < rest);
  cr_assert_eq(fseek(file, 8, SEEK_SET), 0);
  char *text = malloc(rest);
  cr_assert_eq(fread(text, 1, rest, file), rest);
  fclose(file);
  json_error_t error;
  json_t *header = json_loadb(text, header_size, JSON_REJECT_DUPLICATES, &error);
  cr_assert(header, "%s: %s", path, error.text);
  return (Shard){header, (uint8_t *)text + header_size};
}

static const double *weight(const Shard shard[2], size_t count, const char *format, int layer) {
  char name[128];
  snprintf(name, sizeof name, format, layer); /* a name without a number ignores the layer */
  const json_t *entry = NULL;
  int s = 0;
  for (; s < 2 && !entry; s++) entry = json_object_get(shard[s].header, name);
  cr_assert(entry, "%s: in neither shard", name);
  cr_assert_str_eq(json_string_value(json_object_get(entry, "dtype")), "F16");
  const json_t *offsets = json_object_get(entry, "data_offsets");
  const size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0));
  const size_t end = (size_t)json_integer_value(json_array_get(offsets, 1));
  cr_assert_eq(end - begin, 2 * count, "%s: got %zu values, want %zu", name, (end - begin) / 2,
               count);
  double *values = junk(count);
  for (size_t i = 0; i < count; i++) {
    uint16_t bits;
    memcpy(&bits, shard[s - 1].data + begin + 2 * i, 2);
    values[i] = half(bits);
  }
  return values;
}

static Model64 model_read(void) {
  const Shard shard[2] = {shard_read(MODEL "model-00001-of-00002.safetensors"),
                          shard_read(MODEL "model-00002-of-00002.safetensors")};
  static Layer64 layer[LAYERS];
#define MIXER(count, name) weight(shard, count, "backbone.layers.%d.mixer." name, l)
  for (int l = 0; l < LAYERS; l++)
    layer[l] = (Layer64){.norm = weight(shard, D, "backbone.layers.%d.norm.weight", l),
                         .in_proj = MIXER(2 * E * D, "in_proj.weight"),
                         .conv_weight = MIXER(E * K, "conv1d.weight"),
                         .conv_bias = MIXER(E, "conv1d.bias"),
                         .x_proj = MIXER(DBC * E, "x_proj.weight"),
                         .dt_proj = MIXER(E * R, "dt_proj.weight"),
                         .dt_bias = MIXER(E, "dt_proj.bias"),
                         .A_log = MIXER(E * N, "A_log"),
                         .D = MIXER(E, "D"),
                         .out_proj = MIXER(D * E, "out_proj.weight")};
#undef MIXER
  const double *embedding = weight(shard, VOCAB * D, "backbone.embeddings.weight", 0);
  const Model64 m = {.D = D,
                     .E = E,
                     .N = N,
                     .R = R,
                     .K = K,
                     .layers = LAYERS,
                     .vocab = VOCAB,
                     .eps = 1e-5,
                     .embedding = embedding,
                     .norm_f = weight(shard, D, "backbone.norm_f.weight", 0),
                     .head = embedding,
                     .layer = layer};
  for (int s = 0; s < 2; s++) json_decref(shard[s].header);
  return m;
}

static Block64 block_buffers(int tokens) {
  const size_t t = (size_t)tokens;
  return (Block64){.norm = junk(t * D),
                   .in_proj = junk(t * 2 * E),
                   .conv1d = junk(t * E),
                   .conv1d_silu = junk(t * E),
                   .x_proj = junk(t * DBC),
                   .dt_proj = junk(t * E),
                   .delta = junk(t * E),
                   .scan = junk(t * E),
                   .gated = junk(t * E),
                   .out_proj_in = junk(t * E),
                   .out_proj = junk(t * D),
                   .block_out = junk(t * D),
                   .ssm_state = junk(E * N)};
}

static double *golden(hid_t file, const char *name, size_t count) {
  hsize_t dims[2] = {1, 1};
  cr_assert(H5LTget_dataset_info(file, name, dims, NULL, NULL) >= 0, "%s: not in the golden file",
            name);
  cr_assert_eq(dims[0] * dims[1], count, "%s: got %llu x %llu values, want %zu", name,
               (unsigned long long)dims[0], (unsigned long long)dims[1], count);
  double *x = junk(count);
  cr_assert(H5LTread_dataset_double(file, name, x) >= 0, "%s: cannot be read", name);
  return x;
}

/* All that the file holds, but for its tokens and the groups themselves. */
static int golden_tensors(hid_t file) {
  H5G_info_t info;
  cr_assert(H5Gget_info(file, &info) >= 0);
  int count = (int)info.nlinks - 1 - LAYERS;
  for (int l = 0; l < LAYERS; l++) {
    char name[64];
    snprintf(name, sizeof name, "layer_%02d", l);
    cr_assert(H5Gget_info_by_name(file, name, &info, H5P_DEFAULT) >= 0,
              "%s: not in the golden file", name);
    count += (int)info.nlinks;
  }
  return count;
}

static void golden_tokens(hid_t file, int32_t token[T]) {
  double *x = golden(file, "token_id", T);
  for (int t = 0; t < T; t++) token[t] = (int32_t)x[t];
  free(x);
}

/* --- the model -------------------------------------------------------------------------------- */

typedef struct Worst {
  double error;
  char name[64];
  int compared;
} Worst;

/* Relative Frobenius distance of got to the golden tensor of that name. */
static void agrees(hid_t file, const char *name, const double *got, size_t count, Worst *worst) {
  double *want = golden(file, name, count);
  double difference = 0, size = 0;
  for (size_t i = 0; i < count; i++) {
    difference += (got[i] - want[i]) * (got[i] - want[i]);
    size += want[i] * want[i];
  }
  const double error = sqrt(difference / size);
  cr_log_info("%-22s relative error %.2e", name, error);
  cr_expect(error <= TOLERANCE,
            "%s: relative error %.3e, want at most %.0e; first value got %a, want %a", name, error,
            TOLERANCE, got[0], want[0]);
  worst->compared++;
  if (!(error <= worst->error)) {
    worst->error = error;
    snprintf(worst->name, sizeof worst->name, "%s", name);
  }
  free(want);
}

Test(reference, every_golden_tensor_and_bits_per_byte_are_reproduced) {
  const hid_t file = H5Fopen(GOLDEN, H5F_ACC_RDONLY, H5P_DEFAULT);
  cr_assert(file >= 0, GOLDEN ": cannot be opened");
  const Model64 m = model_read();
  int32_t token[T];
  golden_tokens(file, token);
  Worst worst = {0};

  double *x = junk((size_t)T * D);
  embed64(&ops64_cpu, &m, token, T, x);
  agrees(file, "embedding", x, (size_t)T * D, &worst);
  for (int l = 0; l < LAYERS; l++) {
    const Block64 b = block_buffers(T);
    block64(&ops64_cpu, &m, l, x, T, &b);
    char name[64];
#define AGREES(tensor, values, count)                                                              \
  (snprintf(name, sizeof name, "layer_%02d/" tensor, l),                                           \
   agrees(file, name, values, (size_t)(count), &worst))
    if (l == 0 || l == LAYERS - 1) {
      AGREES("block_in", x, T * D);
      AGREES("norm", b.norm, T * D);
      AGREES("in_proj", b.in_proj, T * 2 * E);
      AGREES("conv1d", b.conv1d, T * E);
      AGREES("conv1d_silu", b.conv1d_silu, T * E);
      AGREES("x_proj", b.x_proj, T * DBC);
      AGREES("dt_proj", b.dt_proj, T * E);
      AGREES("delta", b.delta, T * E);
      AGREES("scan", b.scan, T * E);
      AGREES("gated", b.gated, T * E);
      AGREES("out_proj", b.out_proj, T * D);
      AGREES("ssm_state", b.ssm_state, E * N);
    }
    AGREES("block_out", b.block_out, T * D);
    cr_assert_arr_eq(b.out_proj_in, b.gated, (size_t)T * E * sizeof(double),
                     "no transform: out_proj_in is gated");
    memcpy(x, b.block_out, (size_t)T * D * sizeof *x);
  }
  double *norm_f = junk((size_t)T * D), *logits = junk((size_t)T * VOCAB);
  head64(&ops64_cpu, &m, x, T, norm_f, logits);
  agrees(file, "norm_f", norm_f, (size_t)T * D, &worst);
  agrees(file, "logits", logits, (size_t)T * VOCAB, &worst);
  const int want_compared = golden_tensors(file);
  cr_expect_eq(worst.compared, want_compared, "compared %d tensors of the %d in the file",
               worst.compared, want_compared);

  double bits = 0, want = NAN;
  for (int t = 0; t + 1 < T; t++) {
    double sum = 0;
    for (int v = 0; v < VOCAB; v++)
      sum += exp2((logits[t * VOCAB + v] - logits[t * VOCAB + token[t + 1]]) * M_LOG2E);
    bits += log2(sum) / (T - 1);
  }
  cr_assert(H5LTget_attribute_double(file, "/", "bits_per_byte", &want) >= 0);
  cr_expect(fabs(bits / want - 1) <= TOLERANCE, "bits per byte: got %.15f, want %.15f", bits, want);
  printf("reference: %d tensors, largest relative error %.2e (%s); bits per byte %.12f, golden "
         "%.12f\n",
         worst.compared, worst.error, worst.name, bits, want);
  cr_expect(worst.error <= STATED, "%s: relative error %.2e, stated at most %.1e", worst.name,
            worst.error, STATED);
  H5Fclose(file);
}

/* 75 tokens: two whole panels of a product and a part, whatever the panel's height up to 37. */
Test(reference, bits_do_not_depend_on_the_number_of_threads) {
  const hid_t file = H5Fopen(GOLDEN, H5F_ACC_RDONLY, H5P_DEFAULT);
  Model64 m = model_read();
  m.hadamard = true;
  m.layers = 3;
  int32_t token[T];
  golden_tokens(file, token);
  enum { SHORT = 75 };
  double *logits[3], *state[3];
  for (int run = 0; run < 3; run++) {
    omp_set_num_threads(run + 1);
    const Block64 b = block_buffers(SHORT);
    double *x = junk((size_t)SHORT * D), *norm_f = junk((size_t)SHORT * D);
    logits[run] = junk((size_t)SHORT * VOCAB);
    state[run] = b.ssm_state;
    embed64(&ops64_cpu, &m, token, SHORT, x);
    for (int l = 0; l < m.layers; l++) {
      block64(&ops64_cpu, &m, l, x, SHORT, &b);
      memcpy(x, b.block_out, (size_t)SHORT * D * sizeof *x);
    }
    head64(&ops64_cpu, &m, x, SHORT, norm_f, logits[run]);
    for (int i = 0; i < SHORT * VOCAB; i++)
      cr_assert(isfinite(logits[run][i]) && memcmp(&logits[0][i], &logits[run][i], 8) == 0,
                "logits[%d, %d] on %d threads: got %a, want %a", i / VOCAB, i % VOCAB, run + 1,
                logits[run][i], logits[0][i]);
    cr_assert_arr_eq(state[run], state[0], sizeof(double) * E * N,
                     "final state differs on %d threads", run + 1);
  }
  H5Fclose(file);
}

/* 75 tokens, and their first 1, 7, 20 and 33: sums over k and over states end where they end. */
Test(reference, a_tokens_bits_do_not_depend_on_what_comes_after_it) {
  Model64 m = model_read();
  m.hadamard = true;
  enum { LONG = 75 };
  static const int shorter[] = {1, 7, 20, 33};
  const double *x = noise(LONG * D, 12);
  const Block64 whole = block_buffers(LONG);
  double *norm_f = junk(LONG * D), *logits = junk(LONG * VOCAB);
  block64(&ops64_cpu, &m, 3, x, LONG, &whole);
  head64(&ops64_cpu, &m, x, LONG, norm_f, logits);
  for (int s = 0; s < 4; s++) {
    const int tokens = shorter[s];
    const Block64 part = block_buffers(tokens);
    double *own_norm = junk((size_t)tokens * D), *own_logits = junk((size_t)tokens * VOCAB);
    block64(&ops64_cpu, &m, 3, x, tokens, &part);
    head64(&ops64_cpu, &m, x, tokens, own_norm, own_logits);
#define SAME(tensor, width)                                                                        \
  cr_assert_arr_eq(part.tensor, whole.tensor, (size_t)tokens *(width) * sizeof(double),            \
                   #tensor " of %d tokens", tokens)
    SAME(norm, D);
    SAME(in_proj, 2 * E);
    SAME(conv1d_silu, E);
    SAME(x_proj, DBC);
    SAME(dt_proj, E);
    SAME(gated, E);
    SAME(out_proj_in, E);
    SAME(block_out, D);
#undef SAME
    cr_assert_arr_eq(own_logits, logits, (size_t)tokens * VOCAB * sizeof(double),
                     "logits of %d tokens", tokens);
  }
}

Test(reference, absent_gain_and_bias_are_gain_one_and_bias_zero) {
  Model64 m = model_read();
  double *x = noise(5 * D, 11), *ones = junk(D), *zeros = calloc(E, sizeof *zeros);
  for (int d = 0; d < D; d++) ones[d] = 1;
  Layer64 layer[2] = {m.layer[7], m.layer[7]};
  layer[0].norm = layer[0].conv_bias = NULL;
  layer[1].norm = ones;
  layer[1].conv_bias = zeros;
  m.layer = layer;
  const Block64 absent = block_buffers(5), given = block_buffers(5);
  block64(&ops64_cpu, &m, 0, x, 5, &absent);
  block64(&ops64_cpu, &m, 1, x, 5, &given);
  for (int i = 0; i < 5 * D; i++)
    cr_assert_eq(absent.block_out[i], given.block_out[i], "block_out[%d]", i);

  double *norm_f[2] = {junk(5 * D), junk(5 * D)}, *logits[2] = {junk(5 * VOCAB), junk(5 * VOCAB)};
  for (int g = 0; g < 2; g++) {
    m.norm_f = g ? ones : NULL;
    head64(&ops64_cpu, &m, x, 5, norm_f[g], logits[g]);
  }
  for (int i = 0; i < 5 * VOCAB; i++) cr_assert_eq(logits[0][i], logits[1][i], "logits[%d]", i);
}
