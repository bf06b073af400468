#include "model/synth.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <gsl/gsl_randist.h>
#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/draw.h"
#include "base/file.h"
#include "family/family.h"
#include "kernels/bf16.h"
#include "kernels/f16.h"
#include "model/weight.h"

enum { STATES = 16, TAPS = 4, EXPAND = 2, CHANNELS_PER_RANK = 16, VOCAB = 50280 };
enum {
  OUTLIERS = 4,
  CHUNK = 1 << 18,
  OWN_ROOM = 1 << 14 /* of a thread, for a generator and a name */
};
#define EPS 1e-5
#define FILE_BYTES 2000000000
static const double step_least = 1e-3, step_most = 1e-1, embedding_sd = 0.02;

const SynthShape synth_shapes[] = {
    {"mamba-130m", 768, 24, VOCAB, .file_bytes = FILE_BYTES},
    {"mamba-370m", 1024, 48, VOCAB, .file_bytes = FILE_BYTES},
    {"mamba-790m", 1536, 48, VOCAB, .file_bytes = FILE_BYTES},
    {"mamba-1.4b", 2048, 48, VOCAB, .file_bytes = FILE_BYTES},
    {"mamba-2.8b", 2560, 64, VOCAB, .file_bytes = FILE_BYTES},
    {"falcon-mamba-7b", 4096, 64, 65024, FILE_BYTES, "falcon_mamba", true},
    /* Published by nobody: over bytes, so that it takes any text. */
    {"falcon-mamba-small", 256, 8, 256, FILE_BYTES, "falcon_mamba", true},
};
const int synth_shape_count = sizeof synth_shapes / sizeof *synth_shapes;

const SynthShape *synth_shape(const char *name) {
  for (int i = 0; i < synth_shape_count; i++)
    if (!strcmp(synth_shapes[i].name, name)) return &synth_shapes[i];
  return NULL;
}

/* --- the tensors ------------------------------------------------------------------------------ */

typedef struct Made {
  const char *name;
  int rank;
  int64_t shape[3];
  WeightFill fill;
  double spread;   /* standard deviation, or half the width */
  double outliers; /* factor of OUTLIERS rows; 0: none */
  int shard;
  size_t at; /* in its file */
} Made;

static size_t values_of(const Made *t) {
  size_t n = 1;
  for (int i = 0; i < t->rank; i++) n *= (size_t)t->shape[i];
  return n;
}

Config synth_config(const SynthShape *s) {
  const Family *family = s->model_type ? family_of_type(s->model_type) : families[0];
  return (Config){.family = family,
                  .D = s->D,
                  .E = EXPAND * s->D,
                  .N = STATES,
                  .R = (s->D + CHANNELS_PER_RANK - 1) / CHANNELS_PER_RANK,
                  .K = TAPS,
                  .layers = s->layers,
                  .vocab = s->vocab,
                  .eps = EPS,
                  .mixer_eps = family->mixer_eps,
                  .tied = !s->untied};
}

static Made made_of(const Config *c, const WeightInfo *info, const char *name) {
  Made t = {.name = name, .rank = info->rank, .fill = info->fill, .outliers = info->outliers};
  for (int i = 0; i < info->rank; i++) t.shape[i] = c->family->width(c, info->shape[i]);
  t.spread = info->fill == FILL_NORMAL ? embedding_sd
             : info->inputs            ? 1 / sqrt(c->family->width(c, info->inputs))
                                       : 0;
  if (info->deep) t.spread /= sqrt(c->layers);
  return t;
}

static Made made_end(Arena *arena, const Config *c, int end, const char *prefix) {
  const WeightInfo *info = &c->family->end[end];
  return made_of(c, info, arena_printf(arena, "%s%s", prefix, info->name));
}

/* In the order of the file. */
static int list_tensors(Arena *arena, const SynthShape *s, Made **list) {
  const Config c = synth_config(s);
  const Family *family = c.family;
  int count = 0;
  *list = ARENA_NEW(arena, Made, s->layers * family->weights + END_COUNT);
  (*list)[count++] = made_end(arena, &c, END_EMBEDDING, family->prefix);
  for (int i = 0; i < s->layers; i++)
    for (int w = 0; w < family->weights; w++) {
      const char *name = arena_printf(arena, family->layer_name, i, family->weight[w].name);
      (*list)[count++] =
          made_of(&c, &family->weight[w], arena_printf(arena, "%s%s", family->prefix, name));
    }
  (*list)[count++] = made_end(arena, &c, END_NORM, family->prefix);
  if (!c.tied) (*list)[count++] = made_end(arena, &c, END_HEAD, "");
  return count;
}

/* What softplus takes back to the step. */
static double dt_bias(gsl_rng *rng) {
  double step = step_least * pow(step_most / step_least, gsl_rng_uniform(rng));
  return step + log(-expm1(-step));
}

/* Values first … first + n - 1, drawn in turn. */
static void draw_values(const Made *t, gsl_rng *rng, size_t first, size_t n, float *out) {
  switch (t->fill) {
    case FILL_NORMAL:
      for (size_t i = 0; i < n; i++)
        out[i] = (float)(t->spread * gsl_ran_gaussian_ziggurat(rng, 1));
      break;
    case FILL_UNIFORM:
      for (size_t i = 0; i < n; i++) out[i] = (float)(t->spread * (2 * gsl_rng_uniform(rng) - 1));
      break;
    case FILL_A_LOG:
      for (size_t i = 0; i < n; i++) out[i] = (float)log((double)((first + i) % STATES + 1));
      break;
    case FILL_DT_BIAS:
      for (size_t i = 0; i < n; i++) out[i] = (float)dt_bias(rng);
      break;
    default:
      for (size_t i = 0; i < n; i++) out[i] = 1;
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

static void enlarge_outliers(const Made *t, const size_t row[OUTLIERS], size_t first, size_t n,
                             float *value) {
  const size_t cols = values_of(t) / (size_t)t->shape[0];
  for (size_t i = 0; t->outliers > 0 && i < n; i++)
    if (is_outlier(row, (first + i) / cols)) value[i] = (float)t->outliers * value[i];
}

/* To nearest even; in place. */
static void round_to(float *value, size_t n, WeightType type) {
  for (size_t i = 0; i < n && type != WEIGHT_F32; i++) {
    const uint16_t bits = type == WEIGHT_BF16 ? bf16_of(value[i]) : f16_of(value[i]);
    memcpy((char *)value + i * sizeof bits, &bits, sizeof bits);
  }
}

static bool write_at(int fd, const void *bytes, size_t count, size_t at) {
  while (count) {
    const ssize_t n = pwrite(fd, bytes, count, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes = (const char *)bytes + n;
    count -= (size_t)n;
    at += (size_t)n;
  }
  return true;
}

/* A tensor at its place in the file. What is drawn for it depends on its name alone, so tensors may
 * be made at once. */
static bool write_values(int fd, const Made *t, WeightType type, int64_t seed, Arena scratch) {
  float *chunk = arena_room(&scratch, CHUNK, sizeof *chunk);
  gsl_rng rng = draw_by(&scratch, arena_printf(&scratch, "%lld %s", (long long)seed, t->name));
  const size_t count = values_of(t), size = weight_size(type);
  size_t row[OUTLIERS];
  bool ok = true;
  draw_outliers(t, &rng, row);
  for (size_t first = 0; ok && first < count; first += CHUNK) {
    const size_t n = count - first < CHUNK ? count - first : CHUNK;
    draw_values(t, &rng, first, n, chunk);
    enlarge_outliers(t, row, first, n, chunk);
    round_to(chunk, n, type);
    ok = write_at(fd, chunk, n * size, t->at + first * size);
  }
  return ok;
}

/* --- the files -------------------------------------------------------------------------------- */

static json_t *header_of(const Made *list, int count, WeightType type, int shard) {
  json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
  size_t at = 0;
  for (int i = 0; i < count; i++) {
    if (list[i].shard != shard) continue;
    size_t end = at + values_of(&list[i]) * weight_size(type);
    json_t *shape = json_array();
    for (int k = 0; k < list[i].rank; k++)
      json_array_append_new(shape, json_integer(list[i].shape[k]));
    json_object_set_new(header, list[i].name,
                        json_pack("{s:s, s:o, s:[I,I]}", "dtype", weight_type_name(type), "shape",
                                  shape, "data_offsets", (json_int_t)at, (json_int_t)end));
    at = end;
  }
  return header;
}

/* Eight bytes of length, the header padded to eight: behind it the first of the shard's tensors
 * begins. */
static bool write_header(int fd, Made *list, int count, WeightType type, int shard, Arena scratch) {
  json_t *header = header_of(list, count, type, shard);
  char *text = json_dumps(header, JSON_COMPACT);
  json_decref(header);
  const uint64_t used = strlen(text), length = (used + 7) / 8 * 8;
  const char *padded = arena_printf(&scratch, "%s%*s", text, (int)(length - used), "");
  free(text);
  size_t at = sizeof length + length;
  for (int i = 0; i < count; i++) {
    if (list[i].shard != shard) continue;
    list[i].at = at;
    at += values_of(&list[i]) * weight_size(type);
  }
  return write_at(fd, &length, sizeof length, 0) && write_at(fd, padded, length, sizeof length);
}

/* 0, or errno. Memory: a chunk a thread. */
static int write_shard(int fd, Made *list, int count, WeightType type, int shard, int64_t seed,
                       Progress *progress, Arena scratch) {
  const int threads = omp_get_max_threads();
  Arena *own = ARENA_NEW(&scratch, Arena, threads);
  for (int i = 0; i < threads; i++) {
    own[i] = scratch;
    own[i].next = arena_room(&scratch, CHUNK * sizeof(float) + OWN_ROOM, 1);
    own[i].end = scratch.next;
  }
  errno = 0;
  int failed = write_header(fd, list, count, type, shard, scratch) ? 0 : errno;
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < count; i++) {
    int before;
#pragma omp atomic read
    before = failed;
    if (list[i].shard != shard || before) continue;
    const int why = write_values(fd, &list[i], type, seed, own[omp_get_thread_num()]) ? 0
                    : errno                                                           ? errno
                                                                                      : EIO;
#pragma omp critical
    {
      if (why && !failed) failed = why;
      progress_step(progress, progress->done + 1);
    }
  }
  return failed;
}

static const char *shard_name(Arena *arena, int shard, int shards) {
  return shards == 1 ? "model.safetensors"
                     : arena_printf(arena, "model-%05d-of-%05d.safetensors", shard + 1, shards);
}

static bool make_shard(const char *path, Made *list, int count, WeightType type, int shard,
                       int64_t seed, Progress *progress, Arena scratch, Status *st) {
  char temporary[PATH_MAX];
  int fd = file_open_temporary(path, temporary);
  if (fd < 0) return FAIL(st, "%s: cannot be written: %s", path, strerror(errno));
  int why = write_shard(fd, list, count, type, shard, seed, progress, scratch);
  if (close(fd) != 0 && !why) why = errno;
  if (!why && rename(temporary, path) != 0) why = errno;
  if (!why) return true;
  unlink(temporary);
  return FAIL(st, "%s: cannot be written: %s", path, strerror(why));
}

static int fill_shards(Made *list, int count, WeightType type, size_t most) {
  size_t bytes = 0;
  int shard = 0;
  for (int i = 0; i < count; i++) {
    size_t own = values_of(&list[i]) * weight_size(type);
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

static bool write_index(const char *folder, const Made *list, int count, WeightType type,
                        int shards, Arena scratch, Status *st) {
  json_t *map = json_object();
  size_t bytes = 0;
  for (int i = 0; i < count; i++) {
    json_object_set_new(map, list[i].name,
                        json_string(shard_name(&scratch, list[i].shard, shards)));
    bytes += values_of(&list[i]) * weight_size(type);
  }
  json_t *root =
      json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)bytes, "weight_map", map);
  return write_json(arena_printf(&scratch, "%s/model.safetensors.index.json", folder), root, st);
}

static bool write_config(const char *path, const SynthShape *s, WeightType type, Status *st) {
  static const char *const torch[] = {
      [WEIGHT_F16] = "float16", [WEIGHT_BF16] = "bfloat16", [WEIGHT_F32] = "float32"};
  const Config c = synth_config(s);
  json_t *root = json_pack(
      "{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:i, s:b, s:b, s:s, s:b, s:b, s:s}",
      "architectures", c.family->architecture, "model_type", c.family->model_type, "hidden_size",
      s->D, "intermediate_size", c.E, "state_size", c.N, "time_step_rank", c.R, "conv_kernel", c.K,
      "num_hidden_layers", s->layers, "vocab_size", s->vocab, "layer_norm_epsilon", c.eps, "expand",
      EXPAND, "use_bias", 0, "use_conv_bias", 1, "hidden_act", "silu", "residual_in_fp32", 1,
      "tie_word_embeddings", (int)c.tied, "torch_dtype", torch[type]);
  return write_json(path, root, st);
}

/* The index comes behind the shards, and config.json last: what was stopped is refused by its first
 * shard too. */
static bool check_none(const char *folder, int shards, Arena scratch, Status *st) {
  const char *const names[] = {"config.json", "model.safetensors.index.json"};
  const int others = shards > 1 ? 2 : 1;
  for (int i = 0; i < others + shards; i++) {
    const char *name = i < others ? names[i] : shard_name(&scratch, i - others, shards),
               *path = arena_printf(&scratch, "%s/%s", folder, name);
    if (file_exists(path))
      return FAIL(st, "%s: is there already: a checkpoint is not written over", path);
  }
  return true;
}

bool synth_write(const SynthShape *shape, WeightType type, int64_t seed, const char *folder,
                 Progress *progress, Arena scratch, Status *st) {
  assert(type != WEIGHT_F64);
  const char *config = arena_printf(&scratch, "%s/config.json", folder);
  Made *list;
  int count = list_tensors(&scratch, shape, &list),
      shards = fill_shards(list, count, type, shape->file_bytes);
  TRY(check_none(folder, shards, scratch, st) && file_make_folder(folder, st));
  progress_phase(progress, "synth", count);
  for (int s = 0; s < shards; s++) {
    const char *path = arena_printf(&scratch, "%s/%s", folder, shard_name(&scratch, s, shards));
    TRY(make_shard(path, list, count, type, s, seed, progress, scratch, st));
  }
  if (shards > 1) TRY(write_index(folder, list, count, type, shards, scratch, st));
  TRY(write_config(config, shape, type, st));
  progress_done(progress, "%s: %d tensors in %d %s", shape->name, count, shards,
                shards == 1 ? "file" : "shards");
  return true;
}
