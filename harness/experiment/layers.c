/* layers: the walk of an experiment: all prompts under all modes and the reference in lock-step; a
 * layer is measured, stored, and let go. */
#include <assert.h>
#include <string.h>

#include "experiment/run.h"
#include "measure/ranges.h"
#include "report/markdown.h"

/* --- storing a layer -------------------------------------------------------------------------- */

/* The rows of tensors come side by side, their tensors in order: as they are walked here. */
static bool store_layer(Experiment *e, const WalkPlace *at, const Trace *trace,
                        const LayerRows *rows, Arena scratch, Status *st) {
  int values = 0;
  const double start = clock_s();
  assert(trace); /* something is computed, or a source was read */
  const SourceValues *value = e->foreign.sides
                                  ? foreign_values(&scratch, &e->foreign, at->shape->name,
                                                   at->layer, trace + at->sides, &values)
                                  : NULL;
  e->pairs.stats_s += clock_s() - start;
  const Tensors *tensors = &e->subject.checkpoint.config.family->tensors;
  const int block_out = tensors_role(tensors, ROLE_BLOCK_OUT);
  const int sides = e->pairs.sides;
  StoreTensor *tensor = ARENA_NEW(&scratch, StoreTensor, sides * tensors->count);
  Tensor *stream = ARENA_NEW(&scratch, Tensor, at->sides);
  const TableRows table[] = {{&table_tensor_stats, rows->tensor, (size_t)rows->tensors},
                             {&table_pair_stats, rows->pair, (size_t)rows->pairs},
                             {&table_scales, rows->scale, (size_t)rows->scales},
                             {&table_clipping, rows->clipping, (size_t)rows->clippings},
                             {&table_token_errors, rows->token, (size_t)rows->tokens},
                             {&table_budget, rows->budget, (size_t)rows->budgets},
                             {&table_source_values, value, (size_t)values},
                             {&table_undone, rows->undone, (size_t)rows->undones},
                             {&table_judged, rows->judged.row, (size_t)rows->judged.rows}};
  StoreLayer what = {.tensor = tensor,
                     .stream = at->sides ? stream : NULL,
                     .rows = table,
                     .tables = sizeof table / sizeof *table};
  for (int s = 0; s < sides; s++) {
    if (s < at->sides) stream[s] = trace[s].t[block_out];
    for (int id = 0; id < tensors->count; id++)
      if (tensor_is_made(&trace[s].t[id])) {
        tensor[what.tensors] = (StoreTensor){s, id, &trace[s].t[id], what.tensors,
                                             rows->tensor[what.tensors].digest[0] != 0};
        what.tensors++;
      }
  }
  return store_put_layer(e->store, at->prompt, at->layer, &what, st);
}

/* --- the visitor ------------------------------------------------------------------------------ */

static bool resume(void *context, int prompt, int *done, Tensor *stream, Arena *arena, Status *st) {
  Experiment *e = context;
  *done = store_layers_done(e->store, prompt, *arena);
  if (*done == 0 || *done == e->subject.model.layers) return true;
  for (int s = 0; s < e->pairs.walked; s++)
    TRY(store_read_stream(arena, e->store, prompt, *done - 1, s, &stream[s], st));
  return true;
}

/* What was computed, and beside it what was made elsewhere. */
static bool beside_foreign(Experiment *e, const WalkPlace *at, const Trace **trace, Arena *arena,
                           Status *st) {
  const Foreign *foreign = &e->foreign;
  const double start = clock_s();
  if (!foreign->sides) return true;
  Trace *all = ARENA_NEW(arena, Trace, at->sides + foreign->sides);
  if (at->sides) memcpy(all, *trace, (size_t)at->sides * sizeof *all);
  for (int s = 0; s < foreign->sides; s++)
    TRY(foreign_trace(arena, foreign, s, at->prompt, at->layer, &all[at->sides + s], st));
  e->read_s += clock_s() - start;
  return *trace = all, true;
}

static bool layer(void *context, const WalkPlace *at, const Trace *trace, Arena scratch,
                  Status *st) {
  Experiment *e = context;
  LayerRows rows;
  TRY(beside_foreign(e, at, &trace, &scratch, st));
  TRY(pairs_measure(&e->pairs, at, trace, &rows, &scratch, st));
  return store_layer(e, at, trace, &rows, scratch, st);
}

/* Beside what is looked at, what is kept comes back. */
static void queued(void *context, const WalkPlace *at, const Trace *const *there, TensorSet *back) {
  Experiment *e = context;
  pairs_queued(&e->pairs, at, there, back);
  for (int s = 0; s < at->sides; s++) back[s] |= store_keeps(e->store, at->prompt, at->layer, s);
}

/* Where nothing is computed there is no walk: layer by layer, what stands in the dumps. */
static bool read_layers(Experiment *e, Arena scratch, Status *st) {
  const int layers = e->subject.model.layers;
  int steps = 0;
  Dealing dealing;
  TRY(deal_begin(e->deal, e->spec->prompt_count, &dealing, st));
  for (int p, count;;) {
    TRY(deal_take(&dealing, 1, &p, &count, st));
    if (!count) return deal_meet(e->deal, st);
    const int done = store_layers_done(e->store, p, scratch);
    steps += done;
    for (int l = done; l < layers; l++) {
      const WalkPlace at = {.prompt = p, .layer = l, .shape = &e->subject.prompt[p]};
      TRY(layer(e, &at, NULL, scratch, st));
      progress_step(e->progress, ++steps);
    }
  }
}

static bool walk_layers(Experiment *e, Arena scratch, Status *st) {
  Visitor visitor = {.context = e, .resume = resume, .layer = layer};
  if (pairs_on_device(&scratch, &e->pairs)) visitor.queued = queued;
  Walk walk = subject_walk(&e->subject, e->pairs.side, e->pairs.walked, e->subject.prompt,
                           e->spec->prompt_count);
  walk.visitor = &visitor;
  walk.visitors = 1;
  walk.at_the_call = e->spec->budget_all || e->spec->budget_count > 0;
  walk.deal = e->deal;
  walk.progress = e->progress;
  const bool ok = walk_run(&walk, scratch, st);
  if (visitor.queued) pairs_there_free(&e->pairs.there);
  return ok;
}

/* --- what GSL says ---------------------------------------------------------------------------- */

/* Of the process that walks this prompt. */
static const char *judged_note(Arena *arena, int prompt) {
  return arena_printf(arena, "judged.prompt_%04d", prompt);
}

/* None where nothing stands. */
static JudgedRows noted(Arena *arena, const Experiment *e, int prompt) {
  const void *row;
  size_t bytes;
  Status ignored = {0};
  store_noted(arena, e->store, judged_note(arena, prompt), &row, &bytes);
  const size_t rows = bytes / sizeof(JudgedRow);
  if (!rows || !rows_in_range(&table_judged, row, rows, &ignored)) return (JudgedRows){0};
  return (JudgedRows){(JudgedRow *)(uintptr_t)row, (int)rows};
}

/* What the last layers' entries could not tell, and what stood of it. */
static bool note_judged(const Experiment *e, const JudgedRows *rest, Arena scratch, Status *st) {
  int prompt = 0;
  if (!rest->rows) return true;
  while (strcmp(e->subject.prompt[prompt].name, rest->row->prompt)) prompt++;
  const JudgedRows before = noted(&scratch, e, prompt);
  const int rows = before.rows + rest->rows;
  JudgedRow *row = ARENA_NEW(&scratch, JudgedRow, rows);
  memcpy(row, rest->row, (size_t)rest->rows * sizeof *row);
  if (before.rows) memcpy(row + rest->rows, before.row, (size_t)before.rows * sizeof *row);
  return store_note(e->store, judged_note(&scratch, prompt), row, (size_t)rows * sizeof *row, st);
}

void run_settle_judged(const Experiment *e, const StoredRows *judged, TensorStats *tensor,
                       size_t tensors, PairStats *pair, size_t pairs, Arena scratch) {
  size_t rows = judged->count;
  if (e->spec->statistics == STATISTICS_GSL) return; /* all of them */
  const int prompts = e->spec->prompt_count;
  JudgedRows *note = ARENA_NEW(&scratch, JudgedRows, prompts);
  for (int p = 0; p < prompts; p++) {
    note[p] = noted(&scratch, e, p);
    rows += (size_t)note[p].rows;
  }
  JudgedRow *all = arena_room(&scratch, rows, sizeof *all), *to = all + judged->count;
  if (judged->count) memcpy(all, judged->rows, judged->count * sizeof *all);
  for (int p = 0; p < prompts; to += note[p++].rows)
    if (note[p].rows) memcpy(to, note[p].row, (size_t)note[p].rows * sizeof *to);
  judged_settle(all, rows, tensor, tensors, pair, pairs, scratch);
}

/* A layer whose rows are not what GSL says may stand already: whoever goes on is told the same. */
static const char misjudged[] = "misjudged";

static bool was_misjudged(const Experiment *e, Arena scratch, Status *st) {
  const void *text;
  size_t count;
  store_noted(&scratch, e->store, misjudged, &text, &count);
  return text && !FAIL_CHECK(st, "%.*s; --fresh begins anew", (int)count, (const char *)text);
}

static bool leave_layers(Experiment *e, Status *st) {
  Status ignored = {0};
  pairs_leave(&e->pairs);
  if (st->check) store_note(e->store, misjudged, st->text, strlen(st->text), &ignored);
  return false;
}

bool run_judged(Experiment *e, Arena scratch, Status *st) {
  JudgedRows judged;
  if (!pairs_end(&e->pairs, &judged, &scratch, st)) return leave_layers(e, st);
  return note_judged(e, &judged, scratch, st);
}

bool run_layers(Experiment *e, Arena scratch, Status *st) {
  const Language l = (Language)e->progress->language;
  const int layers = e->subject.model.layers, prompts = run_prompts(e);
  if (was_misjudged(e, scratch, st)) return false;
  pairs_begin(&e->pairs);
  progress_phase(e->progress, "run", layers * prompts);
  if (!(e->pairs.walked ? walk_layers : read_layers)(e, scratch, st)) return leave_layers(e, st);
  const char *what =
      arena_printf(&scratch, say(l, "%s, %s"), md_count(l, &scratch, prompts, "prompt"),
                   md_count(l, &scratch, layers, "layer"));
  if (e->foreign.sides)
    what = arena_printf(&scratch, say(l, "%s, %s"), what,
                        md_count(l, &scratch, e->foreign.sides, "source"));
  if (e->pairs.walked)
    what = arena_printf(&scratch, say(l, "%s, %s and the float64 reference"), what,
                        md_count(l, &scratch, e->spec->mode_count, "mode"));
  progress_done(e->progress, "%s", what);
  return true;
}
