/* A small run for the tests of store and results: 3 layers, two modes and the reference, two
 * prompts of odd length; every element type, strided views, NaNs with payloads, int8 with -128,
 * scales of every axis. Values come from a generator that knows prompt, layer, mode and tensor, so
 * that what must be in the file can be said again at any time. */
#ifndef DS_TESTS_FIXTURE_STORE_H
#define DS_TESTS_FIXTURE_STORE_H
#include <criterion/criterion.h>
#include <ftw.h>
#include <hdf5.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/poison.h"
#include "family/family.h"
#include "family/mamba1.h"
#include "measure/tables.h"
#include "store/store.h"
#include "tests/folder.h"

enum { LAYERS = 3, PROMPTS = 2, MODES = 3 };

static inline void no_room(size_t wanted, size_t reserved) {
  fprintf(stderr, "arena: %zu bytes wanted, %zu reserved\n", wanted, reserved);
  _exit(3);
}

typedef struct Fixture {
  Arena arena;
  StoreShape shape;
  RunKey key;
  char folder[FOLDER_NAME], results[128];
  bool batch; /* both prompts go through a layer before the next */
} Fixture;

static inline const PromptShape *fixture_prompts(void) {
  static const int32_t a[] = {84, 104, 101, 32, 83, 116, 97},
                       b[] = {-1, 0, 1, 255, 2147483647, 5, 6, 7, 8, 9, 10, 11, 12};
  static const PromptShape prompts[PROMPTS] = {{"address", a, 7}, {"odd_1-x", b, 13}};
  return prompts;
}

static inline Format fixture_type(int mode, int id) {
  if (mode == 2) return FORMAT_F64;
  if (id == T_SSM_STATE_Q8 || (mode == 0 && (id == T_CONV1D_SILU || id == T_SCAN_IN)))
    return FORMAT_I8;
  if (mode == 1 && id == T_X_PROJ) return FORMAT_I8;
  return mode == 0 && (id == T_GATED || id == T_OUT_PROJ) ? FORMAT_F16 : FORMAT_F32;
}

/* The axis and group of its scales. x_proj has 8 columns: the last group of each row is a short
 * one. */
static inline Scale fixture_scale(int mode, int id) {
  if (mode == 0 && id == T_CONV1D_SILU) return (Scale){.axis = SCALE_ROW};
  if (mode == 0 && id == T_SSM_STATE_Q8) return (Scale){.axis = SCALE_COLUMN};
  if (mode == 1 && id == T_X_PROJ) return (Scale){.axis = SCALE_GROUP, .group = 3};
  return (Scale){0};
}
enum { FIXTURE_SCALES = 2 * LAYERS + LAYERS }; /* datasets of scales of a prompt */

static inline bool fixture_has(int layer, int mode, int id) {
  if (id == T_EMBEDDING) return layer == 0;
  if (id == T_NORM_F || id == T_LOGITS) return layer == LAYERS - 1;
  return id != T_SSM_STATE_Q8 || mode == 0;
}

/* Everything is kept, unless a test says otherwise: kept [LAYERS * T_COUNT]. */
static inline const bool *fixture_all_kept(void) {
  static bool kept[LAYERS * T_COUNT];
  memset(kept, true, sizeof kept);
  return kept;
}

static inline const StoreSide *fixture_sides(void) {
  static StoreSide side[MODES] = {{.name = "2-0"}, {.name = "2-4"}, {.name = "fp64"}};
  static StoreMade made[MODES][LAYERS];
  for (int m = 0; m < MODES; m++)
    for (int i = 0; i < LAYERS * T_COUNT; i++) {
      StoreMade *in = &made[m][i / T_COUNT];
      const int id = i % T_COUNT;
      in->makes[id] = id != T_SSM_STATE_Q8 || m == 0;
      in->format[id] = fixture_type(m, id);
      in->scale[id] = fixture_scale(m, id);
    }
  for (int m = 0; m < MODES; m++) side[m].layer = made[m];
  return side;
}

/* In a child that was forked from here: the threads of a team that stood before are its parent's.
 */
static inline void fixture_child(void) {
  omp_set_num_threads(1);
  store_start();
}

static inline Fixture fixture_make(void) {
  Fixture f = {.shape = {.tensors = &families[0]->tensors,
                         .layers = LAYERS,
                         .prompt = fixture_prompts(),
                         .prompts = PROMPTS,
                         .side = fixture_sides(),
                         .sides = MODES,
                         .streams = MODES,
                         .kept = fixture_all_kept(),
                         .made_beside = true, /* as a run's */
                         .dims = {[DIM_D_MODEL] = 4,
                                  [DIM_D_INNER] = 6,
                                  [DIM_D_INNER2] = 12,
                                  [DIM_DT_BC] = 8,
                                  [DIM_DT_RANK] = 2,
                                  [DIM_D_STATE] = 3,
                                  [DIM_VOCAB] = 11}}};
  Status st = {0};
  store_start();
  cr_assert(arena_reserve(&f.arena, (size_t)1 << 26, no_room, &st), "%s", st.text);
  f.key = (RunKey){digest_of("spec", 4), digest_of("weights", 7), digest_of("text", 4),
                   digest_of("program", 7)};
  folder_make(f.folder);
  snprintf(f.results, sizeof f.results, "%s/r.h5", f.folder);
  return f;
}

static inline int fixture_remove_one(const char *path, const struct stat *info, int flag,
                                     struct FTW *walk) {
  (void)info, (void)flag, (void)walk;
  return remove(path);
}

static inline void fixture_drop(Fixture *f) {
  nftw(f->folder, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
  arena_release(&f->arena);
}

/* --- the tensors ------------------------------------------------------------------------------ */

static inline uint64_t fixture_bits(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* As many scales as its axis says, those of groups apart by one that is none of them. */
static inline Scale fixture_scales(Arena *arena, Scale scale, int rows, int cols, uint64_t *state) {
  scale.stride = scale.axis == SCALE_GROUP ? group_scales(cols, scale.group) + 1 : 0;
  const size_t count =
      scale.axis == SCALE_GROUP ? (size_t)(rows * scale.stride) : scale_count(&scale, rows, cols);
  float *values = arena_alloc(arena, count, sizeof *values);
  for (size_t i = 0; i < count; i++) values[i] = (float)(1 + fixture_bits(state) % 1000) / 7919;
  scale.values = values;
  return scale;
}

/* A view of `cols` columns in a wider array whose other columns are junk. Element 1 is a NaN with a
 * payload, int8's is -128. */
static inline Tensor fixture_tensor(Arena *arena, const StoreShape *shape, int prompt, int layer,
                                    int mode, int id) {
  const TensorInfo *info = &family_mamba1.tensors.info[id];
  int rows = info->rows == DIM_TOKEN ? shape->prompt[prompt].T : shape->dims[info->rows],
      cols = shape->dims[info->cols];
  Format format = fixture_type(mode, id);
  size_t size = format_size(format);
  Tensor t =
      tensor_of(NULL, format, rows, cols, format == FORMAT_I8 ? 0.0078125f * (float)(id + 1) : 0);
  t.stride = id == T_X_PROJ ? cols + 5 : cols;
  t.data = arena_alloc(arena, (size_t)(rows * t.stride), size);
  memset(t.data, 0xee, (size_t)(rows * t.stride) * size);
  t.kernel = mode == 2             ? "reference f64"
             : format == FORMAT_I8 ? "fixture i8*i8->i8 cpu"
                                   : "fixture f32->f32 cpu";
  uint64_t state = (uint64_t)(((prompt * 100 + layer) * 100 + mode) * 100 + (int)id);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) {
      uint64_t bits = fixture_bits(&state);
      char *at = (char *)t.data + (size_t)(r * t.stride + c) * size;
      double f64 = (double)(int64_t)bits * 0x1p-60;
      float f32 = (float)f64;
      uint16_t f16 = (uint16_t)(bits & 0xbbffu); /* finite: the exponent is never all ones */
      memcpy(at,
             format == FORMAT_F64   ? (void *)&f64
             : format == FORMAT_F32 ? (void *)&f32
             : format == FORMAT_F16 ? (void *)&f16
                                    : (void *)&bits,
             size);
    }
  const Scale scale = fixture_scale(mode, id);
  if (scale.axis != SCALE_NONE) t.scale = fixture_scales(arena, scale, rows, cols, &state);
  char *one = (char *)t.data + size;
  if (format == FORMAT_F64) memcpy(one, &(uint64_t){0xfff0000000054321u}, 8);
  if (format == FORMAT_F32) memcpy(one, &(uint32_t){0xffc12345u}, 4);
  if (format == FORMAT_F16) memcpy(one, &(uint16_t){0xfc01u}, 2);
  if (format == FORMAT_I8) *one = -128;
  return t;
}

/* --- running it ------------------------------------------------------------------------------- */

/* Of a tensor's own values, NaN canonical. */
static inline Digest fixture_digest(const StoreShape *shape, int prompt, int layer, int mode,
                                    int id) {
  static char room[1 << 14];
  Arena arena = {.next = room, .end = room + sizeof room, .base = room, .exhausted = no_room};
  Tensor t = fixture_tensor(&arena, shape, prompt, layer, mode, id);
  const uint64_t nan64 = 0x7ff8000000000000u;
  const uint32_t nan32 = 0x7fc00000u;
  cr_assert(t.stride == t.cols && (t.format == FORMAT_F32 || t.format == FORMAT_F64));
  memcpy((char *)t.data + format_size(t.format),
         t.format == FORMAT_F64 ? (const void *)&nan64 : &nan32, format_size(t.format));
  return digest_of(t.data, (size_t)(t.rows * t.cols) * format_size(t.format));
}

/* The rows of a layer, as they come back: one a side, its digest that of the side's norm. */
static inline void fixture_rows(const StoreShape *shape, int prompt, int layer,
                                TensorStats rows[MODES]) {
  memset(rows, 0, MODES * sizeof *rows);
  for (int m = 0; m < MODES; m++) {
    snprintf(rows[m].prompt, sizeof rows[m].prompt, "%s", shape->prompt[prompt].name);
    snprintf(rows[m].mode, sizeof rows[m].mode, "%s", shape->side[m].name);
    rows[m].layer = layer;
    rows[m].n = 1000 * prompt + 10 * layer + m;
    rows[m].mean = -1.5 * layer;
    rows[m].nonfinite = 1;
    strcpy(rows[m].digest, fixture_digest(shape, prompt, layer, m, T_NORM).hex);
  }
}

/* One layer, given to the store, and then made junk of: it must have taken a copy. */
static inline bool fixture_layer(const Fixture *f, Store *store, int prompt, int layer,
                                 Status *st) {
  Arena arena = f->arena;
  StoreTensor list[MODES * T_COUNT];
  Tensor tensor[MODES * T_COUNT], stream[MODES];
  TensorStats rows[MODES];
  TableRows table = {&table_tensor_stats, rows, MODES};
  StoreLayer what = {.tensor = list, .stream = stream, .rows = &table, .tables = 1};
  char *begin = arena.next;
  for (int m = 0; m < MODES; m++)
    for (int id = 0; id < T_COUNT; id++) {
      if (!fixture_has(layer, m, id)) continue;
      Tensor *t = &tensor[what.tensors];
      *t = fixture_tensor(&arena, &f->shape, prompt, layer, m, id);
      list[what.tensors++] =
          (StoreTensor){.side = m, .id = id, .t = t, .row = id == T_NORM ? m : -1};
      if (id == T_BLOCK_OUT) stream[m] = *t;
    }
  fixture_rows(&f->shape, prompt, layer, rows);
  for (int m = 0; m < MODES; m++)
    memset(rows[m].digest, 'x', sizeof rows[m].digest); /* which the store fills in */
  bool ok = store_put_layer(store, prompt, layer, &what, st);
  unpoison(begin, (size_t)(arena.next - begin)); /* what lies between the pieces too */
  memset(begin, 0x5a, (size_t)(arena.next - begin));
  memset(rows, 0x5a, sizeof rows);
  return ok;
}

/* Prompt by prompt, or in one batch: layers outside, prompts inside. */
static inline bool fixture_layers(const Fixture *f, Store *store, int most, Status *st) {
  int done[PROMPTS] = {0};
  for (int p = 0; f->batch && p < PROMPTS; p++) done[p] = store_layers_done(store, p, f->arena);
  for (int outer = 0; outer < (f->batch ? LAYERS : PROMPTS); outer++)
    for (int inner = 0; inner < (f->batch ? PROMPTS : LAYERS); inner++) {
      const int p = f->batch ? inner : outer, layer = f->batch ? outer : inner;
      if (!f->batch && inner == 0) done[p] = store_layers_done(store, p, f->arena);
      if (layer < done[p]) continue;
      if (most-- == 0) return true;
      TRY(fixture_layer(f, store, p, layer, st));
    }
  return true;
}

static inline bool fixture_finish(const Fixture *f, Store *store, Status *st) {
  Arena arena = f->arena;
  StoredRows stored = {.table = &table_tensor_stats};
  TRY(store_rows(&arena, store, &stored, 1, st));
  Drift *drift = ARENA_NEW(&arena, Drift, 2);
  strcpy(drift[0].base, "fp64"), strcpy(drift[0].other, "2-0"),
      strcpy(drift[0].tensor, "block_out");
  drift[0].rel_l2 = 0.25, drift[0].growth = (double)__builtin_nanf("0x123");
  drift[1] = drift[0];
  drift[1].layer = 1;
  Attribute attributes[] = {
      {"title", "An answer, in UTF-8: \xc3\xa9", 0}, {"note", "", 0}, {"seed", NULL, 0.1}};
  TableRows tables_given[] = {{&table_tensor_stats, stored.rows, stored.count},
                              {&table_drift, drift, 2},
                              {&table_verdict, NULL, 0}};
  return store_finish(store, attributes, 3, tables_given, 3, arena, st);
}

/* With its file, which whoever does not wait for it need not have yet. */
static inline Store *fixture_open(Fixture *f, Status *st) {
  Store *store;
  if (!store_open(&f->arena, f->results, &f->key, &f->shape, false, false, &store, st)) return NULL;
  if (store_settle(store, false, st)) return store;
  store_close(store);
  return NULL;
}

/* A study's pieces beside the layers: three, whose sum is the answer. */
static inline bool fixture_notes(const Fixture *f, Store *store, int *sum, Status *st) {
  *sum = 0;
  for (int i = 0; i < 3; i++) {
    char name[40];
    Arena arena = f->arena;
    const void *bytes;
    size_t count;
    int value = 100 + i;
    snprintf(name, sizeof name, "evaluation.window_%04d", i);
    store_noted(&arena, store, name, &bytes, &count);
    if (bytes) cr_assert(count == sizeof value && !memcmp(bytes, &value, count), "%s", name);
    if (!bytes) TRY(store_note(store, name, &value, sizeof value, st));
    *sum += value;
  }
  return true;
}

/* From nothing, or from where it was, to the result. */
static inline bool fixture_run_with(Fixture *f, bool sync, Status *st) {
  Store *store;
  int sum;
  TRY(store_open(&f->arena, f->results, &f->key, &f->shape, false, sync, &store, st));
  bool ok = fixture_layers(f, store, -1, st) && fixture_notes(f, store, &sum, st) &&
            fixture_finish(f, store, st);
  store_close(store);
  return ok;
}
static inline bool fixture_run(Fixture *f, Status *st) { return fixture_run_with(f, false, st); }

/* --- what came out ---------------------------------------------------------------------------- */

typedef struct Listing {
  char text[1 << 16];
  size_t length;
} Listing;

static inline herr_t fixture_list(hid_t file, const char *name, const H5O_info_t *info,
                                  void *data) {
  Listing *list = data;
  char digest[40] = "none";
  /* The times in a table of performance may differ, the tensors' and these tables' digests may
   * not. */
  if (info->type == H5O_TYPE_DATASET && H5Aexists_by_name(file, name, "digest", H5P_DEFAULT) > 0) {
    hid_t attribute = H5Aopen_by_name(file, name, "digest", H5P_DEFAULT, H5P_DEFAULT),
          type = H5Aget_type(attribute);
    memset(digest, 0, sizeof digest);
    H5Aread(attribute, type, digest);
    H5Tclose(type), H5Aclose(attribute);
  }
  list->length += (size_t)snprintf(list->text + list->length, sizeof list->text - list->length,
                                   "%s %s\n", name, digest);
  return list->length < sizeof list->text ? 0 : -1;
}

/* Every object with its digest; results_open has found the digests to be those of the data. */
static inline Digest fixture_content(const Fixture *f) {
  static Listing list;
  Status st = {0};
  Results results;
  cr_assert(results_open(f->results, &results, f->arena, &st), "%s", st.text);
  list.length = 0;
  cr_assert(H5Ovisit(results.file, H5_INDEX_CRT_ORDER, H5_ITER_INC, fixture_list, &list) >= 0);
  results_close(&results);
  cr_assert(list.length > 5000, "only %zu bytes of listing", list.length);
  return digest_of(list.text, list.length);
}

static inline Digest fixture_undisturbed(void) {
  Fixture f = fixture_make();
  Status st = {0};
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  Digest digest = fixture_content(&f);
  fixture_drop(&f);
  return digest;
}

static inline bool fixture_there(const Fixture *f, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s%s", f->results, name);
  return file_exists(path);
}

/* A run that has begun, or goes on. */
static inline Store *fixture_start(Fixture *f) {
  Status st = {0};
  Store *store = fixture_open(f, &st);
  cr_assert(store, "%s", st.text);
  return store;
}

/* Layers up to `most` of them, on disk. */
static inline void fixture_leave(Fixture *f, int most) {
  Status st = {0};
  Store *store = fixture_start(f);
  cr_assert(fixture_layers(f, store, most, &st), "%s", st.text);
  store_close(store);
}

/* One that is written whole; and its file opened, to be changed. */
static inline Fixture fixture_written(void) {
  Fixture f = fixture_make();
  Status st = {0};
  cr_assert(fixture_run(&f, &st), "%s", st.text);
  return f;
}
static inline hid_t fixture_change(const Fixture *f) {
  hid_t file = H5Fopen(f->results, H5F_ACC_RDWR, H5P_DEFAULT);
  cr_assert(file >= 0);
  return file;
}
#endif
