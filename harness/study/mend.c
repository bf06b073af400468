#include "study/mend.h"

#include <math.h>

#include "family/block.h"
#include "measure/stats.h"
#include "study/choices.h"
#include "study/end_figures.h"
#include "study/rescaled.h"

/* The mode with some of its scales chosen so: one of a layer, or all that the choice is for. */
typedef struct Trial {
  ScaleChoiceKind choice;
  int layer, scale; /* ABSENT: all */
  Model model;      /* the subject's with other scales */
} Trial;

/* What one scale of one layer may be instead. */
static const ScaleChoiceKind single[] = {CHOICE_1, CHOICE_LEAST};
enum { SINGLE = sizeof single / sizeof *single, TRIALS_MOST = 4 };
_Static_assert(TRIALS_MOST >= 1 + MEND_SINGLE,
               "each walk has the mode as it is, and three beside it");

/* A walk: the reference, the mode as it is, others. */
typedef struct Mending {
  const Subject *subject;
  const Mode *mode;
  Trial trial[TRIALS_MOST]; /* the first: as it is */
  int trials, prompts, layers;
  bool used[SCALES_MOST]; /* scales that something depends on */
  bool looks;             /* each of them is looked at in each layer: looked_at */
  Model *other;           /* for that: as calibrated, but for the one that is being looked at */
  size_t left_bytes;      /* of a prompt */
  char *left;             /* [prompts]: sums_of each trial, looked_at, same_of each */
  double *reference;      /* [T, D]: what left the reference's layer */
} Mending;

static const Family *family_of(const Mending *m) { return m->subject->model.config.family; }

static const ScaleChoice *choice_of(const Mending *m, int layer, int scale, ScaleChoiceKind kind) {
  return choices_row((ScaleChoice *)m->subject->choice, family_of(m), layer, scale, kind);
}

static size_t sums_bytes(int layers) {
  return TRIALS_MOST * (size_t)(1 + layers) * sizeof(EndSums);
}

static size_t looked_bytes(int layers) {
  return (size_t)layers * SCALES_MOST * SINGLE * sizeof(double);
}

static size_t left_bytes(int layers) {
  return sums_bytes(layers) + looked_bytes(layers) + TRIALS_MOST * sizeof(double);
}

static char *left_at(const Mending *m, int prompt) {
  return m->left + (size_t)prompt * m->left_bytes;
}

/* What a trial leaves in a prompt: its ends, then of each layer's block_out error2 and size2
 * alone. */
static EndSums *sums_of(const Mending *m, int prompt, int trial) {
  EndSums *sums = (EndSums *)(void *)left_at(m, prompt);
  return &sums[trial * (1 + m->layers)];
}

/* The error2 of a layer's block_out with one other scale, on what the mode as it is gives that
 * layer. */
static double *looked_at(const Mending *m, int prompt, int layer, int scale, int choice) {
  double *looked = (double *)(void *)(left_at(m, prompt) + sums_bytes(m->layers));
  return &looked[(layer * SCALES_MOST + scale) * SINGLE + choice];
}

/* Not 0: its ends are those of the mode as it is, bit by bit. */
static double *same_of(const Mending *m, int prompt, int trial) {
  double *same =
      (double *)(void *)(left_at(m, prompt) + sums_bytes(m->layers) + looked_bytes(m->layers));
  return &same[trial];
}

/* --- the trials ------------------------------------------------------------------------------- */

static Trial *add_trial(Mending *m, ScaleChoiceKind choice, int layer, int scale, Arena *arena) {
  Trial *trial = &m->trial[m->trials++];
  *trial = (Trial){choice, layer, scale, rescaled_model(&m->subject->model, arena)};
  return trial;
}

static void set_scale(const Mending *m, Trial *trial, int layer, int scale) {
  trial->model.scales[layer].scale[scale] = (float)choice_of(m, layer, scale, trial->choice)->value;
}

/* Every scale so; of a quantile those that a calibration makes from one. */
static void try_all(Mending *m, ScaleChoiceKind choice, Arena *arena) {
  Trial *trial = add_trial(m, choice, ABSENT, ABSENT, arena);
  for (int layer = 0; layer < m->layers; layer++)
    for (int s = 0; s < family_of(m)->tensors.scales; s++)
      if (choice == CHOICE_LEAST || family_of(m)->scale[s].quantile) set_scale(m, trial, layer, s);
}

/* Of a maximum the calibrated scale is that choice already. */
static bool is_candidate(const Mending *m, int scale, int choice) {
  return m->used[scale] && (single[choice] != CHOICE_1 || family_of(m)->scale[scale].quantile);
}

static bool plan_all(Mending *m, Arena *arena, Status *st) {
  TRY(rescaled_used(m->subject, m->mode, m->used, *arena, st));
  add_trial(m, CHOICE_CALIBRATED, ABSENT, ABSENT, arena);
  try_all(m, CHOICE_0_99999, arena);
  try_all(m, CHOICE_1, arena);
  try_all(m, CHOICE_LEAST, arena);
  m->other = ARENA_NEW(arena, Model, 1);
  *m->other = rescaled_model(&m->subject->model, arena);
  m->looks = true;
  return true;
}

/* By how much a candidate lessens the error of its own layer: the share of block_out's squares,
 * over the prompts in which both are finite. */
static double gain_of(const Mending *all, int layer, int scale, int choice) {
  double gain = 0, size2 = 0;
  for (int p = 0; p < all->prompts; p++) {
    const EndSums *before = sums_of(all, p, 0) + 1 + layer;
    double fall = before->error2 - *looked_at(all, p, layer, scale, choice);
    if (!isfinite(fall)) continue;
    gain += fall;
    size2 += before->size2;
  }
  return size2 > 0 ? gain / size2 : 0;
}

static bool is_tried(const Mending *m, int layer, int scale) {
  for (int i = 0; i < m->trials; i++)
    if (m->trial[i].layer == layer && m->trial[i].scale == scale) return true;
  return false;
}

/* Of those not tried yet the one that gains most; the first of equal ones. */
static void try_best(Mending *m, const Mending *all, Arena *arena) {
  double most = 0;
  int layer = ABSENT, scale = ABSENT, choice = 0;
  for (int l = 0; l < m->layers; l++)
    for (int s = 0; s < family_of(m)->tensors.scales; s++)
      for (int c = 0; c < SINGLE; c++)
        if (is_candidate(all, s, c) && !is_tried(m, l, s) && gain_of(all, l, s, c) > most)
          most = gain_of(all, l, s, c), layer = l, scale = s, choice = c;
  if (layer != ABSENT)
    set_scale(m, add_trial(m, single[choice], layer, scale, arena), layer, scale);
}

static void plan_single(Mending *m, const Mending *all, Arena *arena) {
  add_trial(m, CHOICE_CALIBRATED, ABSENT, ABSENT, arena);
  for (int i = 0; i < MEND_SINGLE; i++) try_best(m, all, arena);
}

/* --- running them ----------------------------------------------------------------------------- */

static void add_error(const Mending *m, const Tensor *out, double *error2, double *size2) {
  size_t n = tensor_elements(out);
  for (size_t i = 0; i < n; i++) {
    double want = m->reference[i], d = tensor_value(out, i) - want;
    *error2 += d * d;
    if (size2) *size2 += want * want;
  }
}

/* A layer run again with each of its scales as it may be instead, one at a time. */
static void look(Mending *m, const WalkPlace *at, const Tensor *x, Arena scratch) {
  float *scale = m->other->scales[at->layer].scale;
  for (int s = 0; s < family_of(m)->tensors.scales; s++)
    for (int c = 0; c < SINGLE; c++) {
      if (!is_candidate(m, s, c)) continue;
      Arena own = scratch;
      Trace trace;
      const float calibrated = scale[s];
      scale[s] = (float)choice_of(m, at->layer, s, single[c])->value;
      block_run(m->other, at->layer, mode_in(m->mode, at->layer), x, &own, &trace);
      scale[s] = calibrated;
      add_error(m, trace_role(&trace, ROLE_BLOCK_OUT), looked_at(m, at->prompt, at->layer, s, c),
                NULL);
    }
}

/* Side 0 is the reference, side 1 + i is trial i. */
static bool take_layer(void *context, const WalkPlace *at, int side, const Trace *trace,
                       Arena scratch, Status *st) {
  (void)st;
  Mending *m = context;
  const Tensor *out = trace_role_of(trace, ROLE_BLOCK_OUT);
  if (side == 0) {
    tensor_values(out, m->reference);
    return true;
  }
  EndSums *sums = sums_of(m, at->prompt, side - 1) + 1 + at->layer;
  add_error(m, out, &sums->error2, &sums->size2);
  if (side == 1 && m->looks) look(m, at, trace_role_of(trace, ROLE_BLOCK_IN), scratch);
  return true;
}

static bool take_end(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                     Arena scratch, Status *st) {
  (void)st;
  Mending *m = context;
  if (side == 0) return true;
  *sums_of(m, at->prompt, side - 1) =
      ends_of(&end[0].block_out, &end[0].logits, &end[side].block_out, &end[side].logits,
              at->shape->token, scratch);
  *same_of(m, at->prompt, side - 1) = tensor_identical(&end[1].block_out, &end[side].block_out) &&
                                      tensor_identical(&end[1].logits, &end[side].logits);
  return true;
}

static void *left_of(void *context, int prompt, size_t *bytes) {
  Mending *m = context;
  *bytes = m->left_bytes;
  return sums_of(m, prompt, 0);
}

static bool run_trials(Mending *m, const Study *study, const char *name, Arena scratch,
                       Status *st) {
  const Tensors *tensors = &family_of(m)->tensors;
  WalkSide side[1 + TRIALS_MOST] = {
      {.source = source_ref64(&m->subject->weights), .stored = MODE_REFERENCE, .keep = true}};
  const int longest = subject_longest(study->spec, m->subject);
  m->reference = ARENA_NEW(&scratch, double, longest * m->subject->model.D);
  for (int i = 0; i < m->trials; i++) {
    side[1 + i] =
        (WalkSide){.source = source_cpu(&m->trial[i].model), .mode = m->mode, .keep = i == 0};
    if (m->trial[i].layer == ABSENT) continue; /* before its layer it is the mode as it is */
    side[1 + i].source.plain = &side[1].source;
    side[1 + i].source.until = m->trial[i].layer;
  }
  side[1].stored = m->mode->name; /* as it is */
  Visitor visitor = {.context = m, .side = take_layer, .end = take_end, .left = left_of};
  visitor.computes = m->looks;
  visitor.looks_at = subject_ends(m->subject) | tensors_in(tensors, ROLE_BLOCK_IN, ROLE_BLOCK_OUT);
  progress_phase(study->progress, "mend", m->prompts * m->layers);
  TRY(study_walk(study, side, 1 + m->trials, m->subject->prompt, m->prompts, &visitor, true, name,
                 scratch, st));
  progress_done(study->progress,
                m->looks ? "%s: %s of all scales beside it, one scale of one layer looked for"
                         : "%s: %s of one scale of one layer beside it",
                m->mode->name, progress_count(study->progress, m->trials - 1, "choice").text);
  return true;
}

/* --- their rows ------------------------------------------------------------------------------- */

/* [prompts]: of a layer, or with -1 of the ends. Layers that a trial shares with the mode as it is
 * ran there alone. */
static EndSums *gather(const Mending *m, int trial, int layer, Arena *arena) {
  if (layer >= 0 && layer < m->trial[trial].layer) trial = 0;
  EndSums *sums = ARENA_NEW(arena, EndSums, m->prompts);
  for (int p = 0; p < m->prompts; p++) sums[p] = sums_of(m, p, trial)[1 + layer];
  return sums;
}

/* What a row is of. */
#define PUT_TRIAL(m, trial, row)                                                                   \
  do {                                                                                             \
    table_text((row)->mode, sizeof(row)->mode, (m)->mode->name);                                   \
    table_text((row)->choice, sizeof(row)->choice, scale_choice_names[(trial)->choice]);           \
    (row)->layer = (trial)->layer;                                                                 \
    if ((trial)->scale != ABSENT)                                                                  \
      table_text((row)->scale, sizeof(row)->scale, family_of(m)->tensors.scale[(trial)->scale]);   \
  } while (0)

static void put_single(const Mending *m, const Trial *trial, Mend *row) {
  row->value_before = row->value = row->local_before = row->local = NAN;
  if (trial->scale == ABSENT) return;
  const ScaleChoice *before = choice_of(m, trial->layer, trial->scale, CHOICE_CALIBRATED),
                    *after = choice_of(m, trial->layer, trial->scale, trial->choice);
  row->value_before = before->value, row->value = after->value;
  row->local_before = before->rel_l2, row->local = after->rel_l2;
}

static void put_row(const Mending *m, int t, Mend *row, Arena scratch) {
  const EndSums *start = gather(m, 0, -1, &scratch), *way = gather(m, t, -1, &scratch);
  EndTerm itself[] = {{way, 1}, {start, 0}}, change[] = {{way, 1}, {start, -1}};
  *row = (Mend){.identical = 1};
  PUT_TRIAL(m, &m->trial[t], row);
  put_single(m, &m->trial[t], row);
  for (int p = 0; p < m->prompts; p++) row->identical &= *same_of(m, p, t) != 0;
  row->prompts = put_prompts(change, 2, m->subject->prompt, m->prompts, row->left_out,
                             sizeof row->left_out, scratch);
  row->pooled = ends_pooled(way, m->prompts);
  PUT_VALUES(itself, 2, m->prompts, row, scratch);
  PUT_CHANGES(change, 2, m->prompts, row, scratch);
  if (row->identical) PUT_NO_QUESTION(row);
}

static void make_rows(const Mending *m, int from, MendRows *rows, Arena scratch) {
  for (int t = from; t < m->trials; t++) {
    put_row(m, t, &rows->row[rows->rows++], scratch);
    for (int layer = 0; layer < m->layers; layer++) {
      Arena own = scratch;
      MendLayer *row = &rows->layer[rows->layers++];
      *row = (MendLayer){.at_layer = layer,
                         .rel_l2 = ends_pooled(gather(m, t, layer, &own), m->prompts)};
      PUT_TRIAL(m, &m->trial[t], row);
    }
  }
}

/* --- the study -------------------------------------------------------------------------------- */

static bool mend_mode(const Study *study, int number, MendRows *rows, Arena scratch, Status *st) {
  Mend *first = &rows->row[rows->rows];
  Mending all = {.subject = study->subject,
                 .mode = spec_mode(study->spec, study->spec->mend[number]),
                 .prompts = study->spec->prompt_count,
                 .layers = study->subject->model.layers};
  all.left_bytes = left_bytes(all.layers);
  Mending alone = all;
  all.left = arena_alloc(&scratch, (size_t)all.prompts, all.left_bytes);
  alone.left = arena_alloc(&scratch, (size_t)all.prompts, all.left_bytes);
  TRY(plan_all(&all, &scratch, st));
  TRY(run_trials(&all, study, arena_printf(&scratch, "mend_%d.all", number), scratch, st));
  make_rows(&all, 0, rows, scratch);
  plan_single(&alone, &all, &scratch);
  TRY(run_trials(&alone, study, arena_printf(&scratch, "mend_%d.single", number), scratch, st));
  make_rows(&alone, 1, rows, scratch);
  PUT_HOLM(Mend, first, (size_t)(&rows->row[rows->rows] - first), scratch);
  return true;
}

bool mend_run(Arena *arena, const Study *study, MendRows *rows, Status *st) {
  const Spec *spec = study->spec;
  *rows = (MendRows){0};
  const int layers = study->subject->model.layers, most = spec->mend_count * MEND_TRIALS;
  rows->row = ARENA_NEW(arena, Mend, most);
  rows->layer = ARENA_NEW(arena, MendLayer, most * layers);
  for (int i = 0; i < spec->mend_count; i++) TRY(mend_mode(study, i, rows, *arena, st));
  return true;
}

size_t mend_bytes(const Spec *spec, const Config *config, int T) {
  if (!spec->mend_count) return 0;
  size_t logits = (size_t)T * (size_t)config->vocab, reference = (size_t)T * (size_t)config->D;
  return walk_bytes(block_bytes(config, T), T, config->D, 1 + TRIALS_MOST, 4) +
         logits * (sizeof(double) + sizeof(float)) + reference * sizeof(double) +
         ends_bytes(T, config->D, config->vocab) +
         2 * (size_t)spec->prompt_count * left_bytes(config->layers) +
         (2 * TRIALS_MOST + 1) * (size_t)config->layers * sizeof(LayerScales);
}
