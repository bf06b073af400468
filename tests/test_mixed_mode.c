/* A mode that differs by layer: what a run makes of it is, in every bit, what its layers' own modes
 * make one after the other, composed here by hand; the file holds in each layer what the mode of
 * that layer makes; and a run that was killed goes on to the same. */
#include <hdf5.h>
#include <math.h>

#include "experiment/experiment.h"
#include "family/block.h"
#include "family/mamba1.h"
#include "measure/drift.h"
#include "measure/stats.h"
#include "measure/tables.h"
#include "small_model.h"

enum { LAYERS = 8, PROMPTS = 2 };

#define HEAD                                                                                       \
  "title: mixed\nmodel: %s/model\nevents: {repair: 0}\n"                                           \
  "calibration: {text: %s/data/text/valid.txt, windows: 2, length: 32}\n"                          \
  "prompts:\n"                                                                                     \
  "  - {name: first, text: %s/data/text/test.txt, offset: 4000, length: %d}\n"                     \
  "  - {name: second, text: %s/data/text/test.txt, offset: 9000, length: %d}\n"                    \
  "modes:\n"                                                                                       \
  "  stored: {base: 2-4, state: bf16}\n"                                                           \
  "  mixed: {base: 2-0, layers: {0-1: fp32, 3: stored, 5-6: {scan_u: f32, scan_order: "            \
  "sequential}, 7: 3}}\n"
#define PAIRS "pairs: [[2-0, mixed], [mixed, 2-4]]\n"

static char text[4096];

/* Its path; made by the test, in the folder of the test, with prompts of T tokens and of five
 * less. */
static const char *write_spec(int T) {
  static char path[128];
  char here[1024];
  cr_assert(getcwd(here, sizeof here));
  cr_assert_lt(snprintf(text, sizeof text, HEAD PAIRS, shell_folder, here, here, T, here, T - 5),
               (int)sizeof text);
  snprintf(path, sizeof path, "%s/mixed.yaml", shell_folder);
  FILE *out = fopen(path, "w");
  cr_assert(out && fputs(text, out) >= 0 && fclose(out) == 0);
  return path;
}

/* What runs in a layer, by hand. */
static Mode by_hand(int layer) {
  Mode mode = *mode_preset(layer < 2 ? "fp32" : layer == 3 ? "2-4" : layer == 7 ? "3" : "2-0");
  if (layer == 3) mode.setting[STAGE_STATE] = INNER_BF16;
  if (layer == 5 || layer == 6)
    mode.setting[STAGE_SCAN_U] = SCAN_U_F32, mode.setting[STAGE_SCAN_ORDER] = SCAN_ORDER_SEQUENTIAL;
  return mode;
}

static void run(const char *spec, const char *folder) {
  cr_assert_eq(
      shell(NO_FIGURES "%s run %s -q -o %s/%s 2>&1", shell_program(), spec, shell_folder, folder),
      0, "%s", shell_output);
}

/* The file's rows of three tables. */
typedef struct Found {
  void *tensor, *pair, *drift, *mode;
  size_t tensors, pairs, drifts, modes;
} Found;

static Found read_rows(Arena *arena, const char *folder) {
  Found found;
  Results results;
  Status st = {0};
  const char *path = arena_printf(arena, "%s/%s/results.h5", shell_folder, folder);
  store_start();
  cr_assert(results_open(path, &results, *arena, &st), "%s", st.text);
  cr_assert(results_rows(arena, &results, &table_tensor_stats, &found.tensor, &found.tensors, &st),
            "%s", st.text);
  cr_assert(results_rows(arena, &results, &table_pair_stats, &found.pair, &found.pairs, &st), "%s",
            st.text);
  cr_assert(results_rows(arena, &results, &table_drift, &found.drift, &found.drifts, &st), "%s",
            st.text);
  cr_assert(results_rows(arena, &results, &table_modes, &found.mode, &found.modes, &st), "%s",
            st.text);
  results_close(&results);
  return found;
}

/* Every column, bit by bit; a NaN is a NaN. Which rows were computed twice is a draw. */
static void expect_row(const Table *table, const void *got, const void *want, const char *where) {
  for (int c = 0; c < table->columns; c++) {
    const Column *column = &table->column[c];
    if (!strcmp(column->name, "checked")) continue;
    const char *a = (const char *)got + column->offset, *b = (const char *)want + column->offset;
    bool same = column->type == COLUMN_TEXT ? !strcmp(a, b) : !memcmp(a, b, column->size);
    if (column->type == COLUMN_F64)
      same |= isnan(table_double(got, column->offset)) && isnan(table_double(want, column->offset));
    cr_expect(same, "%s: %s of %s", where, column->name, table->name);
  }
}

/* --- composed by hand ------------------------------------------------------------------------- */

/* A mode's trace of a layer, the ends with it. */
typedef struct Walked {
  const char *name;
  Tensor stream;
  Trace trace;
} Walked;

static void step(const Subject *subject, int prompt, int layer, const Mode *mode, Walked *w,
                 Arena *arena) {
  const PromptShape *shape = &subject->prompt[prompt];
  Trace ends = {0};
  if (layer == 0) {
    block_embed(&subject->model, shape->token, shape->T, arena, &ends);
    w->stream = ends.t[T_EMBEDDING];
  }
  block_run(&subject->model, layer, mode, &w->stream, arena, &w->trace);
  w->stream = w->trace.t[T_BLOCK_OUT];
  if (layer == LAYERS - 1) block_head(&subject->model, &w->stream, arena, &ends);
  trace_add_ends(&w->trace, &ends);
}

static int filed(int id, int layer) {
  return tensors_filed(&family_mamba1.tensors, id, layer, LAYERS);
}

static void put_tensor(const Subject *subject, int prompt, int layer, const Walked *w, int id,
                       TensorStats *row, Arena scratch) {
  const Tensor *t = &w->trace.t[id];
  const int scale = family_mamba1.tensors.info[id].scale;
  memset(row, 0, sizeof *row);
  stats_tensor(t, scale == ABSENT ? 0 : subject->model.scales[layer].scale[scale], row, scratch);
  table_text(row->prompt, sizeof row->prompt, subject->prompt[prompt].name);
  table_text(row->mode, sizeof row->mode, w->name);
  table_text(row->tensor, sizeof row->tensor, family_mamba1.tensors.info[id].name);
  row->layer = filed(id, layer);
  const size_t width = (size_t)t->cols * format_size(t->format);
  char *packed = arena_room(&scratch, (size_t)t->rows, width);
  for (int r = 0; r < t->rows; r++)
    memcpy(packed + (size_t)r * width,
           (char *)t->data + (size_t)r * (size_t)t->stride * format_size(t->format), width);
  table_text(row->digest, sizeof row->digest, digest_of(packed, (size_t)t->rows * width).hex);
}

static void put_pair(const Subject *subject, int prompt, int layer, const Walked *a,
                     const Walked *b, int id, PairStats *row, Arena scratch) {
  memset(row, 0, sizeof *row);
  stats_pair(&a->trace.t[id], &b->trace.t[id], row, scratch);
  if (family_mamba1.tensors.info[id].rows != DIM_TOKEN) stats_no_tokens(row);
  row->top1_agreement = NAN;
  if (id == T_LOGITS) stats_top1(&a->trace.t[id], &b->trace.t[id], row);
  table_text(row->prompt, sizeof row->prompt, subject->prompt[prompt].name);
  table_text(row->base, sizeof row->base, a->name);
  table_text(row->other, sizeof row->other, b->name);
  table_text(row->tensor, sizeof row->tensor, family_mamba1.tensors.info[id].name);
  row->layer = filed(id, layer);
}

static const TensorStats *find_tensor(const Found *f, const TensorStats *like) {
  for (const TensorStats *row = f->tensor; row < (TensorStats *)f->tensor + f->tensors; row++)
    if (row->layer == like->layer && !strcmp(row->tensor, like->tensor) &&
        !strcmp(row->mode, like->mode) && !strcmp(row->prompt, like->prompt))
      return row;
  return NULL;
}

static const PairStats *find_pair(const Found *f, const PairStats *like) {
  for (const PairStats *row = f->pair; row < (PairStats *)f->pair + f->pairs; row++)
    if (row->layer == like->layer && !strcmp(row->tensor, like->tensor) &&
        !strcmp(row->base, like->base) && !strcmp(row->other, like->other) &&
        !strcmp(row->prompt, like->prompt))
      return row;
  return NULL;
}

static size_t of_pair(const Found *f, const char *base, const char *other) {
  size_t count = 0;
  for (size_t i = 0; i < f->pairs; i++) {
    const PairStats *row = (PairStats *)f->pair + i;
    count += !strcmp(row->base, base) && !strcmp(row->other, other);
  }
  return count;
}

/* Every tensor of the mode and every row of the pair against the file's; the pair's rows by
 * hand. */
static size_t compose(const Subject *subject, const Found *found, PairStats *pair, Arena arena) {
  size_t pairs = 0;
  for (int prompt = 0; prompt < PROMPTS; prompt++) {
    Arena kept = arena;
    Walked mixed = {.name = "mixed"}, base = {.name = "2-0"};
    for (int layer = 0; layer < LAYERS; layer++) {
      const Mode mode = by_hand(layer);
      Forms forms = forms_of_both(forms_of_mode(&mode), forms_of_mode(mode_preset("2-0")));
      Status st = {0};
      forms.head = layer == LAYERS - 1;
      cr_assert(layers_hold(subject->layers, layer, &forms, &st), "%s", st.text);
      step(subject, prompt, layer, &mode, &mixed, &kept);
      step(subject, prompt, layer, mode_preset("2-0"), &base, &kept);
      for (int id = 0; id < T_COUNT; id++) {
        TensorStats want;
        if (!mixed.trace.t[id].data) continue;
        put_tensor(subject, prompt, layer, &mixed, id, &want, kept);
        const TensorStats *got = find_tensor(found, &want);
        cr_assert(got, "%s, layer %d: no row", want.tensor, layer);
        expect_row(&table_tensor_stats, got, &want,
                   arena_printf(&kept, "%s, layer %d", want.tensor, layer));
        if (!base.trace.t[id].data) continue;
        put_pair(subject, prompt, layer, &base, &mixed, id, &pair[pairs], kept);
        const PairStats *row = find_pair(found, &pair[pairs]);
        cr_assert(row, "pair, %s, layer %d: no row", want.tensor, layer);
        expect_row(&table_pair_stats, row, &pair[pairs++],
                   arena_printf(&kept, "%s, layer %d", want.tensor, layer));
      }
    }
  }
  return pairs;
}

/* --- a whole spec ----------------------------------------------------------------------------- */

/* Into a place that stays: the layers point to the subject's checkpoint. */
static void load(Arena *arena, Spec *spec, Subject *subject) {
  Status st = {0};
  Progress quiet = progress_start(true);
  cr_assert(spec_parse(arena, "mixed.yaml", text, strlen(text), spec, &st), "%s", st.text);
  cr_assert(subject_check(arena, spec, subject, &st) &&
                experiment_load(arena, spec, NULL, &quiet, subject, &st) &&
                layers_ride_all(subject->layers, &st),
            "%s", st.text);
}

static Arena large_arena(void) {
  Arena arena;
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)2 << 30, exhausted, &st), "%s", st.text);
  return arena;
}

static void begin(void) {
  shell_begin();
  small_model(LAYERS);
}

TestSuite(mixed_mode, .init = begin, .fini = shell_end, .timeout = 180);

Test(mixed_mode, equals_its_layers_modes_composed_by_hand_in_every_bit) {
  Arena arena = large_arena();
  Spec spec;
  run(write_spec(16), "out");
  const Found found = read_rows(&arena, "out");
  Subject subject;
  load(&arena, &spec, &subject);
  PairStats *pair = ARENA_NEW(&arena, PairStats, PROMPTS * LAYERS * T_COUNT);
  const size_t pairs = compose(&subject, &found, pair, arena);
  cr_assert_eq(pairs, of_pair(&found, "2-0", "mixed"));
  cr_assert_geq(pairs, (size_t)PROMPTS * LAYERS * T_SSM_STATE);
  size_t drifts, seen = 0;
  const Drift *drift = drift_of(&arena, &family_mamba1.tensors, pair, pairs, &drifts);
  for (const Drift *row = found.drift; row < (Drift *)found.drift + found.drifts; row++) {
    if (strcmp(row->base, "2-0") || strcmp(row->other, "mixed")) continue;
    cr_assert_lt(seen, drifts);
    expect_row(&table_drift, row, &drift[seen++], "drift");
  }
  cr_assert_eq(seen, drifts);
}

/* A tensor of the file: -1 where there is none, else the size of its elements. */
static int stored_size(hid_t file, const char *mode, int layer, const char *tensor) {
  char path[256];
  snprintf(path, sizeof path, "/prompts/second/%s/layer_%02d/%s", mode, layer, tensor);
  if (H5Lexists(file, path, H5P_DEFAULT) <= 0) return -1;
  hid_t set = H5Dopen2(file, path, H5P_DEFAULT), type = H5Dget_type(set);
  const int size = (int)H5Tget_size(type);
  H5Tclose(type), H5Dclose(set);
  return size;
}

Test(mixed_mode, the_file_holds_in_each_layer_what_the_mode_of_that_layer_makes) {
  Arena arena = large_arena();
  run(write_spec(16), "out");
  const Found found = read_rows(&arena, "out");
  hid_t file =
      H5Fopen(arena_printf(&arena, "%s/out/results.h5", shell_folder), H5F_ACC_RDONLY, H5P_DEFAULT);
  cr_assert_geq(file, 0);
  for (int layer = 0; layer < LAYERS; layer++) {
    const Mode mode = by_hand(layer);
    const int u = mode.setting[STAGE_SCAN_U] == SCAN_U_I8,
              linears = mode.setting[STAGE_LINEARS] == LINEARS_W8A8;
    cr_expect_eq(stored_size(file, "mixed", layer, "ssm_state_q8"), u ? 1 : -1, "layer %d", layer);
    cr_expect_eq(stored_size(file, "mixed", layer, "scan_in"), u ? 1 : 4, "layer %d", layer);
    cr_expect_eq(stored_size(file, "mixed", layer, "norm"), linears ? 1 : 4, "layer %d", layer);
  }
  H5Fclose(file);
  static const struct {
    const char *mode;
    int first, last;
    const char *scan_u, *state;
  } want[] = {{"2-0", 0, 7, "i8", "f32"},    {"mixed", 0, 1, "f32", "f32"},
              {"mixed", 2, 2, "i8", "f32"},  {"mixed", 3, 3, "f32", "bf16"},
              {"mixed", 4, 4, "i8", "f32"},  {"mixed", 5, 6, "f32", "f32"},
              {"mixed", 7, 7, "f32", "f32"}, {"2-4", 0, 7, "f32", "f32"}};
  cr_assert_eq(found.modes, sizeof want / sizeof *want);
  for (size_t i = 0; i < found.modes; i++) {
    const ModeRow *row = (ModeRow *)found.mode + i;
    cr_expect(!strcmp(row->mode, want[i].mode) && row->first_layer == want[i].first &&
                  row->last_layer == want[i].last,
              "%s, %d to %d", row->mode, row->first_layer, row->last_layer);
    cr_expect_str_eq(row->setting[STAGE_SCAN_U], want[i].scan_u);
    cr_expect_str_eq(row->setting[STAGE_STATE], want[i].state);
  }
}

/* Killed once so many layers stand; false where it had ended before. */
static bool kill_after(const char *spec, const char *out, int layers) {
  int status;
  pid_t child = shell_run(spec, out, "/dev/null");
  if (!shell_wait_for(child, out, layers)) return false;
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

/* Killed where the next layer is of another part than the last, and within a part. */
Test(mixed_mode, a_killed_run_goes_on_in_the_mode_of_its_next_layer) {
  static const int at[] = {2, 4, LAYERS + 4};
  const char *spec = write_spec(64);
  int killed = 0;
  run(spec, "whole");
  for (int i = 0; i < 3; i++) {
    char name[8], out[128];
    snprintf(name, sizeof name, "k%d", i);
    snprintf(out, sizeof out, "%s/%s", shell_folder, name);
    killed += kill_after(spec, out, at[i]);
    run(spec, name);
    small_expect_gone_on("whole", name);
  }
  cr_assert_geq(killed, 2, "only %d of 3 runs were alive when killed", killed);
}
