#include "study/pairs.h"

#include <math.h>
#include <string.h>

#include "base/draw.h"
#include "measure/device.h"
#include "measure/jobs.h"
#include "study/budget.h"
#include "study/undone.h"

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

/* --- statistics ------------------------------------------------------------------------------- */

static const Tensors *tensors_of(const Pairs *p) {
  return &p->subject->model.config.family->tensors;
}

static float static_scale(const Pairs *p, int id, int layer) {
  int scale = tensors_of(p)->info[id].scale;
  return scale == ABSENT ? 0 : p->subject->model.scales[layer].scale[scale];
}

/* The model's, or what stands beside int8 values that were made elsewhere. */
static float grid_scale(const Pairs *p, int side, int id, int layer, const Tensor *t) {
  const bool own = side >= p->walked && tensors_of(p)->info[id].scale == ABSENT;
  return own && t->format == FORMAT_I8 ? t->scale.value : static_scale(p, id, layer);
}

static bool rows_are_tokens(const Pairs *p, int id) {
  return tensors_of(p)->info[id].rows == DIM_TOKEN;
}

/* A layer that is being measured. */
typedef struct Shown {
  const Pairs *of;
  const WalkPlace *at;
  const Trace *trace; /* [sides] */
  const Trace *back;  /* of rewritten weights, undone: study/undone.h */
} Shown;

static StatsJob tensor_job(const Shown *shown, int side, int id, TensorStats *row) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->mode, sizeof row->mode, p->side[side].name);
  table_text(row->tensor, sizeof row->tensor, tensors_of(p)->info[id].name);
  row->layer = tensors_filed(tensors_of(p), id, shown->at->layer, p->subject->model.layers);
  const Tensor *t = &shown->trace[side].t[id];
  return (StatsJob){
      .base = t, .scale = grid_scale(p, side, id, shown->at->layer, t), .tensor_row = row};
}

static const Tensor *shown_of(const Shown *shown, const SidePair *pair, int side, int id) {
  return undone_tensor(shown->of, pair, side, id, shown->trace, shown->back);
}

static StatsJob pair_job(const Shown *shown, const SidePair *pair, int id, PairStats *row,
                         Arena *arena) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->base, sizeof row->base, p->side[pair->base].name);
  table_text(row->other, sizeof row->other, p->side[pair->other].name);
  table_text(row->tensor, sizeof row->tensor, tensors_of(p)->info[id].name);
  row->layer = tensors_filed(tensors_of(p), id, shown->at->layer, p->subject->model.layers);
  const Tensor *base = shown_of(shown, pair, pair->base, id);
  StatsJob job = {.base = base,
                  .other = shown_of(shown, pair, pair->other, id),
                  .rows_are_tokens = rows_are_tokens(p, id),
                  .logits = tensors_of(p)->info[id].role == ROLE_LOGITS,
                  .pair_row = row};
  if (tensors_of(p)->info[id].role == ROLE_BLOCK_OUT)
    job.token = part_squares(arena, (size_t)base->rows);
  return job;
}

/* The reference, which is computed last, and what it has in place of this tensor. */
static const Tensor *reference_of(const Shown *shown, int id) {
  const TensorInfo *info = &tensors_of(shown->of)->info[id];
  return &shown->trace[shown->of->walked - 1].t[info->modes_only ? info->of : id];
}

/* Whether this side's tensor stands on a static grid, and has a reference. */
static bool on_static_grid(const Shown *shown, int side, int id) {
  const Pairs *p = shown->of;
  const Mode *mode = walk_mode(&p->side[side], shown->at->layer);
  return mode && p->subject->model.config.family->grid(mode, id) &&
         tensor_is_made(&shown->trace[side].t[id]) && tensor_is_made(reference_of(shown, id)) &&
         static_scale(p, id, shown->at->layer) > 0;
}

static StatsJob clipping_job(const Shown *shown, int side, int id, Clipping *row) {
  const Pairs *p = shown->of;
  table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
  table_text(row->mode, sizeof row->mode, p->side[side].name);
  table_text(row->tensor, sizeof row->tensor, tensors_of(p)->info[id].name);
  row->layer = tensors_filed(tensors_of(p), id, shown->at->layer, p->subject->model.layers);
  return (StatsJob){.base = reference_of(shown, id),
                    .other = &shown->trace[side].t[id],
                    .scale = static_scale(p, id, shown->at->layer),
                    .rows_are_tokens = rows_are_tokens(p, id),
                    .clipping_row = row};
}

/* The squares of the stream's tokens, as the pairs' rows were made from them. */
static void token_rows(const StatsJob *job, int jobs, LayerRows *rows, Arena *arena) {
  int count = 0;
  for (int i = 0; i < jobs; i++)
    if (job[i].token.error2) count += (job[i].base->rows + TOKENS_A_ROW - 1) / TOKENS_A_ROW;
  rows->token = ARENA_NEW(arena, TokenErrors, count);
  for (int i = 0; i < jobs; i++) {
    if (!job[i].token.error2) continue;
    const PairStats *of = job[i].pair_row;
    for (int first = 0; first < job[i].base->rows; first += TOKENS_A_ROW) {
      TokenErrors *row = &rows->token[rows->tokens++];
      *row = (TokenErrors){.layer = of->layer, .first = first};
      table_text(row->prompt, sizeof row->prompt, of->prompt);
      table_text(row->base, sizeof row->base, of->base);
      table_text(row->other, sizeof row->other, of->other);
      for (int t = 0; t < TOKENS_A_ROW; t++) {
        const bool is_token = first + t < job[i].base->rows;
        row->error2[t] = is_token ? job[i].token.error2[first + t] : NAN;
        row->base2[t] = is_token ? job[i].token.base2[first + t] : NAN;
      }
    }
  }
}

/* --- who computes them ------------------------------------------------------------------------ */

enum { JUDGED_LEAST = 20 };

/* How many of a layer's rows GSL computes again, `visits` layers of prompts after the first: so
 * many that all layers together have their share, and at least JUDGED_LEAST. */
static int judged_in(const Pairs *p, size_t visits) {
  const double layers = (double)p->subject->model.layers * (double)p->spec->prompt_count,
               rows = (double)((p->sides + p->pairs) * tensors_of(p)->count),
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

/* Every row of a layer, to be filled. */
static StatsJob *jobs_of(const Shown *shown, LayerRows *rows, int *jobs, Arena *arena) {
  const Pairs *p = shown->of;
  const int count = tensors_of(p)->count;
  *rows = (LayerRows){.tensor = ARENA_NEW(arena, TensorStats, p->sides * count),
                      .pair = ARENA_NEW(arena, PairStats, p->pairs * count),
                      .clipping = ARENA_NEW(arena, Clipping, p->sides * count)};
  StatsJob *job = ARENA_NEW(arena, StatsJob, (2 * p->sides + p->pairs) * count);
  *jobs = 0;
  for (int s = 0; s < p->sides; s++)
    for (int id = 0; id < count; id++)
      if (tensor_is_made(&shown->trace[s].t[id]))
        job[(*jobs)++] = tensor_job(shown, s, id, &rows->tensor[rows->tensors++]);
  for (int i = 0; i < p->pairs; i++)
    for (int id = 0; id < count; id++)
      if (shown_of(shown, &p->pair[i], p->pair[i].base, id) &&
          shown_of(shown, &p->pair[i], p->pair[i].other, id))
        job[(*jobs)++] = pair_job(shown, &p->pair[i], id, &rows->pair[rows->pairs++], arena);
  for (int s = 0; s < p->sides; s++)
    for (int id = 0; id < count; id++)
      if (on_static_grid(shown, s, id))
        job[(*jobs)++] = clipping_job(shown, s, id, &rows->clipping[rows->clippings++]);
  return job;
}

static bool measure_layer(Pairs *p, const Shown *shown, LayerRows *rows, Arena *arena, Status *st) {
  const double start = clock_s();
  int jobs;
  StatsJob *job = jobs_of(shown, rows, &jobs, arena);
  const void *came = pairs_there_take(&p->there, shown->at->prompt, shown->at->layer);
  const bool by_gsl = p->spec->statistics == STATISTICS_GSL;
  for (int i = 0; i < jobs; i++) job[i].by = by_gsl ? STATS_GSL : STATS_LANES;
  if (came)
    stats_device_finish(job, jobs, came, *arena);
  else
    stats_jobs(job, jobs, *arena);
  if (!by_gsl) TRY(judge_some(p, shown->at, job, jobs, &rows->judged, arena, st));
  token_rows(job, jobs, rows, arena);
  p->stats_s += clock_s() - start;
  return true;
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
  const Tensors *tensors = tensors_of(p);
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
  const StatsJob *job = jobs_of(&shown, &rows, &jobs, &scratch);
  if (!pairs_there_queue(&p->there, at->prompt, at->layer, job, jobs) || has_budgets(p)) return;
  memset(back, 0, (size_t)p->sides * sizeof *back);
  bring_looked_at(&shown, job, jobs, back, scratch);
}

static int longest_prompt(const Pairs *p) {
  int longest = 1;
  for (int i = 0; i < p->spec->prompt_count; i++)
    if (p->subject->prompt[i].T > longest) longest = p->subject->prompt[i].T;
  return longest;
}

/* What pairs_queued takes: no tensor is longer than the longest prompt. */
static size_t queued_bytes(const Pairs *p) {
  const size_t longest = (size_t)longest_prompt(p);
  const size_t rows = (size_t)(p->sides + p->pairs) * (size_t)tensors_of(p)->count,
               row = sizeof(TensorStats) + sizeof(PairStats) + sizeof(Clipping) +
                     2 * sizeof(StatsJob) + sizeof(StatsJob *) + sizeof(int) + 256,
               draw = 1 << 14; /* what draws the judged rows */
  return rows * row + draw + (size_t)p->sides * sizeof(Trace) +
         2 * (size_t)p->pairs * (longest * sizeof(double) + 64) + 4096;
}

void pairs_begin(Pairs *p) {
  p->judge = judge_queue_begin((size_t)longest_prompt(p),
                               (size_t)family_widest(&p->subject->model.config));
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

bool pairs_on_device(Arena *arena, Pairs *p) {
  for (int s = 0; s < p->sides; s++)
    if (!p->side[s].source.ahead) return false;
  if (p->spec->statistics == STATISTICS_GSL) return false;
  p->there = (PairsThere){.cuda = &p->subject->device->cuda};
  for (int i = 0; i < 2; i++) p->there.turn[i].layer = ABSENT;
  p->there_scratch = arena_carve(arena, queued_bytes(p));
  return true;
}

/* --- scales and budgets ----------------------------------------------------------------------- */

/* The scales that a mode took from this prompt by itself. */
static void scale_rows(const Pairs *p, const Shown *shown, LayerRows *rows, Arena *arena) {
  const Tensors *tensors = tensors_of(p);
  rows->scale = ARENA_NEW(arena, ScaleRow, p->sides * (tensors->all - tensors->count));
  for (int s = 0; s < p->sides; s++)
    for (int id = tensors->count; id < tensors->all; id++) {
      const TensorInfo *info = &tensors->info[id];
      const Tensor *t = &shown->trace[s].t[id];
      if (!tensor_is_made(t)) continue;
      Tensor x = tensor_columns(&shown->trace[s].t[info->of], 0, t->cols);
      ScaleRow *row = &rows->scale[rows->scales++];
      *row = (ScaleRow){.layer = shown->at->layer,
                        .statistic = (double)absmax(&x),
                        .scale = (double)t->scale.value};
      table_text(row->prompt, sizeof row->prompt, shown->at->shape->name);
      table_text(row->mode, sizeof row->mode, p->side[s].name);
      table_text(row->name, sizeof row->name, info->name);
    }
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
  scale_rows(pairs, &shown, rows, arena);
  return budget_rows(pairs, &shown, rows, arena, st);
}
