/* made_model: a small `mamba` checkpoint written from code, whole, in shards, or with one thing
 * wrong in it. */
#ifndef DS_TESTS_MADE_MODEL_H
#define DS_TESTS_MADE_MODEL_H
#include <math.h>
#include <sys/stat.h>

#include "model/checkpoint.h"
#include "tests/model_files.h"

/* A small model: D 4, E 8, N 2, R 1, K 4, two or three layers, vocabulary 6. */
enum { MAX_TENSORS = 32, MAX_VALUES = 96, INDEX_TEXT = 8192 };

typedef struct Made {
  char name[64];
  const char *dtype;
  int rank, shape[3];
  int shard; /* 1 or 2; 0: left out */
  double value[MAX_VALUES];
} Made;

typedef struct Model {
  Made tensor[MAX_TENSORS];
  int count;
} Model;

static inline int made_count(const Made *t) {
  int count = 1;
  for (int i = 0; i < t->rank; i++) count *= t->shape[i];
  cr_assert(count <= MAX_VALUES, "the test's tensor %s has no room for %d values", t->name, count);
  return count;
}

/* Values k / 64 with |k| <= 100: exact in every type. */
static inline Made *add(Model *m, const char *dtype, const char *name, int rank, int a, int b,
                        int c) {
  Made *t = &m->tensor[m->count];
  *t = (Made){.dtype = dtype, .rank = rank, .shape = {a, b, c}, .shard = m->count < 12 ? 1 : 2};
  snprintf(t->name, sizeof t->name, "%s", name);
  for (int i = 0; i < MAX_VALUES; i++) t->value[i] = ((m->count * 31 + i * 7) % 201 - 100) / 64.0;
  m->count++;
  return t;
}

static inline Model *model_of_layers(const char *dtype, int layers) {
  Model *m = ARENA_NEW(&test_arena, Model, 1);
  add(m, dtype, "backbone.embeddings.weight", 2, 6, 4, 0);
  for (int l = 0; l < layers; l++) {
    char name[64];
#define LAYER(suffix, ...)                                                                         \
  snprintf(name, sizeof name, "backbone.layers.%d.%s", l, suffix), add(m, dtype, name, __VA_ARGS__)
    LAYER("norm.weight", 1, 4, 0, 0);
    LAYER("mixer.in_proj.weight", 2, 16, 4, 0);
    LAYER("mixer.conv1d.weight", 3, 8, 1, 4);
    LAYER("mixer.conv1d.bias", 1, 8, 0, 0);
    LAYER("mixer.x_proj.weight", 2, 5, 8, 0);
    LAYER("mixer.dt_proj.weight", 2, 8, 1, 0);
    LAYER("mixer.dt_proj.bias", 1, 8, 0, 0);
    LAYER("mixer.A_log", 2, 8, 2, 0);
    LAYER("mixer.D", 1, 8, 0, 0);
    LAYER("mixer.out_proj.weight", 2, 4, 8, 0);
#undef LAYER
  }
  add(m, dtype, "backbone.norm_f.weight", 1, 4, 0, 0);
  return m;
}

static inline Model *model_of(const char *dtype) { return model_of_layers(dtype, 2); }

static inline Made *tensor(Model *m, const char *name) {
  for (int i = 0; i < m->count; i++)
    if (strcmp(m->tensor[i].name, name) == 0) return &m->tensor[i];
  cr_assert_fail("the test has no tensor %s", name);
  return NULL;
}

/* What 16 bits stand for, as IEEE 754 words it: `width` bits of fraction, the exponent's bias, its
 * highest code. */
static inline double value_of_16_bits(int bits, int width, int bias, int top) {
  int exponent = bits >> width & top, fraction = bits & ((1 << width) - 1);
  double value = exponent == 0     ? ldexp(fraction, 1 - bias - width)
                 : exponent == top ? (fraction ? NAN : INFINITY)
                                   : ldexp(fraction + (1 << width), exponent - bias - width);
  return bits & 0x8000 ? -value : value;
}

/* The F16 of a value that is zero, normal and exact, or not finite. */
static inline uint16_t f16_bits(double value) {
  int exponent = 0, sign = signbit(value) ? 0x8000 : 0;
  double fraction = frexp(fabs(value), &exponent);
  int bits = isnan(value)   ? 0x7e00
             : isinf(value) ? 0x7c00
             : value == 0   ? 0
                            : (exponent + 14) << 10 | (int)((2 * fraction - 1) * 1024);
  return (uint16_t)(sign | bits);
}

/* A value as stored. */
static inline size_t encode(const char *dtype, double value, unsigned char *out) {
  float f = (float)value;
  if (strcmp(dtype, "F64") == 0) return memcpy(out, &value, 8), 8;
  if (strcmp(dtype, "F32") == 0) return memcpy(out, &f, 4), 4;
  if (strcmp(dtype, "F16") == 0) {
    uint16_t h = f16_bits(value);
    return memcpy(out, &h, 2), 2;
  }
  if (strcmp(dtype, "BF16") == 0) return memcpy(out, (char *)&f + 2, 2), 2;
  if (strcmp(dtype, "I32") == 0) return memset(out, 0, 4), 4;
  return *out = 0, 1; /* I8, U8 */
}

/* The tensors of one shard (0: of all) as a file; `odd_start` puts one byte before them, so that
 * none is aligned. */
static inline void write_shard(const Model *m, const char *file, int shard, bool odd_start) {
  char *header = arena_alloc(&test_arena, INDEX_TEXT, 1), *h = header;
  unsigned char *data = arena_alloc(&test_arena, MAX_TENSORS * MAX_VALUES * 8, 1);
  size_t at = 0;
  h += sprintf(h, "{\"__metadata__\":{\"format\":\"pt\"}");
  if (odd_start) {
    h += sprintf(h, ",\"pad\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}");
    at = 1;
  }
  for (int i = 0; i < m->count; i++) {
    const Made *t = &m->tensor[i];
    if (!t->shard || (shard && t->shard != shard)) continue;
    size_t begin = at;
    for (int k = 0; k < made_count(t); k++) at += encode(t->dtype, t->value[k], data + at);
    h += sprintf(h, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t->name, t->dtype);
    for (int k = 0; k < t->rank; k++) h += sprintf(h, "%s%d", k ? "," : "", t->shape[k]);
    h += sprintf(h, "],\"data_offsets\":[%zu,%zu]}", begin, at);
  }
  strcpy(h, "}");
  cr_assert(h < header + INDEX_TEXT);
  while ((8 + strlen(header)) % 8) strcat(header, " ");
  test_write_safetensors(file, header, data, at);
}

static const char *const usual_config[][2] = {
    {"model_type", "\"mamba\""},
    {"architectures", "[\"MambaForCausalLM\"]"},
    {"hidden_size", "4"},
    {"num_hidden_layers", "2"},
    {"vocab_size", "6"},
    {"state_size", "2"},
    {"conv_kernel", "4"},
    {"time_step_rank", "1"},
    {"layer_norm_epsilon", "2e-5"},
    {"torch_dtype", "\"float16\""},
};

/* The usual config, with pairs of key and value put in place of its own or beside them; ends with
 * NULL. A value of NULL leaves the key out. */
static inline void write_config(const char *const *change) {
  char *text = arena_alloc(&test_arena, 4096, 1), *at = text;
  for (size_t i = 0; i < sizeof usual_config / sizeof *usual_config; i++) {
    bool changed = false;
    for (const char *const *c = change; *c; c += 2) changed |= strcmp(*c, usual_config[i][0]) == 0;
    if (!changed)
      at += sprintf(at, "%s\"%s\": %s", at == text ? "{" : ", ", usual_config[i][0],
                    usual_config[i][1]);
  }
  for (const char *const *c = change; *c; c += 2)
    if (c[1]) at += sprintf(at, ", \"%s\": %s", c[0], c[1]);
  strcpy(at, "}");
  test_write("config.json", text, strlen(text));
}
#define CONFIG(...) write_config((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static inline void write_index(const Model *m, const char *second) {
  char *text = arena_alloc(&test_arena, INDEX_TEXT, 1), *at = text;
  at += sprintf(at, "{\"metadata\":{\"total_size\":1},\"weight_map\":{");
  for (int i = 0; i < m->count; i++)
    at += sprintf(at, "%s\"%s\":\"%s\"", i ? "," : "", m->tensor[i].name,
                  m->tensor[i].shard == 1 ? "one.safetensors" : second);
  strcpy(at, "}}");
  test_write("model.safetensors.index.json", text, strlen(text));
}

static inline void write_two_shards(const Model *m) {
  write_shard(m, "one.safetensors", 1, false);
  write_shard(m, "two.safetensors", 2, false);
  write_index(m, "two.safetensors");
}

static inline void open_good(Checkpoint *c) {
  Status st = {0};
  memset(c, 0xa5, sizeof *c);
  cr_assert(checkpoint_open(&test_arena, test_folder, c, &st), "%s", st.text);
}

static inline void refuse(const char *const *words) {
  Checkpoint c;
  Status st = {0};
  memset(&c, 0xa5, sizeof c);
  test_refused(checkpoint_open(&test_arena, test_folder, &c, &st), &st, words);
  cr_expect(strncmp(st.text, test_folder, strlen(test_folder)) == 0,
            "the file is not named first: %s", st.text);
}

static inline void refuse_model(const Model *m, const char *const *words) {
  write_shard(m, "model.safetensors", 0, false);
  refuse(words);
}

/* Quantised checkpoints: each way to see that it is one, and always what to give instead. */
static const char instead[] = "unquantised Hugging Face `mamba` or `falcon_mamba` checkpoint in "
                              "safetensors files: driftscope quantises by itself";
#endif
