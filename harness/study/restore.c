#include "study/restore.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "family/block.h"
#include "study/end_figures.h"

enum { TRIED_AT_ONCE = 64 }; /* sides of a walk: each has a stream in memory */

/* What can be restored: in one layer, stages that go together. */
typedef struct Unit {
  int layer;
  unsigned stages;
} Unit;

typedef struct Choice {
  Unit unit, next;                                 /* next: second best */
  double error, next_block_out, next_token_median; /* over prompts; error: what the choice goes by */
  double *of_prompt;                               /* [prompts]: what it goes by, of each prompt */
  int candidates;
} Choice;

typedef struct Restore {
  Arena *arena;
  const Subject *subject;
  const RestorePlan *plan;
  const Mode *mode, *to;
  Unit *unit;
  bool *taken; /* [units] */
  int units, prompts, layers;
  unsigned *stages; /* [layers]: restored so far */
  Choice *choice;   /* [most] */
  int choices;
  Tensor *reference; /* [prompts]: the last block_out */
  EndSums *sums;     /* [what was chosen so far, then the candidates][prompts]: block_out's alone */
  const Study *study;
  int number; /* of this restoration in the spec */
} Restore;

/* A way: a mode for each layer, made from the stages that are restored in it. NULL where a layer would be refused. */
static const Mode *const *way_of(const Restore *r, const unsigned *stages, Arena *arena) {
  const Mode **way = ARENA_NEW(arena, const Mode *, r->layers);
  Mode *mixed = ARENA_NEW(arena, Mode, r->layers);
  for (int layer = 0; layer < r->layers; layer++) {
    Status why = {0};
    mixed[layer] = mode_mixed(r->mode, r->to, stages[layer]);
    way[layer] = &mixed[layer];
    if (!mode_check(way[layer], &why)) return NULL;
  }
  return way;
}

static void add_set(unsigned *set, int *sets, unsigned stages) {
  for (int k = 0; k < *sets; k++)
    if (set[k] == stages) return;
  set[(*sets)++] = stages;
}

/* By stage: each alone and each two, since two may help only together. A stage that cannot be restored alone takes
 * along what it needs. */
static void make_units(Restore *r) {
  unsigned all = mode_differing(r->mode, r->to);
  int stages = r->mode->family->stages, sets = 0;
  unsigned *set = ARENA_NEW(r->arena, unsigned, stages *(stages + 1) / 2);
  if (r->plan->by == RESTORE_LAYER) add_set(set, &sets, all);
  for (int i = 0; i < stages && r->plan->by == RESTORE_STAGE; i++)
    for (int j = i; j < stages; j++)
      if ((all >> i & 1) && (all >> j & 1)) add_set(set, &sets, mode_least_swap(r->mode, r->to, 1u << i | 1u << j));
  r->unit = ARENA_NEW(r->arena, Unit, r->layers * sets);
  r->taken = ARENA_NEW(r->arena, bool, r->layers *sets);
  for (int layer = 0; layer < r->layers; layer++)
    for (int k = 0; k < sets; k++) r->unit[r->units++] = (Unit){layer, set[k]};
}

/* --- one step -------------------------------------------------------------------------------------------------------
 */

static bool keep_reference(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch,
                           Status *st) {
  (void)scratch, (void)st;
  Restore *r = context;
  int prompt = at->prompt;
  r->reference[prompt] = end[side].block_out;
  size_t n = (size_t)end[side].block_out.rows * (size_t)end[side].block_out.cols;
  r->reference[prompt].data = memcpy(ARENA_NEW(r->arena, double, n), end[side].block_out.data, n * sizeof(double));
  return true;
}

static bool run_reference(Restore *r, Status *st) {
  WalkSide side = {.source = source_ref64(&r->subject->weights)};
  Visitor visitor = {.context = r, .end = keep_reference};
  Arena *kept = r->arena; /* what keep_reference takes must not lie where the walk works */
  size_t values = 0;
  for (int p = 0; p < r->prompts; p++) values += (size_t)r->subject->prompt[p].T * (size_t)r->subject->model.D + 64;
  Arena room = *kept;
  room.next = arena_alloc(kept, values, sizeof(double));
  room.end = kept->next;
  r->arena = &room;
  progress_phase(r->study->progress, "restore", r->prompts * r->layers);
  bool ok = study_walk(r->study, &side, 1, r->subject->prompt, r->prompts, &visitor, true, NULL, *kept, st);
  r->arena = kept;
  return ok;
}

/* Of one walk. */
typedef struct Sums {
  const Restore *r;
  EndSums *of; /* [prompts][sides] */
  int sides;
} Sums;

static bool add_error(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch, Status *st) {
  (void)st;
  Sums *all = context;
  ends_block_out(&all->r->reference[at->prompt], &end[side].block_out, &all->of[at->prompt * all->sides + side],
                 scratch);
  return true;
}

static void *left_of_sums(void *context, int prompt, size_t *bytes) {
  Sums *sums = context;
  *bytes = (size_t)sums->sides * sizeof *sums->of;
  return &sums->of[prompt * sums->sides];
}

/* Of all tokens of a prompt together, or of its median token. */
static double error_in(RestoreOf of, const EndSums *prompt) {
  return of == RESTORE_TOTAL ? ends_error(prompt) : prompt->token_median;
}

/* Geometric mean over the prompts in which the side is finite. */
static double error_of(const Restore *r, int side, RestoreOf of) {
  double sum = 0;
  int count = 0;
  for (int p = 0; p < r->prompts; p++) {
    double error = error_in(of, &r->sums[side * r->prompts + p]);
    if (isfinite(error)) sum += log(error), count++;
  }
  return exp(sum / count); /* of none: NaN */
}

Ranking restore_rank(const double *gain, int candidates) {
  Ranking r = {-1, -1};
  for (int i = 0; i < candidates; i++)
    if (gain[i] > 0 && (r.best < 0 || gain[i] > gain[r.best])) r.best = i;
  for (int i = 0; r.best >= 0 && i < candidates; i++)
    if (i != r.best && !isnan(gain[i]) && (r.next < 0 || gain[i] > gain[r.next])) r.next = i;
  return r;
}

/* What share restoring a side's unit takes off the error squared, for each stage that it newly restores. A prompt that
 * becomes finite by it counts as much as a whole error; one that is lost rules it out. */
static double gain_of(const Restore *r, int side, const Unit *unit) {
  int stages = __builtin_popcount(unit->stages & ~r->stages[unit->layer]), common = 0, won = 0;
  double log_left = 0, log_error = 0;
  for (int p = 0; p < r->prompts; p++) {
    double before = error_in(r->plan->of, &r->sums[p]), after = error_in(r->plan->of, &r->sums[side * r->prompts + p]);
    if (isfinite(before) && !isfinite(after)) return -INFINITY;
    if (!isfinite(after)) continue;
    won += !isfinite(before);
    log_error += log(after);
    if (isfinite(before)) common++, log_left += log(after) - log(before);
  }
  if (!won && !common) return -INFINITY;
  double left = common ? exp(2 * log_left / common) : exp(2 * log_error / won);
  return (won + (common ? 1 - left : 1 / (1 + left))) / stages;
}

/* The units that are left, each as a side of what was chosen so far with it. */
static int candidates(Restore *r, WalkSide *side, int *unit_of, Arena *arena) {
  int count = 0;
  for (int u = 0; u < r->units; u++) {
    const Unit *unit = &r->unit[u];
    unsigned before = r->stages[unit->layer];
    if (r->taken[u] || !(unit->stages & ~before)) continue;
    r->stages[unit->layer] |= unit->stages;
    const Mode *const *way = way_of(r, r->stages, arena);
    r->stages[unit->layer] = before;
    if (!way) continue;
    side[count] = (WalkSide){.source = source_cpu(&r->subject->model), .modes = way};
    unit_of[count++] = u;
  }
  return count;
}

/* The sums of `count` candidates, behind those of what was chosen so far, which they start with and part from. */
static bool try_some(Restore *r, const WalkSide *candidate, int count, int first, Status *st) {
  Arena scratch = *r->arena;
  WalkSide side[1 + TRIED_AT_ONCE] = {
      {.source = source_cpu(&r->subject->model), .modes = way_of(r, r->stages, &scratch)}};
  memcpy(side + 1, candidate, (size_t)count * sizeof *side);
  Sums sums = {r, ARENA_NEW(&scratch, EndSums, (1 + count) * r->prompts), 1 + count};
  Visitor visitor = {.context = &sums, .end = add_error, .left = left_of_sums};
  const char *name = arena_printf(&scratch, "restore_%d.step_%d.from_%d", r->number, r->choices + 1, first);
  progress_phase(r->study->progress, "restore", r->prompts * r->layers);
  TRY(study_walk(r->study, side, 1 + count, r->subject->prompt, r->prompts, &visitor, true, name, scratch, st));
  for (int p = 0; p < r->prompts; p++) {
    r->sums[p] = sums.of[p * sums.sides];
    for (int s = 1; s <= count; s++) r->sums[(first + s) * r->prompts + p] = sums.of[p * sums.sides + s];
  }
  return true;
}

/* Tries every unit that is left; `found` false where none takes anything off the error. */
static bool choose(Restore *r, bool *found, Status *st) {
  Arena *outer = r->arena, scratch = *outer;
  WalkSide *side = ARENA_NEW(&scratch, WalkSide, r->units);
  int *unit_of = ARENA_NEW(&scratch, int, r->units), count = candidates(r, side, unit_of, &scratch);
  r->sums = ARENA_NEW(&scratch, EndSums, (1 + count) * r->prompts);
  *found = false;
  r->arena = &scratch;
  bool ok = true;
  for (int first = 0; ok && first < count; first += TRIED_AT_ONCE)
    ok = try_some(r, side + first, count - first < TRIED_AT_ONCE ? count - first : TRIED_AT_ONCE, first, st);
  r->arena = outer;
  if (!ok || !count) return ok;
  double *gain = ARENA_NEW(&scratch, double, count);
  for (int i = 0; i < count; i++) gain[i] = gain_of(r, 1 + i, &r->unit[unit_of[i]]);
  Ranking rank = restore_rank(gain, count);
  progress_done(r->study->progress, "%s: %d tried beside %d", r->plan->mode, count, r->choices);
  if (rank.best < 0) return true;
  Choice *choice = &r->choice[r->choices++];
  choice->unit = r->unit[unit_of[rank.best]];
  choice->next = rank.next >= 0 ? r->unit[unit_of[rank.next]] : (Unit){-1, 0};
  choice->error = error_of(r, 1 + rank.best, r->plan->of);
  choice->next_block_out = rank.next >= 0 ? error_of(r, 1 + rank.next, RESTORE_TOTAL) : NAN;
  choice->next_token_median = rank.next >= 0 ? error_of(r, 1 + rank.next, RESTORE_MEDIAN_TOKEN) : NAN;
  choice->candidates = count;
  for (int p = 0; p < r->prompts; p++)
    choice->of_prompt[p] = error_in(r->plan->of, &r->sums[(1 + rank.best) * r->prompts + p]);
  r->taken[unit_of[rank.best]] = true;
  r->stages[choice->unit.layer] |= choice->unit.stages;
  *found = true;
  return true;
}

/* --- what was chosen, run again
 * --------------------------------------------------------------------------------------- */

typedef struct Final {
  EndSums *ends; /* [prompts][sides] */
  int sides;
} Final;

static bool take_ends(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch, Status *st) {
  (void)st;
  Final *f = context;
  if (side == 0) return true;
  f->ends[at->prompt * f->sides + side] =
      ends_of(&end[0].block_out, &end[0].logits, &end[side].block_out, &end[side].logits, at->shape->token, scratch);
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

static void put_unit(const Restore *r, const Unit *unit, int32_t *layer, char *stages, size_t size) {
  *layer = unit->layer;
  stages[0] = 0;
  if (r->plan->by == RESTORE_STAGE) mode_stage_names(r->mode->family, unit->stages, " + ", stages, size);
}

static Sample value_of(const Restore *r, const EndSums *ends, EndFigure figure, Arena scratch) {
  EndTerm term = {ends, 1};
  return ends_sample(&term, 1, r->prompts, figure, scratch);
}

/* What a step's unit does: beside the step before it. */
static void put_factors(const Restore *r, const EndSums *ends, const EndSums *before, Restoration *row, Arena scratch) {
  const EndTerm change[] = {{ends, 1}, {before, -1}};
  const int terms = before ? 2 : 0; /* of none: NaN */
  PUT_VALUE(change, terms, r->prompts, END_BLOCK_OUT, row, block_out_factor, scratch);
  PUT_VALUE(change, terms, r->prompts, END_TOKEN_MEDIAN, row, token_median_factor, scratch);
  PUT_VALUE(change, terms, r->prompts, END_PARTING, row, parting_factor, scratch);
}

/* `before`: of the step before; NULL: none. */
static Restoration row_of(const Restore *r, int step, const EndSums *ends, const EndSums *before, Arena scratch) {
  Restoration row = {.step = step, .layer = -1, .next_layer = -1, .limit = r->plan->limit};
  const EndTerm itself = {ends, 1};
  PUT_VALUES(&itself, 1, r->prompts, &row, scratch);
  put_factors(r, ends, before, &row, scratch);
  table_text(row.mode, sizeof row.mode, r->mode->name);
  table_text(row.to, sizeof row.to, r->to->name);
  table_text(row.by, sizeof row.by, r->plan->by == RESTORE_LAYER ? "layer" : "stage");
  table_text(row.of, sizeof row.of, r->plan->of == RESTORE_TOTAL ? "total" : "median_token");
  row.prompts = put_prompts(&itself, 1, r->subject->prompt, r->prompts, row.left_out, sizeof row.left_out, scratch);
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
    double then = r->choice[step - 1].of_prompt[p], now = error_in(r->plan->of, &ends[p]);
    if (fabs(now - then) <= 1e-12 * now || (!isfinite(now) && !isfinite(then))) continue;
    return FAIL(st,
                "restore %s: step %d came out at %.17g in prompt %s when it was chosen and at %.17g when it was run "
                "again",
                r->mode->name, step, then, r->subject->prompt[p].name, now);
  }
  return true;
}

/* Sides: the reference; nothing restored, and after each step; everything; by layer, the first 1, 2, … layers. */
static bool run_chosen(Restore *r, RestoreRows *rows, Status *st) {
  Arena scratch = *r->arena;
  bool by_layer = r->plan->by == RESTORE_LAYER;
  int all = r->choices + 2, sides = all + 1 + (by_layer ? r->choices : 0);
  WalkSide *side = ARENA_NEW(&scratch, WalkSide, sides);
  unsigned *stages = ARENA_NEW(&scratch, unsigned, r->layers);
  for (int s = 0; s < sides; s++) side[s].source = source_cpu(&r->subject->model);
  side[0] = (WalkSide){.source = source_ref64(&r->subject->weights), .keep = true};
  for (int step = 0; step <= r->choices; step++) {
    if (step) stages[r->choice[step - 1].unit.layer] |= r->choice[step - 1].unit.stages;
    side[1 + step].modes = way_of(r, stages, &scratch);
  }
  side[all].mode = r->to;
  memset(stages, 0, (size_t)r->layers * sizeof *stages);
  for (int step = 1; by_layer && step <= r->choices; step++) {
    stages[step - 1] = r->unit[0].stages;
    side[all + step].modes = way_of(r, stages, &scratch);
  }
  Final f = {ARENA_NEW(&scratch, EndSums, sides * r->prompts), sides};
  Visitor visitor = {.context = &f, .end = take_ends, .left = left_of_ends};
  const char *name = arena_printf(&scratch, "restore_%d.chosen", r->number);
  progress_phase(r->study->progress, "restore", r->prompts * r->layers);
  TRY(study_walk(r->study, side, sides, r->subject->prompt, r->prompts, &visitor, true, name, scratch, st));
  const EndSums *before = NULL;
  for (int step = 0; step <= r->choices + 1; step++) {
    bool every = step == r->choices + 1;
    const EndSums *ends = ends_of_side(r, &f, 1 + step, &scratch);
    Restoration row = row_of(r, every ? -1 : step, ends, every ? NULL : before, scratch);
    before = ends;
    if (by_layer && step > 0 && !every) {
      const EndSums *first = ends_of_side(r, &f, all + step, &scratch);
      row.first_block_out = value_of(r, first, END_BLOCK_OUT, scratch).value;
      row.first_token_median = value_of(r, first, END_TOKEN_MEDIAN, scratch).value;
    }
    if (step > 0 && !every) TRY(check_choice(r, step, ends, st));
    rows->row[rows->rows++] = row;
  }
  progress_done(r->study->progress, "%s to %s: %d restored, run again", r->mode->name, r->to->name, r->choices);
  return true;
}

/* --------------------------------------------------------------------------------------------------------------------
 */

static bool restore_one(Restore *r, RestoreRows *rows, Status *st) {
  bool found = true;
  r->stages = ARENA_NEW(r->arena, unsigned, r->layers);
  r->choice = ARENA_NEW(r->arena, Choice, r->plan->most);
  for (int i = 0; i < r->plan->most; i++) r->choice[i].of_prompt = ARENA_NEW(r->arena, double, r->prompts);
  r->reference = ARENA_NEW(r->arena, Tensor, r->prompts);
  make_units(r);
  TRY(run_reference(r, st));
  while (found && r->choices < r->plan->most) {
    TRY(choose(r, &found, st));
    if (r->choices && r->choice[r->choices - 1].error <= r->plan->limit) break;
  }
  return run_chosen(r, rows, st);
}

bool restore_run(Arena *arena, const Study *study, RestoreRows *rows, Status *st) {
  const Spec *spec = study->spec;
  *rows = (RestoreRows){0};
  size_t most = 0;
  for (int i = 0; i < spec->restore_count; i++) most += (size_t)spec->restore[i].most + 2;
  rows->row = ARENA_NEW(arena, Restoration, most);
  for (int i = 0; i < spec->restore_count; i++) {
    const RestorePlan *plan = &spec->restore[i];
    Arena scratch = *arena;
    Restore r = {.arena = &scratch,
                 .subject = study->subject,
                 .study = study,
                 .number = i,
                 .plan = plan,
                 .mode = spec_mode(spec, plan->mode),
                 .to = spec_mode(spec, plan->to),
                 .prompts = spec->prompt_count,
                 .layers = study->subject->model.layers};
    TRY(restore_one(&r, rows, st));
  }
  return true;
}

size_t restore_bytes(const Spec *spec, const Config *config, int T) {
  if (!spec->restore_count) return 0;
  size_t reference = (size_t)spec->prompt_count * (size_t)T * (size_t)config->D,
         logits = (size_t)T * (size_t)config->vocab;
  return walk_bytes(block_bytes(config, T), T, config->D, 1 + TRIED_AT_ONCE, 3) +
         (reference + logits) * sizeof(double) + ends_bytes(T, config->D, config->vocab);
}
