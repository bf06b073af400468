#include "model/synth.h"

#include <errno.h>
#include <fcntl.h>
#include <gsl/gsl_randist.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/draw.h"
#include "base/file.h"
#include "family/family.h"

enum { STATES = 16, TAPS = 4, EXPAND = 2, CHANNELS_PER_RANK = 16, VOCAB = 50280 };
enum { OUTLIERS = 4, CHUNK = 1 << 18 };
#define EPS 1e-5
#define FILE_BYTES 2000000000
static const double step_least = 1e-3, step_most = 1e-1, embedding_sd = 0.02;

const SynthShape synth_shapes[] = {
    {"mamba-130m", 768, 24, VOCAB, FILE_BYTES},  {"mamba-370m", 1024, 48, VOCAB, FILE_BYTES},
    {"mamba-790m", 1536, 48, VOCAB, FILE_BYTES}, {"mamba-1.4b", 2048, 48, VOCAB, FILE_BYTES},
    {"mamba-2.8b", 2560, 64, VOCAB, FILE_BYTES},
};
const int synth_shape_count = sizeof synth_shapes / sizeof *synth_shapes;

const SynthShape *synth_shape(const char *name) {
  for (int i = 0; i < synth_shape_count; i++)
    if (!strcmp(synth_shapes[i].name, name)) return &synth_shapes[i];
  return NULL;
}

/* --- the tensors --- */

typedef struct Made {
  const char *name;
  int rank;
  int64_t shape[3];
  WeightFill fill;
  double spread;   /* standard deviation, or half the width */
  double outliers; /* factor of OUTLIERS rows; 0: none */
  int shard;
} Made;

static size_t values_of(const Made *t) {
  size_t n = 1;
  for (int i = 0; i < t->rank; i++) n *= (size_t)t->shape[i];
  return n;
}

Config synth_config(const SynthShape *s) {
  return (Config){.family = families[0],
                  .D = s->D,
                  .E = EXPAND * s->D,
                  .N = STATES,
                  .R = (s->D + CHANNELS_PER_RANK - 1) / CHANNELS_PER_RANK,
                  .K = TAPS,
                  .layers = s->layers,
                  .vocab = s->vocab,
                  .eps = EPS,
                  .tied = true};
}

static Made made_of(const Config *c, const WeightInfo *info, const char *name) {
  Made t = {.name = name, .rank = info->rank, .fill = info->fill, .outliers = info->outliers};
  for (int i = 0; i < info->rank; i++) t.shape[i] = c->family->width(c, info->shape[i]);
  t.spread = info->fill == FILL_NORMAL ? embedding_sd : info->inputs ? 1 / sqrt(c->family->width(c, info->inputs)) : 0;
  if (info->deep) t.spread /= sqrt(c->layers);
  return t;
}

/* In the order of the file. The head is tied. */
static int list_tensors(Arena *arena, const SynthShape *s, Made **list) {
  const Config c = synth_config(s);
  const Family *family = c.family;
  int count = 0;
  *list = ARENA_NEW(arena, Made, s->layers * family->weights + END_COUNT);
  const WeightInfo *end[] = {&family->end[END_EMBEDDING], &family->end[END_NORM]};
  (*list)[count++] = made_of(&c, end[0], arena_printf(arena, "%s%s", family->prefix, end[0]->name));
  for (int i = 0; i < s->layers; i++)
    for (int w = 0; w < family->weights; w++) {
      const char *name = arena_printf(arena, family->layer_name, i, family->weight[w].name);
      (*list)[count++] = made_of(&c, &family->weight[w], arena_printf(arena, "%s%s", family->prefix, name));
    }
  (*list)[count++] = made_of(&c, end[1], arena_printf(arena, "%s%s", family->prefix, end[1]->name));
  return count;
}

/* What softplus takes back to the step. */
static double dt_bias(gsl_rng *rng) {
  double step = step_least * pow(step_most / step_least, gsl_rng_uniform(rng));
  return step + log(-expm1(-step));
}

static float value_at(const Made *t, gsl_rng *rng, size_t i) {
  switch (t->fill) {
    case FILL_NORMAL: return (float)(t->spread * gsl_ran_gaussian_ziggurat(rng, 1));
    case FILL_UNIFORM: return (float)(t->spread * (2 * gsl_rng_uniform(rng) - 1));
    case FILL_A_LOG: return (float)log((double)(i % STATES + 1));
    case FILL_DT_BIAS: return (float)dt_bias(rng);
    default: return 1;
  }
}

/* The rows that are larger than the rest. */
static void draw_outliers(const Made *t, gsl_rng *rng, size_t row[OUTLIERS]) {
  for (int k = 0; k < OUTLIERS; k++) row[k] = gsl_rng_uniform_int(rng, (unsigned long)t->shape[0]);
}

static bool is_outlier(const size_t row[OUTLIERS], size_t at) {
  for (int k = 0; k < OUTLIERS; k++)
    if (row[k] == at) return true;
  return false;
}

static bool write_values(FILE *out, const Made *t, int64_t seed, Arena scratch) {
  float *chunk = ARENA_NEW(&scratch, float, CHUNK);
  gsl_rng rng = draw_by(&scratch, arena_printf(&scratch, "%lld %s", (long long)seed, t->name));
  const size_t n = values_of(t), cols = n / (size_t)t->shape[0];
  size_t row[OUTLIERS], used = 0;
  bool ok = true;
  draw_outliers(t, &rng, row);
  for (size_t i = 0; ok && i < n; i++) {
    float value = value_at(t, &rng, i);
    chunk[used++] = t->outliers > 0 && is_outlier(row, i / cols) ? (float)t->outliers * value : value;
    if (used < CHUNK && i + 1 < n) continue;
    ok = fwrite(chunk, sizeof *chunk, used, out) == used;
    used = 0;
  }
  return ok;
}

/* --- the files --- */

static json_t *header_of(const Made *list, int count, int shard) {
  json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
  size_t at = 0;
  for (int i = 0; i < count; i++) {
    if (list[i].shard != shard) continue;
    size_t end = at + values_of(&list[i]) * sizeof(float);
    json_t *shape = json_array();
    for (int k = 0; k < list[i].rank; k++) json_array_append_new(shape, json_integer(list[i].shape[k]));
    json_object_set_new(header, list[i].name,
                        json_pack("{s:s, s:o, s:[I,I]}", "dtype", "F32", "shape", shape, "data_offsets", (json_int_t)at,
                                  (json_int_t)end));
    at = end;
  }
  return header;
}

/* Eight bytes of length, the header padded to eight, the values. */
static bool write_shard(FILE *out, const Made *list, int count, int shard, int64_t seed, Progress *progress,
                        Arena scratch) {
  json_t *header = header_of(list, count, shard);
  char *text = json_dumps(header, JSON_COMPACT);
  json_decref(header);
  uint64_t used = strlen(text), length = (used + 7) / 8 * 8;
  bool ok = fwrite(&length, sizeof length, 1, out) == 1 && fprintf(out, "%s%*s", text, (int)(length - used), "") >= 0;
  free(text);
  for (int i = 0; ok && i < count; i++) {
    if (list[i].shard != shard) continue;
    ok = write_values(out, &list[i], seed, scratch);
    progress_step(progress, progress->done + 1);
  }
  return ok;
}

static const char *shard_name(Arena *arena, int shard, int shards) {
  return shards == 1 ? "model.safetensors" : arena_printf(arena, "model-%05d-of-%05d.safetensors", shard + 1, shards);
}

static bool make_shard(const char *path, const Made *list, int count, int shard, int64_t seed, Progress *progress,
                       Arena scratch, Status *st) {
  char temporary[4096];
  int fd = file_open_temporary(path, temporary);
  FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
  if (!out) return FAIL(st, "%s: cannot be written: %s", path, strerror(errno));
  errno = 0;
  bool ok = write_shard(out, list, count, shard, seed, progress, scratch);
  int why = errno;
  if (fclose(out) != 0 && ok) ok = false, why = errno;
  if (ok && rename(temporary, path) != 0) ok = false, why = errno;
  if (ok) return true;
  unlink(temporary);
  return FAIL(st, "%s: cannot be written: %s", path, strerror(why));
}

static int fill_shards(Made *list, int count, size_t most) {
  size_t bytes = 0;
  int shard = 0;
  for (int i = 0; i < count; i++) {
    size_t own = values_of(&list[i]) * sizeof(float);
    if (bytes && bytes + own > most) shard++, bytes = 0;
    list[i].shard = shard;
    bytes += own;
  }
  return shard + 1;
}

static bool write_json(const char *path, json_t *root, Status *st) {
  char *text = json_dumps(root, JSON_INDENT(2));
  json_decref(root);
  bool ok = file_write(path, text, strlen(text), false, st);
  free(text);
  return ok;
}

static bool write_index(const char *folder, const Made *list, int count, int shards, Arena scratch, Status *st) {
  json_t *map = json_object();
  size_t bytes = 0;
  for (int i = 0; i < count; i++) {
    json_object_set_new(map, list[i].name, json_string(shard_name(&scratch, list[i].shard, shards)));
    bytes += values_of(&list[i]) * sizeof(float);
  }
  json_t *root = json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)bytes, "weight_map", map);
  return write_json(arena_printf(&scratch, "%s/model.safetensors.index.json", folder), root, st);
}

static bool write_config(const char *path, const SynthShape *s, Status *st) {
  const Config c = synth_config(s);
  json_t *root = json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:i, s:b, s:b, s:s, s:b, s:b, s:s}",
                           "architectures", "MambaForCausalLM", "model_type", c.family->model_type, "hidden_size", s->D,
                           "intermediate_size", c.E, "state_size", c.N, "time_step_rank", c.R, "conv_kernel", c.K,
                           "num_hidden_layers", s->layers, "vocab_size", s->vocab, "layer_norm_epsilon", c.eps,
                           "expand", EXPAND, "use_bias", 0, "use_conv_bias", 1, "hidden_act", "silu",
                           "residual_in_fp32", 1, "tie_word_embeddings", 1, "torch_dtype", "float32");
  return write_json(path, root, st);
}

bool synth_write(const SynthShape *shape, int64_t seed, const char *folder, Progress *progress, Arena scratch,
                 Status *st) {
  const char *config = arena_printf(&scratch, "%s/config.json", folder);
  if (file_exists(config)) return FAIL(st, "%s: is there already: a checkpoint is not written over", config);
  TRY(file_make_folder(folder, st));
  Made *list;
  int count = list_tensors(&scratch, shape, &list), shards = fill_shards(list, count, shape->file_bytes);
  progress_phase(progress, "synth", count);
  for (int s = 0; s < shards; s++) {
    const char *path = arena_printf(&scratch, "%s/%s", folder, shard_name(&scratch, s, shards));
    TRY(make_shard(path, list, count, s, seed, progress, scratch, st));
  }
  if (shards > 1) TRY(write_index(folder, list, count, shards, scratch, st));
  TRY(write_config(config, shape, st));
  progress_done(progress, "%s: %d tensors in %d %s", shape->name, count, shards, shards == 1 ? "file" : "shards");
  return true;
}
