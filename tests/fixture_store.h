/* A small run for the tests of store and results: 3 layers, two modes and the reference, two prompts of odd length;
 * every element type, strided views, NaNs with payloads, int8 with -128. Values come from a generator that knows
 * prompt, layer, mode and tensor, so that what must be in the file can be said again at any time. */
#ifndef DS_TESTS_FIXTURE_STORE_H
#define DS_TESTS_FIXTURE_STORE_H
#include <criterion/criterion.h>
#include <ftw.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/store.h"

enum { LAYERS = 3, PROMPTS = 2, MODES = 3 };

static inline void no_room(size_t wanted, size_t reserved) {
  fprintf(stderr, "arena: %zu bytes wanted, %zu reserved\n", wanted, reserved);
  _exit(3);
}

typedef struct Fixture {
  Arena arena;
  StoreShape shape;
  RunKey key;
  char folder[64], results[128];
} Fixture;

static inline const PromptShape *fixture_prompts(void) {
  static const int32_t a[] = {84, 104, 101, 32, 83, 116, 97},
                       b[] = {-1, 0, 1, 255, 2147483647, 5, 6, 7, 8, 9, 10, 11, 12};
  static const PromptShape prompts[PROMPTS] = {{"address", a, 7}, {"odd_1-x", b, 13}};
  return prompts;
}

static inline Fixture fixture_make(void) {
  static const char *const modes[MODES] = {"2-0", "2-4", "fp64"};
  Fixture f = {.shape = {.layers = LAYERS,
                         .prompt = fixture_prompts(),
                         .prompts = PROMPTS,
                         .mode = modes,
                         .modes = MODES,
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
  f.key = (RunKey){digest_of("spec", 4), digest_of("weights", 7), digest_of("text", 4), digest_of("program", 7)};
  strcpy(f.folder, "/tmp/driftscope-test-XXXXXX");
  cr_assert_not_null(mkdtemp(f.folder));
  snprintf(f.results, sizeof f.results, "%s/r.h5", f.folder);
  return f;
}

static inline int fixture_remove_one(const char *path, const struct stat *info, int flag, struct FTW *walk) {
  (void)info, (void)flag, (void)walk;
  return remove(path);
}

static inline void fixture_drop(Fixture *f) {
  nftw(f->folder, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS);
  arena_release(&f->arena);
}

/* ---- the tensors ---- */

static inline uint64_t fixture_bits(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static inline Type fixture_type(int mode, TensorId id) {
  if (mode == 2) return TYPE_F64;
  if (id == T_SSM_STATE_Q8 || (mode == 0 && (id == T_CONV1D_SILU || id == T_SCAN_IN))) return TYPE_I8;
  return mode == 0 && (id == T_GATED || id == T_OUT_PROJ) ? TYPE_F16 : TYPE_F32;
}

static inline bool fixture_has(int layer, int mode, TensorId id) {
  if (id == T_EMBEDDING) return layer == 0;
  if (id == T_NORM_F || id == T_LOGITS) return layer == LAYERS - 1;
  return id != T_SSM_STATE_Q8 || mode == 0;
}

/* A view of `cols` columns in a wider array whose other columns are junk. Element 1 is a NaN with a payload, int8's is
 * -128. */
static inline Tensor fixture_tensor(Arena *arena, const StoreShape *shape, int prompt, int layer, int mode,
                                    TensorId id) {
  const TensorInfo *info = &tensor_info[id];
  int rows = info->rows == DIM_TOKEN ? shape->prompt[prompt].T : shape->dims[info->rows],
      cols = shape->dims[info->cols];
  Type type = fixture_type(mode, id);
  size_t size = type_size(type);
  Tensor t = tensor_of(NULL, type, rows, cols, type == TYPE_I8 ? 0.0078125f * (float)(id + 1) : 0);
  t.stride = id == T_X_PROJ ? cols + 5 : cols;
  t.data = arena_alloc(arena, (size_t)(rows * t.stride), size);
  memset(t.data, 0xee, (size_t)(rows * t.stride) * size);
  t.kernel = mode == 2 ? "reference f64" : type == TYPE_I8 ? "fixture i8*i8->i8 cpu" : "fixture f32->f32 cpu";
  uint64_t state = (uint64_t)(((prompt * 100 + layer) * 100 + mode) * 100 + (int)id);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++) {
      uint64_t bits = fixture_bits(&state);
      char *at = (char *)t.data + (size_t)(r * t.stride + c) * size;
      double f64 = (double)(int64_t)bits * 0x1p-60;
      float f32 = (float)f64;
      uint16_t f16 = (uint16_t)(bits & 0xbbffu); /* finite: the exponent is never all ones */
      memcpy(at,
             type == TYPE_F64   ? (void *)&f64
             : type == TYPE_F32 ? (void *)&f32
             : type == TYPE_F16 ? (void *)&f16
                                : (void *)&bits,
             size);
    }
  char *one = (char *)t.data + size;
  if (type == TYPE_F64) memcpy(one, &(uint64_t){0xfff0000000054321u}, 8);
  if (type == TYPE_F32) memcpy(one, &(uint32_t){0xffc12345u}, 4);
  if (type == TYPE_F16) memcpy(one, &(uint16_t){0xfc01u}, 2);
  if (type == TYPE_I8) *one = -128;
  return t;
}

/* ---- running it ---- */

/* The rows of a segment: one a mode. */
static inline void fixture_rows(const StoreShape *shape, int prompt, int layer, TensorStats rows[MODES]) {
  memset(rows, 0, MODES * sizeof *rows);
  for (int m = 0; m < MODES; m++) {
    snprintf(rows[m].prompt, sizeof rows[m].prompt, "%s", shape->prompt[prompt].name);
    snprintf(rows[m].mode, sizeof rows[m].mode, "%s", shape->mode[m]);
    rows[m].layer = layer;
    rows[m].n = 1000 * prompt + 10 * layer + m;
    rows[m].mean = -1.5 * layer;
  }
}

static inline bool fixture_segment(const Fixture *f, const Journal *journal, int prompt, int layer, Status *st) {
  Segment segment;
  TRY(segment_create(journal, prompt, layer, &segment, st));
  bool ok = true;
  for (int m = 0; ok && m < MODES; m++)
    for (int id = 0; ok && id < T_COUNT; id++) {
      Arena scratch = f->arena;
      Digest digest;
      if (!fixture_has(layer, m, id)) continue;
      Tensor t = fixture_tensor(&scratch, &f->shape, prompt, layer, m, id);
      ok = segment_put_tensor(&segment, f->shape.mode[m], id, &t, true, false, &digest, scratch, st);
      if (ok && id == T_BLOCK_OUT) ok = segment_put_stream(&segment, f->shape.mode[m], &t, scratch, st);
    }
  TensorStats rows[MODES];
  fixture_rows(&f->shape, prompt, layer, rows);
  ok = ok && segment_put_rows(&segment, &table_tensor_stats, rows, MODES, st) && segment_commit(&segment, st);
  if (!ok) segment_abandon(&segment);
  return ok;
}

static inline bool fixture_layers(const Fixture *f, const Journal *journal, int most, Status *st) {
  for (int p = 0; p < PROMPTS; p++)
    for (int layer = journal_layers_done(journal, p, f->arena); layer < LAYERS; layer++) {
      if (most-- == 0) return true;
      TRY(fixture_segment(f, journal, p, layer, st));
    }
  return true;
}

static inline bool fixture_join(const Fixture *f, Journal *journal, Status *st) {
  Arena arena = f->arena;
  void *rows;
  size_t count;
  TRY(journal_read_rows(&arena, journal, &table_tensor_stats, &rows, &count, st));
  Drift *drift = ARENA_NEW(&arena, Drift, 2);
  strcpy(drift[0].base, "fp64"), strcpy(drift[0].other, "2-0"), strcpy(drift[0].tensor, "block_out");
  drift[0].rel_l2 = 0.25, drift[0].growth = (double)__builtin_nanf("0x123");
  drift[1] = drift[0];
  drift[1].layer = 1;
  Attribute attributes[] = {{"title", "An answer, in UTF-8: \xc3\xa9", 0}, {"note", "", 0}, {"seed", NULL, 0.1}};
  TableRows tables_given[] = {{&table_tensor_stats, rows, count}, {&table_drift, drift, 2}, {&table_verdict, NULL, 0}};
  return journal_join(journal, attributes, 3, tables_given, 3, arena, st);
}

/* From nothing, or from where it was, to the result. */
static inline bool fixture_run_with(Fixture *f, bool sync, int deflate, Status *st) {
  Journal journal;
  TRY(journal_open(&f->arena, f->results, &f->key, &f->shape, false, sync, deflate, &journal, st));
  bool ok = fixture_layers(f, &journal, -1, st) && fixture_join(f, &journal, st);
  journal_close(&journal);
  return ok;
}
static inline bool fixture_run(Fixture *f, Status *st) { return fixture_run_with(f, false, 0, st); }
/* ---- what came out ---- */

typedef struct Listing {
  char text[1 << 16];
  size_t length;
} Listing;

static inline herr_t fixture_list(hid_t file, const char *name, const H5O_info_t *info, void *data) {
  Listing *list = data;
  char digest[40] = "none";
  /* The times in a table of performance may differ, the tensors' and these tables' digests may not. */
  if (info->type == H5O_TYPE_DATASET && H5Aexists_by_name(file, name, "digest", H5P_DEFAULT) > 0) {
    hid_t attribute = H5Aopen_by_name(file, name, "digest", H5P_DEFAULT, H5P_DEFAULT), type = H5Aget_type(attribute);
    memset(digest, 0, sizeof digest);
    H5Aread(attribute, type, digest);
    H5Tclose(type), H5Aclose(attribute);
  }
  list->length +=
      (size_t)snprintf(list->text + list->length, sizeof list->text - list->length, "%s %s\n", name, digest);
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
  char path[160];
  snprintf(path, sizeof path, "%s%s", f->results, name);
  return file_exists(path);
}
#endif
