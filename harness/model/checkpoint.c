/* checkpoint: every weight is found by name, its type and shape compared with config.json, its
 * values checked to be finite. Shapes are those of torch: Linear [out, in], Conv1d [E, 1, K]. */
#include "model/checkpoint.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "family/family.h"
#include "model/config.h"
#include "model/shards.h"
#include "model/weight.h"

enum {
  UNUSED_NAMED = 16 /* unused tensors that are named; of all others only their number is told */
};

typedef struct Loader {
  Arena *arena;
  Shards shards;
  const char *config_path;
  Config config;
  bool conv_bias;
  const char *prefix; /* what stands before the plain names here, for messages: "backbone." */
  Weight **used;      /* in the order of the digest */
  const char **path;  /* [used] the file that each stands in */
  int used_count;
} Loader;

typedef struct Part {
  const char *name;
  Weight *to;
  int rank;
  int64_t shape[3];
} Part;

static bool is_quantised_type(const char *dtype) {
  return strcmp(dtype, "I8") == 0 || strcmp(dtype, "U8") == 0 || strncmp(dtype, "F8", 2) == 0;
}

/* A tensor as a weight: type and shape as expected; copied where it is not aligned for its type. */
static bool check_weight(Loader *l, const SafeTensor *t, const char *path, const Part *want,
                         Weight *w, Status *st) {
  *w = (Weight){.name = t->name};
  if (!weight_type_of(t->dtype, &w->type))
    return FAIL(st, "%s: tensor '%.100s' is %s, expected F16, BF16, F32 or F64%s%s", path, t->name,
                t->dtype, is_quantised_type(t->dtype) ? ": it is of a quantised checkpoint; " : "",
                is_quantised_type(t->dtype) ? CONFIG_WANTED : "");
  bool same = t->rank == want->rank &&
              memcmp(t->shape, want->shape, (size_t)t->rank * sizeof *t->shape) == 0;
  bool squeezed = want->rank == 3 && t->rank == 2 && t->shape[0] == want->shape[0] &&
                  t->shape[1] == want->shape[2];
  if (!same && !squeezed) {
    char found[SHAPE_TEXT], expected[SHAPE_TEXT];
    return FAIL(st, "%s: tensor '%.100s' has shape %s, expected %s by %s", path, t->name,
                shape_print(t->shape, t->rank, found),
                shape_print(want->shape, want->rank, expected), l->config_path);
  }
  w->count = t->bytes / weight_size(w->type);
  w->data = t->data;
  w->mapped = (uintptr_t)t->data % weight_size(w->type) == 0;
  if (!w->mapped) w->data = memcpy(arena_room(l->arena, t->bytes, 1), t->data, t->bytes);
  return true;
}

static bool take(Loader *l, const Part *want, Status *st) {
  const char *path;
  const SafeTensor *t = shards_take(&l->shards, want->name, &path);
  if (!t)
    return FAIL(st, "%s: tensor '%s%s' is missing", l->shards.searched, l->prefix, want->name);
  TRY(check_weight(l, t, path, want, want->to, st));
  l->path[l->used_count] = path;
  l->used[l->used_count++] = want->to;
  return true;
}

static Part part_of(const Loader *l, const WeightInfo *info, const char *name, Weight *to) {
  Part part = {.name = name, .to = to, .rank = info->rank};
  for (int i = 0; i < info->rank; i++)
    part.shape[i] = l->config.family->width(&l->config, info->shape[i]);
  return part;
}

static bool take_layer(Loader *l, int number, Weight *layer, Status *st) {
  const Family *family = l->config.family;
  for (int w = 0; w < family->weights; w++) {
    const WeightInfo *info = &family->weight[w];
    if (info->of_conv_bias && !l->conv_bias) continue;
    Part part =
        part_of(l, info, arena_printf(l->arena, family->layer_name, number, info->name), &layer[w]);
    TRY(take(l, &part, st));
  }
  return true;
}

/* Tied, the head is the embedding; some files hold it all the same, and then it must be that. */
static bool take_head(Loader *l, Checkpoint *c, Status *st) {
  const WeightInfo *head = &l->config.family->end[END_HEAD];
  Part part = part_of(l, head, head->name, &c->end[END_HEAD]);
  l->prefix = "";
  if (!c->config.tied) return take(l, &part, st);
  c->end[END_HEAD] = c->end[END_EMBEDDING];
  const char *path;
  const SafeTensor *t = shards_take(&l->shards, part.name, &path);
  if (!t) return true;
  Weight beside;
  TRY(check_weight(l, t, path, &part, &beside, st));
  size_t at = weight_difference(&c->end[END_EMBEDDING], &beside);
  if (at == beside.count) return true;
  if (c->config.tied_said)
    return FAIL(st,
                "%s: tensor '%.100s' differs from the embedding at element %zu, though "
                "tie_word_embeddings is true in %s",
                path, t->name, at, l->config_path);
  return FAIL(st,
              "%s: tensor '%.100s' differs from the embedding at element %zu, but %s does not say "
              "that it is untied (\"tie_word_embeddings\": false); where the key is missing, "
              "mamba's default ties them",
              path, t->name, at, l->config_path);
}

/* What stands before the plain name. */
static const char *prefix_of(Arena *arena, const char *name, const char *plain) {
  size_t n = strlen(name), m = strlen(plain);
  return n >= m ? arena_printf(arena, "%.*s", (int)(n - m), name) : "";
}

static bool take_all(Loader *l, Checkpoint *c, Status *st) {
  const Family *family = l->config.family;
  const char *path, *name = family->end[END_EMBEDDING].name, *also = family->embedding_also;
  if (also && !shards_take(&l->shards, name, &path) && shards_take(&l->shards, also, &path))
    name = also;
  l->prefix = family->prefix;
  Part embedding = part_of(l, &family->end[END_EMBEDDING], name, &c->end[END_EMBEDDING]);
  TRY(take(l, &embedding, st));
  l->prefix = prefix_of(l->arena, c->end[END_EMBEDDING].name, name);
  for (int i = 0; i < c->config.layers; i++) TRY(take_layer(l, i, c->layer[i], st));
  Part norm = part_of(l, &family->end[END_NORM], family->end[END_NORM].name, &c->end[END_NORM]);
  TRY(take(l, &norm, st));
  return take_head(l, c, st);
}

/* By the names that stand beside quantised weights. */
static bool refuse_quantised(const Shards *shards, Status *st) {
  for (int i = 0; i < shards->count; i++)
    for (size_t j = 0; j < shards->shard[i].file.count; j++) {
      const SafeTensor *t = &shards->shard[i].file.tensor[j];
      if (strstr(t->name, "_scale") || strstr(t->name, "qweight"))
        return FAIL(st, "%s: tensor '%.100s' (%s) is of a quantised checkpoint; %s",
                    shards->shard[i].file.path, t->name, t->dtype, CONFIG_WANTED);
    }
  return true;
}

/* What a weight's bytes say. */
typedef struct Looked {
  Digest digest;
  double most;       /* of its magnitudes */
  size_t bad, large; /* the first value that is not finite; the first that no float32 can be; its
                        count: none */
} Looked;

/* Part by part, each while it is in the cache. What was looked at need not stay in memory. */
static Looked look_at(const Weight *w) {
  enum { PART = 1 << 15, PARTS = 32 };
  const size_t size = weight_size(w->type);
  Looked found = {.bad = w->count, .large = w->count};
  DigestState state;
  digest_begin(&state);
  for (size_t first = 0, kept = 0; first < w->count; first += PART) {
    const size_t n = w->count - first < PART ? w->count - first : PART, seen = first + n - kept;
    digest_add(&state, (const char *)w->data + first * size, n * size);
    const double most = weight_largest(w, first, n);
    if (!isfinite(most) && found.bad == w->count) found.bad = weight_non_finite(w, first, n);
    if (!(most <= FLT_MAX) && found.large == w->count) found.large = weight_too_large(w, first, n);
    found.most = fmax(found.most, most);
    if (seen < PARTS * PART && first + n < w->count) continue;
    weight_forget(w, kept, seen);
    kept += seen;
  }
  found.digest = digest_end(&state);
  return found;
}

typedef struct Task {
  int index; /* of Loader.used */
  size_t bytes;
} Task;

static int larger_first(const void *a, const void *b) {
  const Task *x = a, *y = b;
  return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

/* One pass over all bytes by all threads, the largest weights first, so that none is left over for
 * one thread alone. */
static Looked *look_at_all(const Loader *l) {
  const int n = l->used_count;
  Looked *found = ARENA_NEW(l->arena, Looked, n);
  Task *task = ARENA_NEW(l->arena, Task, n);
  for (int i = 0; i < n; i++)
    task[i] = (Task){i, l->used[i]->count * weight_size(l->used[i]->type)};
  qsort(task, (size_t)n, sizeof *task, larger_first);
  /* libgomp ends the program where a thread's stack cannot be had. */
  const bool room = process_room() > (size_t)omp_get_max_threads() * 2 * process_stack();
#pragma omp parallel for schedule(dynamic) if (room)
  for (int i = 0; i < n; i++) found[task[i].index] = look_at(l->used[task[i].index]);
  return found;
}

static bool check_values(const Loader *l, Checkpoint *c, Status *st) {
  const int n = l->used_count;
  const Looked *found = look_at_all(l);
  Digest *digest = ARENA_NEW(l->arena, Digest, 2 * n + 1);
  for (int i = 0; i < n; i++) {
    Weight *w = l->used[i];
    const char *type = weight_type_name(w->type);
    w->most = found[i].most;
    digest[2 * i] = digest_of(type, strlen(type));
    digest[2 * i + 1] = found[i].digest;
    const size_t bad = found[i].bad, large = found[i].large;
    if (bad < w->count)
      return FAIL(st, "%s: tensor '%.100s': element %zu is NaN or infinite", l->path[i], w->name,
                  bad);
    if (large < w->count)
      return FAIL(st,
                  "%s: tensor '%.100s': element %zu is %.17g, which float32 cannot hold: its "
                  "largest is %.9g",
                  l->path[i], w->name, large, ((const double *)w->data)[large], (double)FLT_MAX);
  }
  if (c->config.tied) c->end[END_HEAD] = c->end[END_EMBEDDING];
  const Config *g = &c->config;
  const char *text = arena_printf(
      l->arena, "D %d E %d N %d R %d K %d layers %d vocab %d eps %a tied %d conv_bias %d", g->D,
      g->E, g->N, g->R, g->K, g->layers, g->vocab, g->eps, g->tied, l->conv_bias);
  if (g->mixer_eps > 0) text = arena_printf(l->arena, "%s mixer_eps %a", text, g->mixer_eps);
  digest[2 * n] = digest_of(text, strlen(text));
  c->digest = digest_join(digest, (size_t)(2 * n + 1));
  return true;
}

/* A tensor that holds values and is not used: the model that was run is perhaps not the model that
 * was saved. */
static void note_unused(const Loader *l, Checkpoint *c) {
  const Shards *shards = &l->shards;
  c->unused_names = "";
  for (int i = 0; i < shards->count; i++)
    for (size_t j = 0; j < shards->shard[i].file.count; j++) {
      const SafeTensor *t = &shards->shard[i].file.tensor[j];
      if (shards->shard[i].taken[j] || t->bytes == 0) continue;
      if (c->unused++ == 0) c->unused_path = shards->shard[i].file.path;
      if (c->unused <= UNUSED_NAMED)
        c->unused_names = arena_printf(l->arena, "%s%s%.100s", c->unused_names,
                                       c->unused > 1 ? ", " : "", t->name);
      else if (c->unused == UNUSED_NAMED + 1)
        c->unused_names = arena_printf(l->arena, "%s, …", c->unused_names);
    }
}

static bool load(Loader *l, Checkpoint *c, Status *st) {
  TRY(refuse_quantised(&l->shards, st));
  TRY(config_read(l->arena, l->config_path, &l->config, &l->conv_bias, st));
  c->config = l->config;
  const int most = END_COUNT + c->config.family->weights * c->config.layers;
  c->layer = arena_alloc(l->arena, (size_t)c->config.layers, sizeof *c->layer);
  l->used = ARENA_NEW(l->arena, Weight *, most);
  l->path = ARENA_NEW(l->arena, const char *, most);
  TRY(take_all(l, c, st));
  TRY(check_values(l, c, st));
  note_unused(l, c);
  return true;
}

static void note_files(const Loader *l, Checkpoint *c) {
  c->file = ARENA_NEW(l->arena, CheckpointFile, l->shards.count);
  for (; c->files < l->shards.count; c->files++) {
    const char *path = l->shards.shard[c->files].file.path;
    c->file[c->files] = (CheckpointFile){path, file_mark(path), l->shards.shard[c->files].file.map};
  }
}

bool checkpoint_check(const Checkpoint *c, Status *st) {
  for (int i = 0; i < c->files; i++) {
    const FileMark now = file_mark(c->file[i].path);
    if (memcmp(&now, &c->file[i].mark, sizeof now) != 0)
      return FAIL(st, "%s: was changed or replaced while it was read: run again", c->file[i].path);
  }
  return true;
}

bool checkpoint_open(Arena *arena, const char *folder, Checkpoint *checkpoint, Status *st) {
  *checkpoint = (Checkpoint){.folder = arena_printf(arena, "%s", folder)};
  Loader l = {.arena = arena, .config_path = arena_printf(arena, "%s/config.json", folder)};
  TRY(shards_open(arena, folder, &l.shards, st));
  note_files(&l, checkpoint);
  if (load(&l, checkpoint, st)) return true;
  shards_close(&l.shards);
  return false;
}

void checkpoint_close(Checkpoint *c) {
  for (int i = 0; i < c->files; i++) file_unmap(&c->file[i].map);
  c->files = 0;
}
