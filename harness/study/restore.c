#include "study/restore_parts.h"

#include <math.h>
#include <string.h>

#include "family/block.h"
#include "study/end_figures.h"

enum { TRIED_AT_ONCE = 64 }; /* sides of a walk: each has a stream in memory */

const Mode *const *restore_way(const Restore *r, const unsigned *stages, const Unit *more,
                               Arena *arena) {
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

/* By stage: each alone and each two, since two may help only together. A stage that cannot be
 * restored alone takes along what it needs. */
static void make_units(Restore *r) {
  unsigned all = mode_differing(r->mode, r->to);
  int stages = r->mode->family->stages, sets = 0;
  unsigned *set = ARENA_NEW(r->arena, unsigned, stages *(stages + 1) / 2);
  if (r->plan->by == RESTORE_LAYER) add_set(set, &sets, all);
  for (int i = 0; i < stages && r->plan->by == RESTORE_STAGE; i++)
    for (int j = i; j < stages; j++)
      if ((all >> i & 1) && (all >> j & 1))
        add_set(set, &sets, mode_least_swap(r->mode, r->to, 1u << i | 1u << j));
  r->unit = ARENA_NEW(r->arena, Unit, r->layers * sets);
  r->taken = ARENA_NEW(r->arena, bool, r->layers *sets);
  for (int layer = 0; layer < r->layers; layer++)
    for (int k = 0; k < sets; k++) r->unit[r->units++] = (Unit){layer, set[k]};
}

/* --- the reference ---------------------------------------------------------------------------- */

static void make_room_for_reference(Restore *r) {
  const int D = r->subject->model.D;
  r->reference = ARENA_NEW(r->arena, Tensor, r->prompts);
  for (int p = 0; p < r->prompts; p++) {
    const int T = r->subject->prompt[p].T;
    double *data = ARENA_NEW(r->arena, double, (size_t)T *(size_t)D);
    r->reference[p] = tensor_of(data, FORMAT_F64, T, D, 0);
  }
}

static bool keep_reference(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                           Arena scratch, Status *st) {
  (void)scratch, (void)st;
  const Restore *r = context;
  Tensor *kept = &r->reference[at->prompt];
  memcpy(kept->data, end[side].block_out.data, tensor_elements(kept) * sizeof(double));
  return true;
}

static bool run_reference(Restore *r, Status *st) {
  WalkSide side = {.source = subject_reference(r->subject), .stored = MODE_REFERENCE};
  Visitor visitor = {.context = r, .looks_at = subject_ends(r->subject), .end = keep_reference};
  make_room_for_reference(r);
  progress_phase(r->study->progress, "restore", r->prompts * r->layers);
  return study_walk(r->study, &side, 1, r->subject->prompt, r->prompts, &visitor, true, NULL,
                    *r->arena, st);
}

/* --- one step --------------------------------------------------------------------------------- */

/* Each unit that is left is a candidate: a side that restores it beside what was chosen so far. */

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

static bool add_error(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                      Arena scratch, Status *st) {
  (void)st;
  Sums *all = context;
  ends_block_out(&all->r->reference[at->prompt], &end[side].block_out,
                 &all->of[at->prompt * all->sides + side], scratch);
  return true;
}

static void *left_of_sums(void *context, int prompt, size_t *bytes) {
  Sums *sums = context;
  *bytes = (size_t)sums->sides * sizeof *sums->of;
  return &sums->of[prompt * sums->sides];
}

double restore_error(RestoreOf of, const EndSums *prompt) {
  return of == RESTORE_TOTAL ? ends_error(prompt) : prompt->token_median;
}

/* Geometric mean over the prompts in which a side is finite. */
static double error_of(const Restore *r, const EndSums *ends, RestoreOf of) {
  double sum = 0;
  int count = 0;
  for (int p = 0; p < r->prompts; p++) {
    double error = restore_error(of, &ends[p]);
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

/* What share restoring a unit takes off the error squared, for each stage that it newly restores.
 * A prompt that becomes finite by it counts as much as a whole error; one that is lost rules it
 * out. */
static double gain_of(const Restore *r, const Unit *unit, const EndSums *ends_before,
                      const EndSums *ends_after) {
  int stages = __builtin_popcount(unit->stages & ~r->stages[unit->layer]), common = 0, won = 0;
  double log_left = 0, log_error = 0;
  for (int p = 0; p < r->prompts; p++) {
    const double before = restore_error(r->plan->of, &ends_before[p]),
                 after = restore_error(r->plan->of, &ends_after[p]);
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

/* Whether there is something to restore in it; whether there is such a mode shows when its way is
 * made. */
static bool is_left(const Restore *r, int u) {
  return !r->taken[u] && r->unit[u].stages & ~r->stages[r->unit[u].layer];
}

static Step plan_step(const Restore *r, Arena *arena) {
  Step step = {.side = ARENA_NEW(arena, WalkSide, r->units),
               .unit = ARENA_NEW(arena, int, r->units)};
  for (int u = 0; u < r->units; u++) {
    const Mode *const *way = is_left(r, u) ? restore_way(r, r->stages, &r->unit[u], arena) : NULL;
    if (!way) continue;
    step.side[step.candidates] = (WalkSide){.source = subject_modes(r->subject), .modes = way};
    step.unit[step.candidates++] = u;
  }
  step.before = ARENA_NEW(arena, EndSums, r->prompts);
  step.after = ARENA_NEW(arena, EndSums, step.candidates * r->prompts);
  return step;
}

/* Candidates first … first + count - 1, behind what was chosen so far, which they start with and
 * part from. */
static bool try_some(const Restore *r, const Step *step, int first, int count, Arena scratch,
                     Status *st) {
  WalkSide side[1 + TRIED_AT_ONCE] = {{.source = subject_modes(r->subject),
                                       .modes = restore_way(r, r->stages, NULL, &scratch),
                                       .stored = r->choices ? NULL : r->mode->name}};
  memcpy(side + 1, step->side + first, (size_t)count * sizeof *side);
  Sums sums = {r, ARENA_NEW(&scratch, EndSums, (1 + count) * r->prompts), 1 + count};
  Visitor visitor = {.context = &sums,
                     .looks_at = subject_ends(r->subject),
                     .end = add_error,
                     .left = left_of_sums};
  const char *name =
      arena_printf(&scratch, "restore_%d.step_%d.from_%d", r->number, r->choices + 1, first);
  progress_phase(r->study->progress, "restore", r->prompts * r->layers);
  TRY(study_walk(r->study, side, 1 + count, r->subject->prompt, r->prompts, &visitor, true, name,
                 scratch, st));
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
    progress_done(r->study->progress, "%s: %d tried beside %d", r->plan->mode, step->candidates,
                  r->choices);
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
  choice->next_token_median =
      none ? NAN : error_of(r, after(r, step, candidate), RESTORE_MEDIAN_TOKEN);
}

/* From here on the best candidate's unit is restored. */
static void take_best(Restore *r, const Step *step, Ranking rank) {
  const EndSums *best = after(r, step, rank.best);
  const int u = step->unit[rank.best];
  Choice *choice = &r->choice[r->choices++];
  choice->unit = r->unit[u];
  choice->error = error_of(r, best, r->plan->of);
  choice->candidates = step->candidates;
  for (int p = 0; p < r->prompts; p++) choice->of_prompt[p] = restore_error(r->plan->of, &best[p]);
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

/* --- the study -------------------------------------------------------------------------------- */

static bool restore_one(Restore *r, RestoreRows *rows, Status *st) {
  bool found = true;
  r->stages = ARENA_NEW(r->arena, unsigned, r->layers);
  r->choice = ARENA_NEW(r->arena, Choice, r->plan->most);
  for (int i = 0; i < r->plan->most; i++)
    r->choice[i].of_prompt = ARENA_NEW(r->arena, double, r->prompts);
  make_units(r);
  TRY(run_reference(r, st));
  while (found && r->choices < r->plan->most) {
    TRY(choose(r, &found, st));
    if (r->choices && r->choice[r->choices - 1].error <= r->plan->limit) break;
  }
  return restore_chosen(r, rows, st);
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
