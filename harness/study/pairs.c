#include "study/pairs.h"

#include <math.h>
#include <string.h>

#include "base/draw.h"
#include "measure/device.h"
#include "study/budget.h"
#include "study/pairs_rows.h"
#include "study/undone.h"

const Tensors *pairs_tensors(const Pairs *p) { return &p->subject->model.config.family->tensors; }

/* One token at least, also where no prompt runs. */
static size_t longest_prompt(const Pairs *p) {
  const int T = subject_longest(p->spec, p->subject);
  return T > 0 ? (size_t)T : 1;
}

/* --- sides and pairs -------------------------------------------------------------------------- */

static int side_of(const Pairs *p, const char *name) {
  for (int i = 0; i < p->sides; i++)
    if (!strcmp(p->side[i].name, name)) return i;
  return -1;
}

static void add_pair(Pairs *p, const char *base, const char *other) {
  SidePair pair = {side_of(p, base), side_of(p, other)};
  for (int i = 0; i < p->pairs; i++)
    if (p->pair[i].base == pair.base && p->pair[i].other == pair.other) return;
  p->pair[p->pairs++] = pair;
}

Pairs pairs_of(Arena *arena, const Spec *spec, const Subject *subject, const Foreign *foreign) {
  Pairs p = {.spec = spec,
             .subject = subject,
             .foreign = foreign,
             .judged = JUDGED_SHARE,
             .side = ARENA_NEW(arena, WalkSide, spec->mode_count + 1 + spec->source_count)};
  for (; p.sides < spec->mode_count; p.sides++)
    p.side[p.sides] = (WalkSide){.name = spec->modes[p.sides].name,
                                 .source = subject_modes(subject),
                                 .mode = &spec->modes[p.sides]};
  if (!foreign || spec->model)
    p.side[p.sides++] = (WalkSide){.name = MODE_REFERENCE, .source = subject_reference(subject)};
  p.walked = p.sides;
  p.rewrite = ARENA_NEW(arena, Rewrite, p.sides + spec->source_count);
  for (int s = 0; s < p.sides; s++) p.rewrite[s] = spec->rewrite;
  for (int s = 0; foreign && s < foreign->sides; s++) {
    p.rewrite[p.sides] = foreign->side[s].plan->rewrite;
    p.side[p.sides++] = (WalkSide){.name = foreign->side[s].plan->name};
  }
  p.pair = ARENA_NEW(arena, SidePair,
                     spec->pair_count + 3 * spec->third_count + spec->compare_all_count);
  for (int i = 0; i < spec->pair_count; i++)
    add_pair(&p, spec->pairs[i].base, spec->pairs[i].other);
  for (int i = 0; i < spec->third_count; i++) {
    const ThirdPlan *plan = &spec->thirds[i];
    add_pair(&p, plan->pair.base, plan->pair.other);
    add_pair(&p, plan->against, plan->pair.base);
    add_pair(&p, plan->against, plan->pair.other);
  }
  for (int i = 0; i < spec->compare_all_count; i++)
    add_pair(&p, MODE_REFERENCE, spec->compare_all[i]);
  return p;
}

/* --- which rows GSL computes again ------------------------------------------------------------ */

enum { JUDGED_LEAST = 20 };

/* How many of a layer's rows GSL computes again, `visits` layers of prompts after the first: so
 * many that all layers together have their share, and at least JUDGED_LEAST. */
static int judged_in(const Pairs *p, size_t visits) {
  const double layers = (double)p->subject->model.layers * (double)p->spec->prompt_count,
               rows = (double)((p->sides + p->pairs) * pairs_tensors(p)->count),
               least = JUDGED_LEAST / layers, share = p->judged * rows,
               a_layer = share > least ? share : least;
  return (int)(ceil(a_layer * (double)(visits + 1)) - ceil(a_layer * (double)visits));
}

/* The rows of tensors and pairs stand first. Which are chosen depends on the seed, the prompt and
 * the layer alone. */
static const StatsJob **choose(const Pairs *p, const WalkPlace *at, const StatsJob *job, int jobs,
                               int *count, Arena *arena) {
  int rows = 0;
  for (int i = 0; i < jobs; i++) rows += !job[i].clipping_row;
  const size_t visits = (size_t)at->prompt * (size_t)p->subject->model.layers + (size_t)at->layer;
  gsl_rng rng = draw_by(arena, arena_printf(arena, "judged %lld %d %d", (long long)p->spec->seed,
                                            at->prompt, at->layer));
  int *index = ARENA_NEW(arena, int, rows);
  for (int i = 0; i < rows; i++) index[i] = i;
  const int wanted = judged_in(p, visits);
  *count = wanted < rows ? wanted : rows;
  const StatsJob **chosen = ARENA_NEW(arena, const StatsJob *, *count);
  for (int i = 0; i < *count; i++) {
    const int other = i + (int)gsl_rng_uniform_int(&rng, (unsigned long)(rows - i));
    chosen[i] = &job[index[other]];
    index[other] = index[i];
  }
  return chosen;
}

static bool judge_some(Pairs *p, const WalkPlace *at, const StatsJob *job, int jobs,
                       JudgedRows *judged, Arena *arena, Status *st) {
  const int waiting = judge_queue_most(p->judge);
  int count;
  *judged = (JudgedRows){.row = ARENA_NEW(arena, JudgedRow, waiting + jobs)};
  Arena scratch = *arena;
  const StatsJob **chosen = choose(p, at, job, jobs, &count, &scratch);
  return judge_queue_add(p->judge, chosen, count, judged, scratch, st);
}

void pairs_begin(Pairs *p) {
  p->judge = judge_queue_begin(longest_prompt(p), (size_t)family_widest(&p->subject->model.config));
}

void pairs_leave(Pairs *p) {
  judge_queue_leave(p->judge);
  p->judge = NULL;
}

bool pairs_end(Pairs *p, JudgedRows *judged, Arena *arena, Status *st) {
  const double start = clock_s();
  *judged = (JudgedRows){.row = ARENA_NEW(arena, JudgedRow, judge_queue_most(p->judge))};
  const bool ok = judge_queue_end(p->judge, judged, *arena, st);
  p->judge = NULL;
  p->stats_s += clock_s() - start;
  return ok;
}

/* --- on a device ------------------------------------------------------------------------------ */

static void bring(const Trace *trace, int sides, const Tensor *t, TensorSet *back) {
  for (int s = 0; t && s < sides; s++)
    if (t >= trace[s].t && t < trace[s].t + TENSORS_MOST)
      back[s] |= (TensorSet)1 << (t - trace[s].t);
}

/* What is looked at here although the rows are made there: what GSL judges, what leaves the block,
 * what has no digest there, and what a scale was taken from. */
static void bring_looked_at(const Shown *shown, const StatsJob *job, int jobs, TensorSet *back,
                            Arena scratch) {
  const Pairs *p = shown->of;
  const Tensors *tensors = pairs_tensors(p);
  int count;
  const StatsJob **judged = choose(p, shown->at, job, jobs, &count, &scratch);
  for (int i = 0; i < count; i++) {
    bring(shown->trace, p->sides, judged[i]->base, back);
    bring(shown->trace, p->sides, judged[i]->other, back);
  }
  for (int s = 0; s < p->sides; s++) {
    const Trace *trace = &shown->trace[s];
    bring(trace, 1, trace_role_of(trace, ROLE_BLOCK_OUT), &back[s]);
    for (int id = 0; id < tensors->all; id++) {
      if (!tensor_is_made(&trace->t[id])) continue;
      if (id >= tensors->count) bring(trace, 1, &trace->t[tensors->info[id].of], &back[s]);
      if (!digest_has_parts(&trace->t[id])) bring(trace, 1, &trace->t[id], &back[s]);
    }
  }
}

static bool has_budgets(const Pairs *p) { return p->spec->budget_all || p->spec->budget_count > 0; }

void pairs_queued(Pairs *p, const WalkPlace *at, const Trace *const *there, TensorSet *back) {
  Arena scratch = p->there_scratch;
  Trace *trace = ARENA_NEW(&scratch, Trace, p->sides);
  LayerRows rows;
  int jobs;
  for (int s = 0; s < p->sides; s++) trace[s] = *there[s];
  const Shown shown = {p, at, trace, NULL};
  const StatsJob *job = pairs_jobs(&shown, &rows, &jobs, &scratch);
  if (!pairs_there_queue(&p->there, at->prompt, at->layer, job, jobs) || has_budgets(p)) return;
  memset(back, 0, (size_t)p->sides * sizeof *back);
  bring_looked_at(&shown, job, jobs, back, scratch);
}

/* What pairs_queued takes: no tensor is longer than the longest prompt. */
static size_t queued_bytes(const Pairs *p) {
  const size_t longest = longest_prompt(p);
  const size_t rows = (size_t)(p->sides + p->pairs) * (size_t)pairs_tensors(p)->count,
               row = sizeof(TensorStats) + sizeof(PairStats) + sizeof(Clipping) +
                     2 * sizeof(StatsJob) + sizeof(StatsJob *) + sizeof(int) + 256,
               draw = 1 << 14; /* what draws the judged rows */
  return rows * row + draw + (size_t)p->sides * sizeof(Trace) +
         2 * (size_t)p->pairs * (longest * sizeof(double) + 64) + 4096;
}

bool pairs_on_device(Arena *arena, Pairs *p) {
  for (int s = 0; s < p->sides; s++)
    if (!p->side[s].source.ahead) return false;
  if (p->spec->statistics == STATISTICS_GSL) return false;
  p->there = (PairsThere){.cuda = &p->subject->device->cuda};
  for (int i = 0; i < 2; i++) p->there.turn[i].layer = ABSENT;
  p->there_scratch = arena_carve(arena, queued_bytes(p));
  return true;
}

/* --- a layer ---------------------------------------------------------------------------------- */

static bool measure_layer(Pairs *p, const Shown *shown, LayerRows *rows, Arena *arena, Status *st) {
  const double start = clock_s();
  int jobs;
  StatsJob *job = pairs_jobs(shown, rows, &jobs, arena);
  const void *came = pairs_there_take(&p->there, shown->at->prompt, shown->at->layer);
  const bool by_gsl = p->spec->statistics == STATISTICS_GSL;
  for (int i = 0; i < jobs; i++) job[i].by = by_gsl ? STATS_GSL : STATS_LANES;
  if (came)
    stats_device_finish(job, jobs, came, *arena);
  else
    stats_jobs(job, jobs, *arena);
  if (!by_gsl) TRY(judge_some(p, shown->at, job, jobs, &rows->judged, arena, st));
  pairs_token_rows(job, jobs, rows, arena);
  p->stats_s += clock_s() - start;
  return true;
}

/* The error budgets that the spec asks for. */
static bool budget_rows(Pairs *p, const Shown *shown, LayerRows *rows, Arena *arena, Status *st) {
  rows->budget = ARENA_NEW(arena, Budget, p->pairs);
  for (int i = 0; i < p->pairs; i++) {
    int base = p->pair[i].base, other = p->pair[i].other;
    if (!spec_budget(p->spec, p->side[base].name, p->side[other].name)) continue;
    Budget *row = &rows->budget[rows->budgets++];
    table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
    table_text(row->base, sizeof row->base, p->side[base].name);
    table_text(row->other, sizeof row->other, p->side[other].name);
    row->layer = shown->at->layer;
    double start = clock_s();
    TRY(budget_layer(shown->at, base, other, shown->trace, row, *arena, st));
    p->budget_s += clock_s() - start;
  }
  return true;
}

bool pairs_measure(Pairs *pairs, const WalkPlace *at, const Trace *trace, LayerRows *rows,
                   Arena *arena, Status *st) {
  const double start = clock_s();
  const Shown shown = {pairs, at, trace, undone_traces(arena, pairs, trace)};
  int undones;
  Undone *undone = undone_rows(arena, pairs, at, trace, shown.back, &undones);
  pairs->stats_s += clock_s() - start;
  TRY(measure_layer(pairs, &shown, rows, arena, st));
  rows->undone = undone;
  rows->undones = undones;
  pairs_scale_rows(&shown, rows, arena);
  return budget_rows(pairs, &shown, rows, arena, st);
}
