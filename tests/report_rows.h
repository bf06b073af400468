/* report_rows: a results file's rows made by hand, so that the report is tested on numbers that a
 * reader can check in his head. */
#ifndef DS_TESTS_REPORT_ROWS_H
#define DS_TESTS_REPORT_ROWS_H
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family/family.h"
#include "family/mamba1.h"
#include "report/body.h"
#include "tests/exhausted.h"

enum { ROWS_ROOM = 4000 };

typedef struct MadeRows {
  TensorStats tensor[ROWS_ROOM];
  PairStats pair[ROWS_ROOM];
  Drift drift[ROWS_ROOM];
  DriftShape shape[32];
  Verdict verdict[32];
  ModeRow mode[16];
  ScaleRow scale[64];
  Performance performance[16];
  size_t tensors, pairs, drifts, shapes, verdicts, modes, scales, performances;
} MadeRows;

#define SET_TEXT(field, text) snprintf(field, sizeof(field), "%s", text)

static inline TensorStats *row_tensor(MadeRows *m, const char *prompt, const char *mode, int id,
                                      int layer, const char *type, const char *kernel,
                                      double level) {
  TensorStats *row = &m->tensor[m->tensors++];
  *row = (TensorStats){.layer = layer,
                       .rows = 5,
                       .cols = 4,
                       .n = 20,
                       .mean = level,
                       .std = 2 * level,
                       .min = -3 * level,
                       .max = 4 * level,
                       .first_nonfinite = -1};
  SET_TEXT(row->prompt, prompt);
  SET_TEXT(row->mode, mode);
  SET_TEXT(row->tensor, family_mamba1.tensors.info[id].name);
  SET_TEXT(row->type, type);
  SET_TEXT(row->kernel, kernel);
  for (int i = 0; i < FIRST_VALUES; i++) row->first[i] = level * (i + 1);
  row->scale = row->on_grid = row->saturated = NAN;
  return row;
}

/* rel_l2 0: identical. The base has mean `level`; the other's statistics are all larger by
 * `diff`. */
static inline PairStats *row_pair(MadeRows *m, const char *prompt, const char *base,
                                  const char *other, int id, int layer, bool same_kernel,
                                  double rel_l2, double level, double diff) {
  PairStats *row = &m->pair[m->pairs++];
  *row = (PairStats){.layer = layer,
                     .identical = rel_l2 == 0,
                     .same_kernel = same_kernel,
                     .n = 20,
                     .rel_l2 = rel_l2};
  SET_TEXT(row->prompt, prompt);
  SET_TEXT(row->base, base);
  SET_TEXT(row->other, other);
  SET_TEXT(row->tensor, family_mamba1.tensors.info[id].name);
  row->mean_base = level, row->mean_other = level + diff;
  row->std_base = 2 * level, row->std_other = 2 * level + diff;
  row->min_base = -3 * level, row->min_other = -3 * level + diff;
  row->max_base = 4 * level, row->max_other = 4 * level + diff;
  row->mean_diff = row->std_diff = row->min_diff = row->max_diff = diff;
  row->mean_rel = diff / level, row->std_rel = diff / (2 * level);
  row->min_rel = diff / (3 * level), row->max_rel = diff / (4 * level);
  row->differing = rel_l2 == 0 ? 0 : 0.75;
  return row;
}

static inline Drift *row_drift(MadeRows *m, const char *base, const char *other, int id, int layer,
                               int prompts, double rel_l2, double growth) {
  Drift *row = &m->drift[m->drifts++];
  *row = (Drift){.layer = layer,
                 .prompts = prompts,
                 .identical = rel_l2 == 0,
                 .rel_l2 = rel_l2,
                 .growth = growth};
  SET_TEXT(row->base, base);
  SET_TEXT(row->other, other);
  SET_TEXT(row->tensor, family_mamba1.tensors.info[id].name);
  row->rel_l2_min = rel_l2 / 2, row->rel_l2_max = rel_l2 * 2;
  row->rel_l2_low = prompts > 1 ? rel_l2 * 0.75 : NAN,
  row->rel_l2_high = prompts > 1 ? rel_l2 * 1.25 : NAN;
  row->sqnr_db = rel_l2 == 0 ? INFINITY : -20 * log10(rel_l2);
  row->max_abs = 10 * rel_l2, row->cosine_min = 1 - rel_l2 * rel_l2, row->ulp_mean = 1e5 * rel_l2,
  row->differing = rel_l2 == 0 ? 0 : 0.75;
  row->rel_l2_mean = rel_l2 * 0.9375, row->rel_l2_mean_low = row->rel_l2_mean_high = NAN;
  row->token_median = rel_l2 * 0.875;
  row->token_median_low = prompts > 1 ? rel_l2 * 0.8125 : NAN,
  row->token_median_high = prompts > 1 ? rel_l2 : NAN;
  row->token_p90 = 2 * rel_l2, row->token_p99 = 4 * rel_l2;
  row->token_worst = rel_l2 == 0 ? -1 : 3, row->token_worst_share = rel_l2 == 0 ? NAN : 0.625;
  SET_TEXT(row->worst_prompt, rel_l2 == 0 ? "" : "address");
  return row;
}

/* An interval of a sixteenth to either side; none of one prompt. */
static inline void spread(double value, int prompts, double *low, double *high) {
  *low = prompts > 1 ? value * 0.9375 : NAN;
  *high = prompts > 1 ? value * 1.0625 : NAN;
}

/* From 1 % at layer 0 to 2 % at layer 23 by way of 4 % at layer 17, with a step of 1.5 into layer
 * 1; the caller sets what is special. */
static inline DriftShape *row_shape(MadeRows *m, const char *base, const char *other, int id,
                                    int prompts, const char *shape, int layer) {
  DriftShape *row = &m->shape[m->shapes++];
  *row = (DriftShape){.prompts = prompts,
                      .layer = layer,
                      .layer_low = -1,
                      .layer_high = -1,
                      .rival_layer = -1,
                      .agreement = NAN,
                      .told = 1,
                      .first_layer = 0,
                      .last_layer = 23,
                      .latest_start = 0,
                      .first = 0.01,
                      .last = 0.02,
                      .growth_p = NAN,
                      .growth_holm = NAN,
                      .growth = 2,
                      .peak_layer = 17,
                      .rise = 4,
                      .fall = 0.5,
                      .step_layer = 1,
                      .step = 1.5,
                      .step_share = 0.25,
                      .settled_layer = 22,
                      .quarter = 0.75,
                      .rate = 1.03,
                      .pooled_growth = 1.75,
                      .parting = 1.125,
                      .parting_layer = 5,
                      .needed = 0};
  SET_TEXT(row->base, base);
  SET_TEXT(row->other, other);
  SET_TEXT(row->tensor, family_mamba1.tensors.info[id].name);
  SET_TEXT(row->shape, shape);
  spread(row->last, prompts, &row->last_low, &row->last_high);
  spread(row->growth, prompts, &row->growth_low, &row->growth_high);
  spread(row->rise, prompts, &row->rise_low, &row->rise_high);
  spread(row->fall, prompts, &row->fall_low, &row->fall_high);
  spread(row->step, prompts, &row->step_low, &row->step_high);
  spread(row->quarter, prompts, &row->quarter_low, &row->quarter_high);
  spread(row->pooled_growth, prompts, &row->pooled_growth_low, &row->pooled_growth_high);
  if (prompts > 1) row->agreement = 0.975;
  return row;
}

/* A shape that is not there, for this reason: nothing is measured. */
static inline DriftShape *row_no_shape(MadeRows *m, const char *base, const char *other, int id,
                                       int prompts, const char *reason) {
  DriftShape *row = row_shape(m, base, other, id, prompts, "", -1);
  double *const none[] = {&row->first,  &row->last,          &row->last_low,    &row->last_high,
                          &row->growth, &row->growth_low,    &row->growth_high, &row->rise,
                          &row->fall,   &row->step,          &row->step_share,  &row->quarter,
                          &row->rate,   &row->pooled_growth, &row->parting,     &row->agreement};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) *none[i] = NAN;
  row->peak_layer = row->step_layer = row->settled_layer = row->parting_layer = -1;
  row->told = 0;
  SET_TEXT(row->reason, reason);
  return row;
}

static inline Verdict *row_verdict(MadeRows *m, const char *base, const char *other,
                                   const char *effect, const char *reason, int tensors,
                                   int identical, int same_kernel) {
  Verdict *v = &m->verdict[m->verdicts++];
  *v = (Verdict){.tensors = tensors,
                 .tensors_identical = identical,
                 .tensors_same_kernel = same_kernel,
                 .first_layer = -2,
                 .worst_layer = -1,
                 .first_rel_l2 = NAN,
                 .top1_agreement = 1,
                 .top1_low = NAN,
                 .top1_high = NAN};
  SET_TEXT(v->base, base);
  SET_TEXT(v->other, other);
  SET_TEXT(v->effect, effect);
  SET_TEXT(v->reason, reason);
  return v;
}

static inline ModeRow *row_mode(MadeRows *m, const char *name, const char *conv_out,
                                const char *scan_u, const char *scan_order) {
  ModeRow *row = &m->mode[m->modes++];
  SET_TEXT(row->mode, name);
  SET_TEXT(row->setting[STAGE_LINEARS], "w8a8");
  SET_TEXT(row->setting[STAGE_CONV_IN], "i8");
  SET_TEXT(row->setting[STAGE_CONV_OUT], conv_out);
  SET_TEXT(row->setting[STAGE_X_PROJ_IN], "i8");
  SET_TEXT(row->setting[STAGE_SCAN_U], scan_u);
  SET_TEXT(row->setting[STAGE_SCAN_REST], "i8");
  SET_TEXT(row->setting[STAGE_SCAN_ORDER], scan_order);
  SET_TEXT(row->setting[STAGE_GATED], "f16");
  SET_TEXT(row->setting[STAGE_OUT_PROJ], "f16");
  SET_TEXT(row->setting[STAGE_CONV_ACC], "f32");
  SET_TEXT(row->setting[STAGE_SOFTPLUS], "f32");
  SET_TEXT(row->setting[STAGE_DECAY], "f32");
  SET_TEXT(row->setting[STAGE_STATE], "f32");
  return row;
}

static inline void row_scale(MadeRows *m, int layer, const char *name, double scale) {
  ScaleRow *row = &m->scale[m->scales++];
  *row = (ScaleRow){.layer = layer, .statistic = 127 * scale, .scale = scale};
  SET_TEXT(row->name, name);
}

static inline void row_performance(MadeRows *m, const char *what, double time_s, int64_t bytes) {
  Performance *row = &m->performance[m->performances++];
  *row = (Performance){.time_s = time_s, .bytes = bytes};
  SET_TEXT(row->what, what);
}

/* What report_write would have read of a file with these rows. */
static inline ReportData *made_data(Arena *arena, MadeRows *m) {
  const TableRows rows[] = {{&table_tensor_stats, m->tensor, m->tensors},
                            {&table_pair_stats, m->pair, m->pairs},
                            {&table_drift, m->drift, m->drifts},
                            {&table_drift_shape, m->shape, m->shapes},
                            {&table_verdict, m->verdict, m->verdicts},
                            {&table_modes, m->mode, m->modes},
                            {&table_scales, m->scale, m->scales},
                            {&table_performance, m->performance, m->performances}};
  ReportData *d = ARENA_NEW(arena, ReportData, 1);
  d->table_count = sizeof rows / sizeof *rows;
  d->tables = ARENA_NEW(arena, TableRows, d->table_count);
  memcpy(d->tables, rows, sizeof rows);
  return d;
}

static const int made_tensors[] = {T_BLOCK_IN, T_NORM,     T_CONV1D_SILU, T_SCAN_IN,
                                   T_SCAN,     T_OUT_PROJ, T_BLOCK_OUT};
enum { MADE_TENSORS = sizeof made_tensors / sizeof *made_tensors };

static inline const char *made_kernel(int id, const char *mode) {
  bool f32 = !strcmp(mode, "2-4");
  switch (id) {
    case T_NORM: return "rmsnorm f32->i8 cpu";
    case T_CONV1D_SILU:
      return f32                  ? "conv1d i8*i8->f32 cpu"
             : !strcmp(mode, "0") ? "conv1d i8*i8->i8 cpu"
                                  : "conv1d i8*i8->f32_grid cpu";
    case T_SCAN_IN: return f32 ? "copy f32 cpu" : "requantise f32->i8 cpu";
    case T_SCAN: return f32 ? "scan f32,i8->f16 sequential cpu" : "scan i8,i8->f16 blocked cpu";
    case T_OUT_PROJ: return "linear i8*i8->f16 cpu";
    default: return "add f32 cpu";
  }
}

static inline const char *made_type(int id, const char *mode) {
  bool f32 = !strcmp(mode, "2-4");
  if (id == T_NORM || (id == T_SCAN_IN && !f32) || (id == T_CONV1D_SILU && !strcmp(mode, "0")))
    return "i8";
  return id == T_OUT_PROJ ? "f16" : "f32";
}

static inline void made_mode(MadeRows *m, const char *prompt, const char *mode, int layers) {
  row_tensor(m, prompt, mode, T_EMBEDDING, -1, "f32", "lookup f32 cpu", 0.5);
  for (int layer = 0; layer < layers; layer++)
    for (int t = 0; t < MADE_TENSORS; t++) {
      TensorStats *row = row_tensor(
          m, prompt, mode, made_tensors[t], layer, made_type(made_tensors[t], mode),
          made_kernel(made_tensors[t], mode), 1 + (strcmp(mode, "2-4") ? 0 : 0.001953125));
      if (made_tensors[t] != T_CONV1D_SILU && made_tensors[t] != T_SCAN_IN) continue;
      row->scale = 0.25;
      row->on_grid = strcmp(mode, "2-4") ? 1 : 0.0625;
      row->saturated = layer == 0 ? 0.00002 : 0;
    }
  row_tensor(m, prompt, mode, T_LOGITS, layers, "f32", "linear f32*f32->f32 cpu", 3);
}

/* conv1d_silu differs in every layer; block_out's relative L2 is size[layer]. */
static inline void made_pair(MadeRows *m, const char *base, const char *other,
                             const char *const *prompt, int prompts, const double *size,
                             int layers) {
  const double diff = 0.001953125;
  for (int p = 0; p < prompts; p++) {
    row_pair(m, prompt[p], base, other, T_EMBEDDING, -1, true, 0, 0.5, 0);
    for (int layer = 0; layer < layers; layer++)
      for (int t = 0; t < MADE_TENSORS; t++) {
        int id = made_tensors[t];
        bool kernel = !strcmp(made_kernel(id, base), made_kernel(id, other));
        bool equal = size[layer] == 0 || (layer == 0 && (id == T_BLOCK_IN || id == T_NORM));
        row_pair(m, prompt[p], base, other, id, layer, kernel, equal ? 0 : size[layer], 1,
                 equal ? 0 : diff);
      }
    row_pair(m, prompt[p], base, other, T_LOGITS, layers, true, size[layers - 1], 3,
             size[layers - 1] == 0 ? 0 : diff);
  }
  for (int t = 0; t < MADE_TENSORS; t++)
    for (int layer = 0; layer < layers; layer++)
      row_drift(m, base, other, made_tensors[t], layer, prompts, size[layer],
                layer > 0 && size[layer - 1] > 0 ? size[layer] / size[layer - 1] : NAN);
  row_drift(m, base, other, T_LOGITS, layers, prompts, size[layers - 1], NAN);
}

static inline Verdict *made_verdict(MadeRows *m, const char *base, const char *other,
                                    const char *prompt, const double *size, int layers) {
  int tensors = 0, identical = 0, same = 0;
  for (size_t i = 0; i < m->pairs; i++) {
    const PairStats *row = &m->pair[i];
    if (strcmp(row->base, base) || strcmp(row->other, other)) continue;
    tensors++, identical += row->identical, same += row->same_kernel;
  }
  Verdict *v = row_verdict(m, base, other,
                           identical == tensors ? "identical"
                           : same == tensors    ? "same_kernels"
                                                : "differs",
                           "", tensors, identical, same);
  if (identical == tensors) return v;
  v->first_layer = 0;
  SET_TEXT(v->first_tensor, "conv1d_silu");
  SET_TEXT(v->first_prompt, prompt);
  v->first_rel_l2 = size[0];
  v->block_out_first = size[0], v->block_out_last = size[layers - 1];
  v->worst_layer = 2, v->block_out_worst = size[2];
  v->logits_rel_l2 = size[layers - 1];
  v->top1_agreement = 0.8;
  return v;
}

static const double made_grows[] = {0.001, 0.002, 0.008, 0.006}, made_equal[] = {0, 0, 0, 0};

enum { MADE_LAYERS = 4 };

/* Four layers; 2-0 against 2-4 differs, 0 against 2-0 is identical; all three against the
 * reference. */
static inline ReportData *made_run(Arena *arena, MadeRows *m, int prompts) {
  static const char *const prompt[] = {"address", "psalm"};
  static const char *const mode[] = {"2-0", "2-4", "0", "fp64"};
  for (int p = 0; p < prompts; p++)
    for (int i = 0; i < 4; i++) made_mode(m, prompt[p], mode[i], MADE_LAYERS);
  made_pair(m, "2-0", "2-4", prompt, prompts, made_grows, MADE_LAYERS);
  made_pair(m, "0", "2-0", prompt, prompts, made_equal, MADE_LAYERS);
  for (int i = 0; i < 3; i++) {
    const double *size = made_grows;
    made_pair(m, "fp64", mode[i], prompt, prompts, size, MADE_LAYERS);
  }
  made_verdict(m, "2-0", "2-4", "address", made_grows, MADE_LAYERS);
  SET_TEXT(made_verdict(m, "0", "2-0", "address", made_equal, MADE_LAYERS)->reason,
           "grid_identity");
  for (int i = 0; i < 3; i++)
    made_verdict(m, "fp64", mode[i], "address", made_grows, MADE_LAYERS)->logits_rel_l2 =
        0.02 + 0.01 * i;
  row_mode(m, "2-0", "f32_grid", "i8", "blocked");
  row_mode(m, "2-4", "f32", "f32", "sequential");
  row_mode(m, "0", "i8", "i8", "blocked");
  for (int layer = 0; layer < MADE_LAYERS; layer++) {
    row_scale(m, layer, "s_in", 0.01 * (layer + 1));
    row_scale(m, layer, "s_u", 0.04 / (layer + 1));
  }
  row_performance(m, "load", 0.25, 0);
  row_performance(m, "mode 2-0", 0.5, 0);
  row_performance(m, "store", 0.25, 12345678);
  row_performance(m, "total", 1, 234567890);
  ReportData *d = made_data(arena, m);
  d->about[ABOUT_TITLE] = "Mode 2-0 against mode 2-4, all layers";
  d->about[ABOUT_QUESTION] = "Does a float convolution and scan change what the last layer sees?";
  d->about[ABOUT_MODEL] = "data/mamba-bytes-10m";
  d->about[ABOUT_MODEL_SHAPE] = "4 layers, D 4, E 8, N 2, R 1, K 4, vocabulary 256";
  d->about[ABOUT_REWRITE] = "quamba";
  d->about[ABOUT_REWRITE_PROOF] = "3.1e-15";
  d->about[ABOUT_BACKEND] = "cpu";
  d->about[ABOUT_COMMAND] = "driftscope run experiments/mode20_vs_mode24.yaml";
  d->about[ABOUT_PROGRAM] = "driftscope 0.1";
  d->about[ABOUT_SPEC_DIGEST] = "0123456789abcdef0123456789abcdef";
  d->about[ABOUT_SPEC_EFFECTIVE] =
      "title: \"Mode 2-0 against mode 2-4, all layers\"\nmodel: data/mamba-bytes-10m\n";
  data_arrange(arena, d);
  return d;
}

/* --- looking at what came out ----------------------------------------------------------------- */

static Arena arena; /* one process a test: these are the test's own */
static MadeRows *made;

static inline void reserve(void) {
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st), "%s", st.text);
  made = ARENA_NEW(&arena, MadeRows, 1);
}

static inline void release(void) { arena_release(&arena); }

static inline const char *body_of(const ReportData *d) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  cr_assert_not_null(out);
  body_write(out, d, arena);
  cr_assert(fclose(out) == 0);
  const char *copy = arena_printf(&arena, "%s", text);
  free(text);
  return copy;
}

static inline bool has_line(const char *text, const char *line) {
  size_t length = strlen(line);
  for (const char *at = text; (at = strstr(at, line)); at++)
    if ((at == text || at[-1] == '\n') && at[length] == '\n') return true;
  return false;
}

#define EXPECT_LINE(text, line)                                                                    \
  cr_expect(has_line(text, line), "no such line: %s\nin:\n%s", line, text)
/* A row of a table, whatever the widths of its columns: runs of spaces are one. */
static inline const char *squeezed(const char *text) {
  char *copy = arena_printf(&arena, "%s", text), *to = copy;
  for (const char *at = text; *at; at++)
    if (*at != ' ' || at[1] != ' ') *to++ = *at;
  *to = 0;
  return copy;
}
#define EXPECT_ROW(text, row) EXPECT_LINE(squeezed(text), row)
#define EXPECT_NONE(text, part) cr_expect(!strstr(text, part), "%s stands in:\n%s", part, text)

/* From the line `heading` up to the next heading of the same or a higher rank, looking from
 * `section` on. */
static inline const char *part_of(const char *text, const char *section, const char *heading) {
  const char *from = strstr(text, section);
  cr_assert(from, "no section %s in:\n%s", section, text);
  from = strstr(from, heading);
  cr_assert(from, "no heading %s after %s in:\n%s", heading, section, text);
  size_t rank = strspn(heading, "#");
  const char *end = from + 1;
  while ((end = strstr(end, "\n#"))) {
    if (strspn(end + 1, "#") <= rank) break;
    end++;
  }
  return arena_printf(&arena, "%.*s\n", end ? (int)(end - from) : (int)strlen(from), from);
}

/* One pair alone, of a run of four layers. */
static inline ReportData *one_pair(const char *base, const char *other, const double *size) {
  static const char *const prompt[] = {"p"};
  made_mode(made, "p", base, MADE_LAYERS);
  made_mode(made, "p", other, MADE_LAYERS);
  made_pair(made, base, other, prompt, 1, size, MADE_LAYERS);
  made_verdict(made, base, other, "p", size, MADE_LAYERS);
  return made_data(&arena, made);
}

/* Somewhere in the text. */
static inline void says(const char *text, const char *want) {
  cr_expect(strstr(text, want) != NULL, "not said: %s\nin:\n%.4000s", want, text);
}
#endif
