/* data: what follows from the rows and texts of a results file. */
#include "report/data.h"

#include <stddef.h>
#include <string.h>

#include "base/number.h"
#include "family/family.h"
#include "measure/tensors.h"

const char *const about_names[ABOUT_COUNT] = {
    [ABOUT_TITLE] = "title",
    [ABOUT_QUESTION] = "question",
    [ABOUT_SPEC_RAW] = "spec_raw",
    [ABOUT_SPEC_EFFECTIVE] = "spec_effective",
    [ABOUT_PROGRAM] = "program",
    [ABOUT_COMMIT] = "commit",
    [ABOUT_COMMAND] = "command",
    [ABOUT_BACKEND] = "backend",
    [ABOUT_DEVICE] = "device",
    [ABOUT_COMPILER] = "compiler",
    [ABOUT_FLAGS] = "flags",
    [ABOUT_MACHINE] = "machine",
    [ABOUT_DATE] = "date",
    [ABOUT_SEED] = "seed",
    [ABOUT_MODEL] = "model",
    [ABOUT_MODEL_SHAPE] = "model_shape",
    [ABOUT_REWRITE] = "rewrite",
    [ABOUT_REWRITE_PROOF] = "rewrite_proof",
    [ABOUT_PROMPT_TEXT] = "prompt_text",
    [ABOUT_PROMPTS_HELD] = "prompts_held",
    [ABOUT_PROMPTS_SPAN] = "prompts_span",
    [ABOUT_PROMPTS_REPEATED] = "prompts_repeated",
    [ABOUT_UNUSED_WEIGHTS] = "unused_weights",
    [ABOUT_UNUSED_WEIGHTS_COUNT] = "unused_weights_count",
    [ABOUT_SPEC_PATH] = "spec_path",
    [ABOUT_SPEC_DIGEST] = "spec_digest",
    [ABOUT_WEIGHTS_DIGEST] = "weights_digest",
    [ABOUT_TEXT_DIGEST] = "text_digest",
    [ABOUT_PROGRAM_DIGEST] = "program_digest",
    [ABOUT_LAYERS] = "layers",
    [ABOUT_DIFFERENT_INPUTS] = "different_inputs",
    [ABOUT_INPUTS_ALLOWED] = "different_inputs_allowed",
};

/* The reference's group in a results file; a mode can never have this name. */
static const char reference[] = "fp64";

bool data_is_reference(const char *mode) { return !strcmp(mode, reference); }

static const void *rows_of(const ReportData *d, const Table *table, size_t *count) {
  *count = 0;
  for (int i = 0; i < d->table_count; i++)
    if (d->tables[i].table == table) return *count = d->tables[i].count, d->tables[i].rows;
  return NULL;
}

int64_t data_first_of(const RowsBy *by, const ReportPair *pair) {
  return rows_by_first(by, pair->base, pair->other);
}

bool data_is_pair(const ReportPair *pair, const char *base, const char *other) {
  return !strcmp(pair->base, base) && !strcmp(pair->other, other);
}

/* A row may stand behind the last layer, as those of the model's end do: no layer of block_out. */
static int layers_of(const ReportData *d) {
  const char *text = d->about[ABOUT_LAYERS];
  int told = text ? number_in(text, LAYERS_MOST) : 0, seen = 0;
  if (told > 0) return told;
  const char *block_out = data_role(d, ROLE_BLOCK_OUT);
  for (size_t i = 0; i < d->drifts; i++)
    if (!strcmp(d->drift[i].tensor, block_out) && d->drift[i].layer >= seen)
      seen = d->drift[i].layer + 1;
  for (size_t i = 0; i < d->tensors; i++)
    if (!strcmp(d->tensor[i].tensor, block_out) && d->tensor[i].layer >= seen)
      seen = d->tensor[i].layer + 1;
  return seen < LAYERS_MOST ? seen : LAYERS_MOST;
}

const char *data_role(const ReportData *d, Role role) {
  return tensors_role_name(&d->traced, role);
}

/* Files of the first version do not tell their tensors. */
static Tensors traced_of(Arena *arena, const ReportData *d) {
  size_t count;
  const TensorRow *row = rows_of(d, &table_tensors, &count);
  return count ? tensors_of_rows(arena, row, count) : families[0]->tensors;
}

static void follow_one(ReportData *d, const char *name) {
  for (int f = 0; f < d->followeds; f++)
    if (!strcmp(d->followed[f], name)) return;
  if (*name && d->followeds < FOLLOWED) d->followed[d->followeds++] = name;
}

static void follow(ReportData *d) {
  static const Role roles[] = {ROLE_BLOCK_OUT, ROLE_CONV_OUT, ROLE_SCAN, ROLE_ADDED};
  d->followeds = 0;
  for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) follow_one(d, data_role(d, roles[r]));
  for (int id = 0; id < d->traced.layer; id++) follow_one(d, d->traced.info[id].name);
}

/* Where they are; absent tables are empty. */
static void take_rows(ReportData *d) {
  d->tensor = rows_of(d, &table_tensor_stats, &d->tensors);
  d->pair_row = rows_of(d, &table_pair_stats, &d->pair_rows);
  d->clipping = rows_of(d, &table_clipping, &d->clippings);
  d->drift = rows_of(d, &table_drift, &d->drifts);
  d->shape = rows_of(d, &table_drift_shape, &d->shapes);
  d->event = rows_of(d, &table_events, &d->events);
  d->repair = rows_of(d, &table_repairs, &d->repairs);
  d->repair_layer = rows_of(d, &table_repair_layers, &d->repair_layers);
  d->event_strip = rows_of(d, &table_event_strip, &d->event_strips);
  d->event_map = rows_of(d, &table_event_map, &d->event_maps);
  d->gate = rows_of(d, &table_gates, &d->gates);
  d->verdict = rows_of(d, &table_verdict, &d->verdicts);
  d->mode = rows_of(d, &table_modes, &d->modes);
  d->scale = rows_of(d, &table_scales, &d->scales);
  d->performance = rows_of(d, &table_performance, &d->performances);
  d->budget = rows_of(d, &table_budget, &d->budgets);
  d->budget_layer = rows_of(d, &table_budget_layers, &d->budget_layers);
  d->swap = rows_of(d, &table_swap, &d->swaps);
  d->swap_effect = rows_of(d, &table_swap_effect, &d->swap_effects);
  d->restoration = rows_of(d, &table_restore, &d->restorations);
  d->mend = rows_of(d, &table_mend, &d->mends);
  d->mend_layer = rows_of(d, &table_mend_layers, &d->mend_layers);
  d->grid = rows_of(d, &table_grid, &d->grids);
  d->scale_choice = rows_of(d, &table_scale_choices, &d->scale_choices);
  d->evaluation = rows_of(d, &table_evaluation, &d->evaluations);
  d->evaluation_pair = rows_of(d, &table_evaluation_pairs, &d->evaluation_pairs);
  d->evaluation_window = rows_of(d, &table_evaluation_windows, &d->evaluation_windows);
  d->evaluation_token = rows_of(d, &table_evaluation_tokens, &d->evaluation_tokens);
  d->task_score = rows_of(d, &table_tasks, &d->task_scores);
  d->task_pair = rows_of(d, &table_task_pairs, &d->task_pairs);
  d->cost = rows_of(d, &table_cost, &d->costs);
  d->cost_bytes = rows_of(d, &table_cost_bytes, &d->cost_bytes_rows);
  d->micro = rows_of(d, &table_micro, &d->micros);
  d->micro_bin = rows_of(d, &table_micro_histogram, &d->micro_bins);
  d->micro_worst = rows_of(d, &table_micro_worst, &d->micro_worsts);
  d->state_drift = rows_of(d, &table_state_drift, &d->state_drifts);
  d->state_error = rows_of(d, &table_state_error, &d->state_errors);
  d->source = rows_of(d, &table_sources, &d->sources);
  d->three_way = rows_of(d, &table_three_way, &d->three_ways);
  d->source_left = rows_of(d, &table_source_left, &d->source_lefts);
  d->undone = rows_of(d, &table_undone, &d->undones);
  d->source_values = rows_of(d, &table_source_values, &d->source_valued);
}

static void index_rows(Arena *arena, ReportData *d) {
  d->tensor_by = rows_by(arena, d->tensor, d->tensors, sizeof *d->tensor,
                         offsetof(TensorStats, mode), offsetof(TensorStats, tensor));
  d->pair_by = rows_by(arena, d->pair_row, d->pair_rows, sizeof *d->pair_row,
                       offsetof(PairStats, base), offsetof(PairStats, other));
  d->strip_by = rows_by(arena, d->event_strip, d->event_strips, sizeof *d->event_strip,
                        offsetof(EventStrip, base), offsetof(EventStrip, other));
  d->map_by = rows_by(arena, d->event_map, d->event_maps, sizeof *d->event_map,
                      offsetof(EventMap, base), offsetof(EventMap, other));
}

/* A spec is at most 1 MiB of text; a report of more would not be read. */
enum { PAIRS_MOST = 4096, PROMPTS_MOST = 4096 };

static void meet_prompts(Arena *arena, ReportData *d) {
  d->prompt = ARENA_NEW(arena, const char *, PROMPTS_MOST);
  d->prompts = 0;
  for (size_t i = 0; i < d->tensors + d->pair_rows; i++) {
    const char *name = i < d->tensors ? d->tensor[i].prompt : d->pair_row[i - d->tensors].prompt;
    int at = 0;
    while (at < d->prompts && strcmp(d->prompt[at], name)) at++;
    if (at == d->prompts && at < PROMPTS_MOST) d->prompt[d->prompts++] = name;
  }
}

static void meet_pair(ReportPair *list, int *count, const char *base, const char *other,
                      const Verdict *verdict) {
  for (int i = 0; i < *count; i++)
    if (data_is_pair(&list[i], base, other)) return;
  if (*count < PAIRS_MOST)
    list[(*count)++] = (ReportPair){.base = base, .other = other, .verdict = verdict};
}

/* Of the modes against the reference, and the others; where there are no others, these. */
static void meet_pairs(Arena *arena, ReportData *d) {
  ReportPair *all = ARENA_NEW(arena, ReportPair, PAIRS_MOST);
  int count = 0;
  for (size_t i = 0; i < d->verdicts; i++)
    meet_pair(all, &count, d->verdict[i].base, d->verdict[i].other, &d->verdict[i]);
  for (size_t i = 0; i < d->pair_rows; i++)
    meet_pair(all, &count, d->pair_row[i].base, d->pair_row[i].other, NULL);
  for (size_t i = 0; i < d->drifts; i++)
    meet_pair(all, &count, d->drift[i].base, d->drift[i].other, NULL);
  for (int i = 0; i < count; i++)
    all[i].made_elsewhere = data_source(d, all[i].base) || data_source(d, all[i].other);
  d->pair = ARENA_NEW(arena, ReportPair, count);
  d->against = ARENA_NEW(arena, ReportPair, count);
  d->pairs = d->againsts = 0;
  for (int i = 0; i < count; i++)
    if (data_is_reference(all[i].base))
      d->against[d->againsts++] = all[i];
    else
      d->pair[d->pairs++] = all[i];
  if (d->pairs == 0) {
    d->pair = d->against;
    d->pairs = d->againsts;
  }
}

void data_arrange(Arena *arena, ReportData *d) {
  for (int a = 0; a < ABOUT_COUNT; a++)
    if (d->about[a] && !*d->about[a]) d->about[a] = NULL;
  take_rows(d);
  index_rows(arena, d);
  d->traced = traced_of(arena, d);
  d->layers = layers_of(d);
  follow(d);
  d->limits = spec_drift(d->about[ABOUT_SPEC_EFFECTIVE], *arena);
  meet_prompts(arena, d);
  meet_pairs(arena, d);
}

const SourceRow *data_source(const ReportData *d, const char *name) {
  for (size_t i = 0; i < d->sources; i++)
    if (!strcmp(d->source[i].source, name)) return &d->source[i];
  return NULL;
}

const TensorStats *data_tensor(const ReportData *d, const char *prompt, const char *mode,
                               const char *tensor, int layer) {
  if (mode)
    for (int64_t i = rows_by_first(&d->tensor_by, mode, tensor); i >= 0;
         i = rows_by_next(&d->tensor_by, i)) {
      const TensorStats *row = &d->tensor[i];
      if (row->layer == layer && (!prompt || !strcmp(row->prompt, prompt))) return row;
    }
  for (size_t i = 0; !mode && i < d->tensors; i++) {
    const TensorStats *row = &d->tensor[i];
    if (row->layer == layer && !strcmp(row->tensor, tensor) &&
        (!prompt || !strcmp(row->prompt, prompt)))
      return row;
  }
  return NULL;
}

const PairStats *data_pair(const ReportData *d, const ReportPair *pair, const char *prompt,
                           const char *tensor, int layer) {
  for (int64_t i = data_first_of(&d->pair_by, pair); i >= 0; i = rows_by_next(&d->pair_by, i)) {
    const PairStats *row = &d->pair_row[i];
    if (row->layer == layer && !strcmp(row->tensor, tensor) &&
        (!prompt || !strcmp(row->prompt, prompt)))
      return row;
  }
  return NULL;
}

const Drift *data_drift(const ReportData *d, const ReportPair *pair, const char *tensor,
                        int layer) {
  for (size_t i = 0; i < d->drifts; i++) {
    const Drift *row = &d->drift[i];
    if (row->layer == layer && !strcmp(row->tensor, tensor) &&
        data_is_pair(pair, row->base, row->other))
      return row;
  }
  return NULL;
}

const DriftShape *data_shape(const ReportData *d, const ReportPair *pair, const char *tensor) {
  for (size_t i = 0; i < d->shapes; i++) {
    const DriftShape *row = &d->shape[i];
    if (!strcmp(row->tensor, tensor) && data_is_pair(pair, row->base, row->other)) return row;
  }
  return NULL;
}

const EvaluationPair *data_evaluation(const ReportData *d, const char *a, const char *b,
                                      const char *metric) {
  const ReportPair pair = {.base = a, .other = b}, turned = {.base = b, .other = a};
  for (size_t i = 0; i < d->evaluation_pairs; i++) {
    const EvaluationPair *row = &d->evaluation_pair[i];
    if (!strcmp(row->metric, metric) && (data_is_pair(&pair, row->base, row->other) ||
                                         data_is_pair(&turned, row->base, row->other)))
      return row;
  }
  return NULL;
}

const ModeRow *data_mode(const ReportData *d, const char *name, int layer) {
  const ModeRow *first = NULL;
  for (size_t i = 0; i < d->modes; i++) {
    const ModeRow *row = &d->mode[i];
    if (strcmp(row->mode, name)) continue;
    if (row->first_layer <= layer && layer <= row->last_layer) return row;
    if (!first) first = row;
  }
  return first;
}

bool data_mode_parted(const ReportData *d, const char *name) {
  int rows = 0;
  for (size_t i = 0; i < d->modes; i++) rows += !strcmp(d->mode[i].mode, name);
  return rows > 1;
}

Tally data_tally(const ReportData *d, const ReportPair *pair, const char *tensor) {
  Tally tally = {0, 0, 0};
  if (!tensor && pair->verdict)
    return (Tally){pair->verdict->tensors, pair->verdict->tensors_identical,
                   pair->verdict->tensors_same_kernel};
  for (int64_t i = data_first_of(&d->pair_by, pair); i >= 0; i = rows_by_next(&d->pair_by, i)) {
    const PairStats *row = &d->pair_row[i];
    if (tensor && strcmp(row->tensor, tensor)) continue;
    tally.rows++;
    tally.identical += row->identical != 0;
    tally.same_kernel += row->same_kernel != 0;
  }
  return tally;
}

bool data_identical(const ReportData *d, const ReportPair *pair) {
  Tally tally = data_tally(d, pair, NULL);
  return tally.rows > 0 && tally.identical == tally.rows;
}
