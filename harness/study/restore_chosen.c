/* restore_chosen: what was chosen, run again from the tokens beside the reference. */
#include "study/restore_parts.h"

#include <math.h>

#include "study/end_figures.h"

typedef struct Final {
  EndSums *ends; /* [prompts][sides] */
  int sides;
} Final;

static bool take_ends(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                      Arena scratch, Status *st) {
  (void)st;
  Final *f = context;
  if (side == 0) return true;
  f->ends[at->prompt * f->sides + side] =
      ends_of(&end[0].block_out, &end[0].logits, &end[side].block_out, &end[side].logits,
              at->shape->token, scratch);
  return true;
}

static void *left_of_ends(void *context, int prompt, size_t *bytes) {
  Final *f = context;
  *bytes = (size_t)f->sides * sizeof *f->ends;
  return &f->ends[prompt * f->sides];
}

/* [prompts] of one side. */
static EndSums *ends_of_side(const Restore *r, const Final *f, int side, Arena *arena) {
  EndSums *ends = ARENA_NEW(arena, EndSums, r->prompts);
  for (int p = 0; p < r->prompts; p++) ends[p] = f->ends[p * f->sides + side];
  return ends;
}

static void put_unit(const Restore *r, const Unit *unit, int32_t *layer, char *stages,
                     size_t size) {
  *layer = unit->layer;
  stages[0] = 0;
  if (r->plan->by == RESTORE_STAGE)
    mode_stage_names(r->mode->family, unit->stages, " + ", stages, size);
}

static Sample value_of(const Restore *r, const EndSums *ends, EndFigure figure, Arena scratch) {
  EndTerm term = {ends, 1};
  return ends_sample(&term, 1, r->prompts, figure, scratch);
}

/* What a step's unit does: beside the step before it. */
static void put_factors(const Restore *r, const EndSums *ends, const EndSums *before,
                        Restoration *row, Arena scratch) {
  const EndTerm change[] = {{ends, 1}, {before, -1}};
  const int terms = before ? 2 : 0; /* of none: NaN */
  PUT_VALUE(change, terms, r->prompts, END_BLOCK_OUT, row, block_out_factor, scratch);
  PUT_VALUE(change, terms, r->prompts, END_TOKEN_MEDIAN, row, token_median_factor, scratch);
  PUT_VALUE(change, terms, r->prompts, END_PARTING, row, parting_factor, scratch);
}

/* `before`: of the step before; NULL: none. */
static Restoration row_of(const Restore *r, int step, const EndSums *ends, const EndSums *before,
                          Arena scratch) {
  Restoration row = {.step = step, .layer = -1, .next_layer = -1, .limit = r->plan->limit};
  const EndTerm itself = {ends, 1};
  PUT_VALUES(&itself, 1, r->prompts, &row, scratch);
  put_factors(r, ends, before, &row, scratch);
  table_text(row.mode, sizeof row.mode, r->mode->name);
  table_text(row.to, sizeof row.to, r->to->name);
  table_text(row.by, sizeof row.by, r->plan->by == RESTORE_LAYER ? "layer" : "stage");
  table_text(row.of, sizeof row.of, r->plan->of == RESTORE_TOTAL ? "total" : "median_token");
  row.prompts = put_prompts(&itself, 1, r->subject->prompt, r->prompts, row.left_out,
                            sizeof row.left_out, scratch);
  row.pooled = ends_pooled(ends, r->prompts);
  row.reached = (r->plan->of == RESTORE_TOTAL ? row.block_out : row.token_median) <= row.limit;
  row.next_block_out = row.next_token_median = row.first_block_out = row.first_token_median = NAN;
  if (step > 0) {
    const Choice *c = &r->choice[step - 1];
    put_unit(r, &c->unit, &row.layer, row.stages, sizeof row.stages);
    put_unit(r, &c->next, &row.next_layer, row.next_stages, sizeof row.next_stages);
    row.candidates = c->candidates;
    row.next_block_out = c->next_block_out;
    row.next_token_median = c->next_token_median;
  }
  return row;
}

/* Each prompt's error must be the one that the step was chosen by. */
static bool check_choice(const Restore *r, int step, const EndSums *ends, Status *st) {
  for (int p = 0; p < r->prompts; p++) {
    double then = r->choice[step - 1].of_prompt[p], now = restore_error(r->plan->of, &ends[p]);
    if (fabs(now - then) <= 1e-12 * now || (!isfinite(now) && !isfinite(then))) continue;
    return FAIL(st,
                "restore %s: step %d came out at %.17g in prompt %s when it was chosen and at "
                "%.17g when it was run again",
                r->mode->name, step, then, r->subject->prompt[p].name, now);
  }
  return true;
}

/* What is run: the reference as side 0, and */
typedef struct Sides {
  WalkSide *side;
  int count;
  int step0;      /* nothing restored; then after each step */
  int everything; /* restored */
  int first_layers; /* by layer: sides first_layers + 1, 2, …: the first 1, 2, … layers restored, as
                       many as steps */
} Sides;

static Sides plan_sides(const Restore *r, Arena *arena) {
  const bool by_layer = r->plan->by == RESTORE_LAYER;
  const int everything = r->choices + 2;
  Sides s = {.step0 = 1,
             .everything = everything,
             .first_layers = everything,
             .count = everything + 1 + (by_layer ? r->choices : 0)};
  unsigned *stages = ARENA_NEW(arena, unsigned, r->layers),
           *first = ARENA_NEW(arena, unsigned, r->layers);
  s.side = ARENA_NEW(arena, WalkSide, s.count);
  for (int i = 0; i < s.count; i++) s.side[i].source = subject_modes(r->subject);
  s.side[0] =
      (WalkSide){.source = subject_reference(r->subject), .stored = MODE_REFERENCE, .keep = true};
  s.side[s.step0].modes = restore_way(r, stages, NULL, arena);
  s.side[s.step0].stored = r->mode->name;
  for (int step = 1; step <= r->choices; step++) {
    const Unit *unit = &r->choice[step - 1].unit;
    stages[unit->layer] |= unit->stages;
    s.side[s.step0 + step].modes = restore_way(r, stages, NULL, arena);
    if (!by_layer) continue;
    first[step - 1] = r->unit[0].stages;
    s.side[s.first_layers + step].modes = restore_way(r, first, NULL, arena);
  }
  s.side[everything].mode = r->to;
  s.side[everything].stored = r->to->name;
  return s;
}

/* What as many layers from the first on do, beside those that were chosen. */
static void put_first_layers(const Restore *r, const EndSums *ends, Restoration *row,
                             Arena scratch) {
  row->first_block_out = value_of(r, ends, END_BLOCK_OUT, scratch).value;
  row->first_token_median = value_of(r, ends, END_TOKEN_MEDIAN, scratch).value;
}

static bool put_rows(const Restore *r, const Sides *sides, const Final *f, RestoreRows *rows,
                     Arena scratch, Status *st) {
  const EndSums *before = NULL;
  for (int step = 0; step <= r->choices; step++) {
    const EndSums *ends = ends_of_side(r, f, sides->step0 + step, &scratch);
    Restoration *row = &rows->row[rows->rows++];
    *row = row_of(r, step, ends, before, scratch);
    before = ends;
    if (step == 0) continue;
    if (r->plan->by == RESTORE_LAYER)
      put_first_layers(r, ends_of_side(r, f, sides->first_layers + step, &scratch), row, scratch);
    TRY(check_choice(r, step, ends, st));
  }
  const EndSums *ends = ends_of_side(r, f, sides->everything, &scratch);
  rows->row[rows->rows++] = row_of(r, -1, ends, NULL, scratch);
  return true;
}

bool restore_chosen(const Restore *r, RestoreRows *rows, Status *st) {
  Arena scratch = *r->arena;
  const Sides sides = plan_sides(r, &scratch);
  Final f = {ARENA_NEW(&scratch, EndSums, sides.count * r->prompts), sides.count};
  Visitor visitor = {
      .context = &f, .looks_at = subject_ends(r->subject), .end = take_ends, .left = left_of_ends};
  const char *name = arena_printf(&scratch, "restore_%d.chosen", r->number);
  progress_phase(r->study->progress, "restore", r->prompts * r->layers);
  TRY(study_walk(r->study, sides.side, sides.count, r->subject->prompt, r->prompts, &visitor, true,
                 name, scratch, st));
  TRY(put_rows(r, &sides, &f, rows, scratch, st));
  progress_done(r->study->progress, "%s to %s: %d restored, run again", r->mode->name, r->to->name,
                r->choices);
  return true;
}
