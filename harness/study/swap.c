#include "study/swap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "family/block.h"
#include "measure/stats.h"
#include "study/end_figures.h"

/* What a way leaves in a prompt. */
typedef struct Left {
  EndSums ends;
  /* against base and other: */
  EndSums moved[2]; /* error2 and size2 alone */
  bool differs[2];
} Left;

/* A mode of the pair by its stages: those that are set as in `other`, the rest as in `base`. */
typedef struct Way {
  unsigned stages;
  Mode mode;
  EndSums *ends;     /* [prompts] */
  EndSums *moved[2]; /* [prompts]; against base and other */
  bool differs[2];   /* in any prompt */
} Way;

typedef struct Swaps {
  Arena *arena;
  const Subject *subject;
  const SwapPlan *plan;
  const Mode *end[2]; /* base, other */
  unsigned all;       /* the stages in which they differ */
  Way *way;           /* base, other, then the rest */
  int ways, prompts;
  Left *left; /* [prompts][ways] */
  SwapRows *rows;
} Swaps;

/* The subset of a set of stages that comes after this one, from none to all of them; 0 after
 * all. */
static unsigned next_subset(unsigned subset, unsigned set) { return (subset - set) & set; }

/* --- the ways --------------------------------------------------------------------------------- */

static Way *find_way(const Swaps *s, unsigned stages) {
  for (int i = 0; i < s->ways; i++)
    if (s->way[i].stages == stages) return &s->way[i];
  return NULL;
}

static void add_way(Swaps *s, unsigned stages) {
  Mode mode = mode_mixed(s->end[0], s->end[1], stages);
  Status why = {0};
  if (find_way(s, stages) || !mode_check(&mode, &why)) return;
  Way way = {.stages = stages, .mode = mode, .ends = ARENA_NEW(s->arena, EndSums, s->prompts)};
  for (int from = 0; from < 2; from++) way.moved[from] = ARENA_NEW(s->arena, EndSums, s->prompts);
  s->way[s->ways++] = way;
}

/* Of `from`, with these stages set as in the other. */
static unsigned stages_of(const Swaps *s, int from, unsigned swapped) {
  return from ? s->all & ~swapped : swapped;
}

static void plan_ways(Swaps *s) {
  int count = 2 + 4 * s->end[0]->family->stages;
  if (s->plan->combinations) count += 1 << __builtin_popcount(s->all);
  s->way = ARENA_NEW(s->arena, Way, count);
  add_way(s, 0);
  add_way(s, s->all);
  for (int from = 0; from < 2; from++)
    for (int i = 0; i < STAGES_MOST; i++) {
      if (!(s->all >> i & 1)) continue;
      add_way(s, stages_of(s, from, 1u << i));
      add_way(s, stages_of(s, from, mode_least_swap(s->end[from], s->end[!from], 1u << i)));
    }
  for (unsigned set = next_subset(0, s->all); s->plan->combinations && set;
       set = next_subset(set, s->all))
    add_way(s, set);
}

/* --- running them ----------------------------------------------------------------------------- */

static void add_moved(Left *left, int from, const WalkEnd *start, const WalkEnd *end) {
  size_t n = tensor_elements(&end->block_out);
  const float *x = end->block_out.data, *y = start->block_out.data;
  for (size_t i = 0; i < n; i++) {
    double d = (double)x[i] - (double)y[i];
    left->moved[from].error2 += d * d;
    left->moved[from].size2 += (double)y[i] * (double)y[i];
  }
  left->differs[from] = !tensor_identical(&start->block_out, &end->block_out) ||
                        !tensor_identical(&start->logits, &end->logits);
}

/* Side 0 is the reference, side 1 + i is way i. */
static bool take(void *context, const WalkPlace *at, int side, const WalkEnd *end, Arena scratch,
                 Status *st) {
  (void)st;
  Swaps *s = context;
  if (side == 0) return true;
  Left *left = &s->left[at->prompt * s->ways];
  Left *way = &left[side - 1];
  way->ends = ends_of(&end[0].block_out, &end[0].logits, &end[side].block_out, &end[side].logits,
                      at->shape->token, scratch);
  for (int from = 0; from < 2; from++)
    if (end[1 + from].logits.data) add_moved(way, from, &end[1 + from], &end[side]);
  if (side == 2)
    add_moved(&left[0], 1, &end[2], &end[1]); /* base ran before there was an other to start from */
  return true;
}

static void *left_of(void *context, int prompt, size_t *bytes) {
  Swaps *s = context;
  *bytes = (size_t)s->ways * sizeof *s->left;
  return &s->left[prompt * s->ways];
}

static bool run_ways(Swaps *s, const Study *study, int number, Status *st) {
  Arena scratch = *s->arena;
  WalkSide *side = ARENA_NEW(&scratch, WalkSide, 1 + s->ways);
  s->left = ARENA_NEW(&scratch, Left, s->prompts * s->ways);
  side[0] =
      (WalkSide){.source = subject_reference(s->subject), .stored = MODE_REFERENCE, .keep = true};
  for (int i = 0; i < s->ways; i++)
    side[1 + i] =
        (WalkSide){.source = subject_modes(s->subject), .mode = &s->way[i].mode, .keep = i < 2};
  for (int from = 0; from < 2; from++) side[1 + from].stored = s->end[from]->name;
  Visitor visitor = {.context = s, .end = take, .left = left_of};
  visitor.looks_at = subject_ends(s->subject);
  const char *name = arena_printf(&scratch, "swap_%d", number);
  progress_phase(study->progress, "swap",
                 study_share(study, s->prompts) * s->subject->model.layers);
  TRY(study_walk(study, side, 1 + s->ways, s->subject->prompt, s->prompts, &visitor, true, name,
                 scratch, st));
  for (int p = 0; p < s->prompts; p++)
    for (int i = 0; i < s->ways; i++) {
      const Left *left = &s->left[p * s->ways + i];
      s->way[i].ends[p] = left->ends;
      for (int from = 0; from < 2; from++) {
        s->way[i].moved[from][p] = left->moved[from];
        s->way[i].differs[from] |= left->differs[from];
      }
    }
  return true;
}

/* --- their rows ------------------------------------------------------------------------------- */

static void put_figures(const Swaps *s, const Way *start, const Way *way, int from, Swap *row) {
  EndTerm itself[] = {{way->ends, 1}, {start->ends, 0}},
          change[] = {{way->ends, 1}, {start->ends, -1}};
  row->prompts = put_prompts(change, 2, s->subject->prompt, s->prompts, row->left_out,
                             sizeof row->left_out, *s->arena);
  PUT_VALUES(itself, 2, s->prompts, row, *s->arena);
  PUT_CHANGES(change, 2, s->prompts, row, *s->arena);
  row->pooled = ends_pooled(way->ends, s->prompts);
  row->moved = ends_pooled(way->moved[from], s->prompts);
  row->identical = !way->differs[from];
  if (row->identical) PUT_NO_QUESTION(row);
}

static void add_row(Swaps *s, int from, unsigned swapped) {
  Swap *row = &s->rows->swap[s->rows->swaps++];
  table_text(row->base, sizeof row->base, s->end[0]->name);
  table_text(row->other, sizeof row->other, s->end[1]->name);
  table_text(row->start, sizeof row->start, s->end[from]->name);
  mode_stage_names(s->end[0]->family, swapped, " + ", row->stages, sizeof row->stages);
  row->count = __builtin_popcount(swapped);
  const Way *way = find_way(s, stages_of(s, from, swapped));
  if (way) {
    put_figures(s, &s->way[from], way, from, row);
    return;
  }
  table_no_doubles(&table_swap, row);
  Status why = {0};
  Mode mode = mode_mixed(s->end[from], s->end[!from], swapped);
  mode_check(&mode, &why);
  snprintf(row->refused, sizeof row->refused, "%.*s", (int)sizeof row->refused - 1, why.text);
}

/* Does one factor change more than the other? One that is not finite is not known to change
 * less. */
static bool beyond(double a, double b) { return !(fabs(log(a)) <= fabs(log(b))); }

/* Of the stages alone that start from the same end: 1 for the largest factor. No rank where it is
 * not finite. */
static void rank_rows(Swap *row, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (row[i].count != 1 || row[i].refused[0] || !isfinite(row[i].block_out_factor)) continue;
    row[i].rank = 1;
    for (size_t j = 0; j < count; j++)
      if (row[j].count == 1 && !row[j].refused[0] && !strcmp(row[j].start, row[i].start))
        row[i].rank += beyond(row[j].block_out_factor, row[i].block_out_factor);
  }
}

static void make_rows(Swaps *s) {
  size_t first = s->rows->swaps;
  for (int from = 0; from < 2; from++) {
    unsigned listed[STAGES_MOST];
    int count = 0;
    add_row(s, from, 0);
    for (int i = 0; i < STAGES_MOST; i++)
      if (s->all >> i & 1) add_row(s, from, 1u << i);
    for (int i = 0; i < STAGES_MOST; i++) { /* what a refused stage must take along */
      if (!(s->all >> i & 1) || find_way(s, stages_of(s, from, 1u << i))) continue;
      unsigned least = mode_least_swap(s->end[from], s->end[!from], 1u << i);
      bool there = s->plan->combinations;
      for (int k = 0; k < count; k++) there |= listed[k] == least;
      if (!there) add_row(s, from, listed[count++] = least);
    }
  }
  for (unsigned set = next_subset(0, s->all); s->plan->combinations && set;
       set = next_subset(set, s->all))
    if (__builtin_popcount(set) > 1) add_row(s, 0, set);
  rank_rows(s->rows->swap + first, s->rows->swaps - first);
  PUT_HOLM(Swap, s->rows->swap + first, s->rows->swaps - first, *s->arena);
}

/* --- effects over all combinations ------------------------------------------------------------ */

/* What all of `stages` do beyond what fewer of them do, the other stages being set as in `rest`:
 * one term a subset, the sign that of the number it lacks: f(i) - f(), f(ij) - f(i) - f(j) + f().
 * False where one of these modes is refused. */
static bool put_context(const Swaps *s, unsigned stages, unsigned rest, EndTerm *term) {
  const int order = __builtin_popcount(stages);
  unsigned part = 0;
  do {
    const Way *way = find_way(s, rest | part);
    if (!way) return false;
    const int lacks = order - __builtin_popcount(part);
    *term++ = (EndTerm){way->ends, lacks % 2 ? -1 : 1};
  } while ((part = next_subset(part, stages)));
  return true;
}

/* The terms of the mean over the settings of the other stages; how many settings there are, and how
 * many are in it. */
static int put_contexts(const Swaps *s, unsigned stages, SwapEffect *row, EndTerm *term) {
  const unsigned others = s->all & ~stages;
  const int corners = 1 << __builtin_popcount(stages);
  unsigned rest = 0;
  do {
    row->possible++;
    row->contexts += put_context(s, stages, rest, term + row->contexts * corners);
  } while ((rest = next_subset(rest, others)));
  const int terms = row->contexts * corners;
  for (int i = 0; i < terms; i++) term[i].weight /= row->contexts;
  return terms;
}

/* The mean, over all settings of the other stages, of what setting all of `stages` does beyond what
 * fewer of them do; of error and KL, of the logarithm. */
static void add_effect(Swaps *s, unsigned stages) {
  Arena scratch = *s->arena;
  SwapEffect *row = &s->rows->effect[s->rows->effects++];
  EndTerm *term = ARENA_NEW(&scratch, EndTerm, 1 << __builtin_popcount(s->all));
  const int terms = put_contexts(s, stages, row, term);
  table_text(row->base, sizeof row->base, s->end[0]->name);
  table_text(row->other, sizeof row->other, s->end[1]->name);
  mode_stage_names(s->end[0]->family, stages, " x ", row->stages, sizeof row->stages);
  row->order = __builtin_popcount(stages);
  row->prompts = put_prompts(term, terms, s->subject->prompt, s->prompts, row->left_out,
                             sizeof row->left_out, scratch);
  PUT_CHANGES(term, terms, s->prompts, row, scratch);
}

static void make_effects(Swaps *s) {
  size_t first = s->rows->effects;
  for (int i = 0; i < STAGES_MOST; i++)
    if (s->all >> i & 1) add_effect(s, 1u << i);
  for (int i = 0; i < STAGES_MOST; i++)
    for (int j = i + 1; j < STAGES_MOST; j++)
      if ((s->all >> i & 1) && (s->all >> j & 1)) add_effect(s, 1u << i | 1u << j);
  SwapEffect *row = s->rows->effect + first;
  size_t count = s->rows->effects - first;
  for (size_t i = 0; i < count; i++) {
    row[i].rank = row[i].contexts > 0 && isfinite(row[i].block_out_factor);
    for (size_t j = 0; j < count && row[i].rank; j++)
      row[i].rank += row[j].order == row[i].order && row[j].contexts > 0 &&
                     beyond(row[j].block_out_factor, row[i].block_out_factor);
  }
  PUT_HOLM(SwapEffect, row, count, *s->arena);
}

/* --- the study -------------------------------------------------------------------------------- */

static size_t rows_at_most(const SwapPlan *plan, size_t stages) {
  return 2 + 4 * stages + (plan->combinations ? 1u << SWAP_COMBINATIONS_MAX : 0);
}

bool swap_run(Arena *arena, const Study *study, SwapRows *rows, Status *st) {
  const Spec *spec = study->spec;
  *rows = (SwapRows){0};
  size_t most = 0, stages = (size_t)study->subject->model.config.family->stages;
  for (int i = 0; i < spec->swap_count; i++) most += rows_at_most(&spec->swaps[i], stages);
  rows->swap = ARENA_NEW(arena, Swap, most);
  rows->effect =
      ARENA_NEW(arena, SwapEffect, (size_t)spec->swap_count * (stages + stages * (stages - 1) / 2));
  for (int i = 0; i < spec->swap_count; i++) {
    const Pair *pair = &spec->swaps[i].pair;
    Swaps s = {.arena = arena,
               .subject = study->subject,
               .plan = &spec->swaps[i],
               .prompts = spec->prompt_count,
               .end = {spec_mode(spec, pair->base), spec_mode(spec, pair->other)},
               .rows = rows};
    s.all = mode_differing(s.end[0], s.end[1]);
    plan_ways(&s);
    TRY(run_ways(&s, study, i, st));
    if (!study_is_part(study)) {
      make_rows(&s);
      if (s.plan->combinations) make_effects(&s);
    }
    progress_done(study->progress, "%s and %s: %s between them, and the float64 reference",
                  pair->base, pair->other, progress_count(study->progress, s.ways, "mode").text);
  }
  return true;
}

size_t swap_bytes(const Spec *spec, const Config *config, int T) {
  size_t sides = 0, logits = (size_t)T * (size_t)config->vocab;
  for (int i = 0; i < spec->swap_count; i++) {
    size_t ways = 1 + rows_at_most(&spec->swaps[i], (size_t)config->family->stages);
    sides = ways > sides ? ways : sides;
  }
  if (!sides) return 0;
  return walk_bytes(block_bytes(config, T), T, config->D, (int)sides, 3) +
         logits * (sizeof(double) + 2 * sizeof(float)) + ends_bytes(T, config->D, config->vocab);
}
