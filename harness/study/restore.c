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
  const Study *study;
  int number; /* of this restoration in the spec */
} Restore;

/* A way: a mode for each layer, made from the stages that are restored in it, and those of `more` (NULL: none). NULL
 * where a layer would be refused. */
static const Mode *const *way_of(const Restore *r, const unsigned *stages, const Unit *more, Arena *arena) {
  const Mode **way = ARENA_NEW(arena, const Mode *, r->layers);
  Mode *mixed = ARENA_NEW(arena, Mode, r->layers);
  for (int layer = 0; layer < r->layers; layer++) {
    Status why = {0};
    const unsigned beside = more && more->layer == layer ? more->stages : 0;
    mixed[layer] = mode_mixed(r->mode, r->to, stages[layer] | beside);
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

/* --- the reference ------------------------------------------------------------------------------------------------ */

static void make_room_for_reference(Restore *r) {
  const int D = r->subject->model.D;
  r->reference = ARENA_NEW(r->arena, Tensor, r->prompts);
  for (int p = 0; p < r->prompts; p++) {
    const int T = r->subject->prompt[p].T;
    double *data = ARENA_NEW(r->arena, double, (size_t)T *(size_t)D);
    r->reference[p] = tensor_of(data, FORMAT_F64, T, D, 0);
  }
}

static bool keep_reference(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch,
                           Status *st) {
  (void)scratch, (void)st;
  const Restore *r = context;
  Tensor *kept = &r->reference[at->prompt];
  memcpy(kept->data, end[side].block_out.data, (size_t)kept->rows * (size_t)kept->cols * sizeof(double));
  return true;
}

static bool run_reference(Restore *r, Status *st) {
  WalkSide side = {.source = source_ref64(&r->subject->weights)};
  Visitor visitor = {.context = r, .end = keep_reference};
  make_room_for_reference(r);
  progress_phase(r->study->progress, "restore", r->prompts * r->layers);
  return study_walk(r->study, &side, 1, r->subject->prompt, r->prompts, &visitor, true, NULL, *r->arena, st);
}

/* --- one step -----------------------------------------------------------------------------------------------------
 * Each unit that is left is a candidate: a side that restores it beside what was chosen so far. */

typedef struct Step {
  WalkSide *side;  /* [candidates] */
  int *unit;       /* [candidates]: of r->unit */
  EndSums *before; /* [prompts]: of what was chosen so far; block_out's alone */
  EndSums *after;  /* [candidates][prompts] */
  int candidates;
} Step;

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

/* Geometric mean over the prompts in which a side is finite. */
static double error_of(const Restore *r, const EndSums *ends, RestoreOf of) {
  double sum = 0;
  int count = 0;
  for (int p = 0; p < r->prompts; p++) {
    double error = error_in(of, &ends[p]);
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

/* What share restoring a unit takes off the error squared, for each stage that it newly restores. A prompt that becomes
 * finite by it counts as much as a whole error; one that is lost rules it out. */
static double gain_of(const Restore *r, const Unit *unit, const EndSums *ends_before, const EndSums *ends_after) {
  int stages = __builtin_popcount(unit->stages & ~r->stages[unit->layer]), common = 0, won = 0;
  double log_left = 0, log_error = 0;
  for (int p = 0; p < r->prompts; p++) {
    const double before = error_in(r->plan->of, &ends_before[p]), after = error_in(r->plan->of, &ends_after[p]);
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

/* Whether there is something to restore in it; whether there is such a mode shows when its way is made. */
static bool is_left(const Restore *r, int u) {
  return !r->taken[u] && r->unit[u].stages & ~r->stages[r->unit[u].layer];
}

static Step plan_step(const Restore *r, Arena *arena) {
  Step step = {.side = ARENA_NEW(arena, WalkSide, r->units), .unit = ARENA_NEW(arena, int, r->units)};
  for (int u = 0; u < r->units; u++) {
    const Mode *const *way = is_left(r, u) ? way_of(r, r->stages, &r->unit[u], arena) : NULL;
    if (!way) continue;
    step.side[step.candidates] = (WalkSide){.source = source_cpu(&r->subject->model), .modes = way};
    step.unit[step.candidates++] = u;
  }
  step.before = ARENA_NEW(arena, EndSums, r->prompts);
  step.after = ARENA_NEW(arena, EndSums, step.candidates * r->prompts);
  return step;
}

/* Candidates first … first + count - 1, behind what was chosen so far, which they start with and part from. */
static bool try_some(const Restore *r, const Step *step, int first, int count, Arena scratch, Status *st) {
  WalkSide side[1 + TRIED_AT_ONCE] = {
      {.source = source_cpu(&r->subject->model), .modes = way_of(r, r->stages, NULL, &scratch)}};
  memcpy(side + 1, step->side + first, (size_t)count * sizeof *side);
  Sums sums = {r, ARENA_NEW(&scratch, EndSums, (1 + count) * r->prompts), 1 + count};
  Visitor visitor = {.context = &sums, .end = add_error, .left = left_of_sums};
  const char *name = arena_printf(&scratch, "restore_%d.step_%d.from_%d", r->number, r->choices + 1, first);
  progress_phase(r->study->progress, "restore", r->prompts * r->layers);
  TRY(study_walk(r->study, side, 1 + count, r->subject->prompt, r->prompts, &visitor, true, name, scratch, st));
  for (int p = 0; p < r->prompts; p++) {
    const EndSums *of = &sums.of[p * sums.sides];
    step->before[p] = of[0];
    for (int i = 0; i < count; i++) step->after[(first + i) * r->prompts + p] = of[1 + i];
  }
  return true;
}

static bool try_all(const Restore *r, const Step *step, Arena scratch, Status *st) {
  for (int first = 0; first < step->candidates; first += TRIED_AT_ONCE) {
    const int left = step->candidates - first;
    TRY(try_some(r, step, first, left < TRIED_AT_ONCE ? left : TRIED_AT_ONCE, scratch, st));
  }
  if (step->candidates)
    progress_done(r->study->progress, "%s: %d tried beside %d", r->plan->mode, step->candidates, r->choices);
  return true;
}

static const EndSums *after(const Restore *r, const Step *step, int candidate) {
  return &step->after[candidate * r->prompts];
}

static Ranking rank_candidates(const Restore *r, const Step *step, Arena scratch) {
  double *gain = ARENA_NEW(&scratch, double, step->candidates);
  for (int i = 0; i < step->candidates; i++)
    gain[i] = gain_of(r, &r->unit[step->unit[i]], step->before, after(r, step, i));
  return restore_rank(gain, step->candidates);
}

static void note_runner_up(const Restore *r, const Step *step, int candidate, Choice *choice) {
  const bool none = candidate < 0;
  choice->next = none ? (Unit){-1, 0} : r->unit[step->unit[candidate]];
  choice->next_block_out = none ? NAN : error_of(r, after(r, step, candidate), RESTORE_TOTAL);
  choice->next_token_median = none ? NAN : error_of(r, after(r, step, candidate), RESTORE_MEDIAN_TOKEN);
}

/* From here on the best candidate's unit is restored. */
static void take_best(Restore *r, const Step *step, Ranking rank) {
  const EndSums *best = after(r, step, rank.best);
  const int u = step->unit[rank.best];
  Choice *choice = &r->choice[r->choices++];
  choice->unit = r->unit[u];
  choice->error = error_of(r, best, r->plan->of);
  choice->candidates = step->candidates;
  for (int p = 0; p < r->prompts; p++) choice->of_prompt[p] = error_in(r->plan->of, &best[p]);
  note_runner_up(r, step, rank.next, choice);
  r->taken[u] = true;
  r->stages[choice->unit.layer] |= choice->unit.stages;
}

/* Tries every unit that is left; `found` false where none takes anything off the error. */
static bool choose(Restore *r, bool *found, Status *st) {
  Arena scratch = *r->arena;
  const Step step = plan_step(r, &scratch);
  TRY(try_all(r, &step, scratch, st));
  const Ranking rank = rank_candidates(r, &step, scratch);
  *found = rank.best >= 0;
  if (*found) take_best(r, &step, rank);
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
    side[1 + step].modes = way_of(r, stages, NULL, &scratch);
  }
  side[all].mode = r->to;
  memset(stages, 0, (size_t)r->layers * sizeof *stages);
  for (int step = 1; by_layer && step <= r->choices; step++) {
    stages[step - 1] = r->unit[0].stages;
    side[all + step].modes = way_of(r, stages, NULL, &scratch);
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
