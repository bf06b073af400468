#include "study/grid.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "family/block.h"
#include "study/calibrate_subject.h"
#include "study/end_figures.h"
#include "study/rescaled.h"

/* A mode under scales that no earlier way of it has. */
typedef struct Way {
  const Mode *mode;
  int alpha; /* the first with these scales */
  Model model;
} Way;

typedef struct Sweep {
  const Study *study;
  const GridPlan *plan;
  const Subject *subject;
  int alphas, lengths, prompts; /* at least one of each */
  int own;                      /* the calibration's alpha; ABSENT: it is not in the grid */
  Way *way;
  int ways;
  int *way_of;    /* [modes][alphas] */
  EndSums **left; /* [lengths][groups]: [prompts][ways of the group] */
} Sweep;

/* Some ways at one length: what goes through the model together. */
typedef struct Group {
  EndSums *left; /* [prompts][ways] */
  int ways;
} Group;

static int groups_of(const Sweep *s) { return (s->ways + GRID_TOGETHER - 1) / GRID_TOGETHER; }

static int ways_in(const Sweep *s, int group) {
  const int left = s->ways - group * GRID_TOGETHER;
  return left < GRID_TOGETHER ? left : GRID_TOGETHER;
}

/* 0: whole prompts. */
static int length_at(const Sweep *s, int length) {
  return s->plan->length_count ? s->plan->lengths[length] : 0;
}

/* NaN where nothing is calibrated. */
static double alpha_at(const Sweep *s, int alpha) {
  return s->plan->alpha_count ? s->plan->alphas[alpha] : (double)NAN;
}

/* --- ways ------------------------------------------------------------------------------------- */

/* Those of the scales that are made from a quantile and that the mode depends on. */
static bool find_moved(const Sweep *s, const Mode *mode, bool moved[SCALES_MOST], Arena scratch,
                       Status *st) {
  const Family *family = s->subject->model.config.family;
  memset(moved, 0, SCALES_MOST * sizeof *moved);
  if (s->plan->alpha_count == 0 || !mode_needs_scales(mode)) return true;
  TRY(rescaled_used(s->subject, mode, moved, scratch, st));
  for (int i = 0; i < family->tensors.scales; i++) moved[i] &= family->scale[i].quantile;
  return true;
}

static void set_scales(const Sweep *s, Way *way) {
  const int scales = s->subject->model.config.family->tensors.scales;
  for (int layer = 0; s->plan->alpha_count && layer < s->subject->model.layers; layer++)
    for (int i = 0; i < scales; i++)
      way->model.scales[layer].scale[i] =
          calibrate_scale_at(s->study->spec, s->subject, layer, i, way->alpha);
}

static bool same_scales(const Sweep *s, const Way *a, const Way *b, const bool moved[SCALES_MOST]) {
  const int scales = s->subject->model.config.family->tensors.scales;
  for (int layer = 0; layer < s->subject->model.layers; layer++)
    for (int i = 0; i < scales; i++)
      if (moved[i] && a->model.scales[layer].scale[i] != b->model.scales[layer].scale[i])
        return false;
  return true;
}

/* The ways of a mode, and which of them each alpha is. */
static bool plan_mode(Sweep *s, int number, Arena *arena, Status *st) {
  const Mode *mode = spec_mode(s->study->spec, s->plan->modes[number]);
  const int first = s->ways;
  bool moved[SCALES_MOST];
  TRY(find_moved(s, mode, moved, *arena, st));
  for (int a = 0; a < s->alphas; a++) {
    Way *way = &s->way[s->ways];
    *way = (Way){mode, a, rescaled_model(&s->subject->model, arena)};
    set_scales(s, way);
    int same = first;
    while (same < s->ways && !same_scales(s, &s->way[same], way, moved)) same++;
    s->way_of[number * s->alphas + a] = same;
    s->ways += same == s->ways;
  }
  return true;
}

static bool plan_ways(Sweep *s, Arena *arena, Status *st) {
  const int most = s->plan->mode_count * s->alphas;
  s->way = ARENA_NEW(arena, Way, most);
  s->way_of = ARENA_NEW(arena, int, most);
  for (int m = 0; m < s->plan->mode_count; m++) TRY(plan_mode(s, m, arena, st));
  return true;
}

/* --- running them ----------------------------------------------------------------------------- */

/* Side 0 is the reference, side 1 + i is way i of the group. */
static bool take_end(void *context, const WalkPlace *at, int side, const WalkEnd *end,
                     Arena scratch, Status *st) {
  (void)st;
  const Group *group = context;
  if (side == 0) return true;
  group->left[at->prompt * group->ways + side - 1] =
      ends_of(&end[0].block_out, &end[0].logits, &end[side].block_out, &end[side].logits,
              at->shape->token, scratch);
  return true;
}

static void *left_of(void *context, int prompt, size_t *bytes) {
  const Group *group = context;
  *bytes = (size_t)group->ways * sizeof *group->left;
  return &group->left[prompt * group->ways];
}

/* The spec's prompts, cut. */
static PromptShape *prompts_at(const Sweep *s, int length, Arena *arena) {
  PromptShape *prompt = ARENA_NEW(arena, PromptShape, s->prompts);
  for (int p = 0; p < s->prompts; p++) {
    prompt[p] = s->subject->prompt[p];
    if (length_at(s, length)) prompt[p].T = length_at(s, length);
  }
  return prompt;
}

static bool run_group(const Sweep *s, int length, int number, EndSums *left, Arena scratch,
                      Status *st) {
  Group group = {left, ways_in(s, number)};
  const Way *way = &s->way[number * GRID_TOGETHER];
  WalkSide side[1 + GRID_TOGETHER] = {
      {.source = source_ref64(&s->subject->weights), .stored = MODE_REFERENCE, .keep = true}};
  for (int i = 0; i < group.ways; i++)
    side[1 + i] = (WalkSide){.source = source_cpu(&way[i].model), .mode = way[i].mode};
  const Visitor visitor = {
      .context = &group, .looks_at = subject_ends(s->subject), .end = take_end, .left = left_of};
  const PromptShape *prompt = prompts_at(s, length, &scratch);
  const char *name = arena_printf(&scratch, "grid.%d.%d", length, number);
  return study_walk(s->study, side, 1 + group.ways, prompt, s->prompts, &visitor, true, name,
                    scratch, st);
}

static bool run_length(Sweep *s, int length, Arena *arena, Status *st) {
  const int groups = groups_of(s);
  for (int g = 0; g < groups; g++) {
    EndSums *left = ARENA_NEW(arena, EndSums, s->prompts * ways_in(s, g));
    s->left[length * groups + g] = left;
    progress_phase(s->study->progress, "grid",
                   study_share(s->study, s->prompts) * s->subject->model.layers);
    TRY(run_group(s, length, g, left, *arena, st));
    if (length_at(s, length))
      progress_done(s->study->progress, "%s: %d of %s through the model",
                    progress_count(s->study->progress, length_at(s, length), "token").text,
                    ways_in(s, g), progress_count(s->study->progress, s->ways, "way").text);
    else
      progress_done(s->study->progress, "whole prompts: %d of %s through the model", ways_in(s, g),
                    progress_count(s->study->progress, s->ways, "way").text);
  }
  return true;
}

/* --- their rows ------------------------------------------------------------------------------- */

/* [prompts] */
static EndSums *gather(const Sweep *s, int length, int way, Arena *arena) {
  const int group = way / GRID_TOGETHER, ways = ways_in(s, group);
  const EndSums *left = s->left[length * groups_of(s) + group];
  EndSums *sums = ARENA_NEW(arena, EndSums, s->prompts);
  for (int p = 0; p < s->prompts; p++) sums[p] = left[p * ways + way % GRID_TOGETHER];
  return sums;
}

static GridPoint *row_at(const Sweep *s, const GridRows *rows, int mode, int length, int alpha) {
  return &rows->row[(mode * s->lengths + length) * s->alphas + alpha];
}

/* What a row is of, and its figures; a way beside itself is no question. */
static void put_row(const Sweep *s, int mode, int length, int alpha, GridPoint *row,
                    Arena scratch) {
  const int *way_of = &s->way_of[mode * s->alphas], way = way_of[alpha],
            own = s->own == ABSENT ? ABSENT : way_of[s->own];
  const EndSums *sums = gather(s, length, way, &scratch);
  const EndTerm itself[] = {{sums, 1}};
  EndTerm change[2] = {{sums, 1}};
  if (own != ABSENT) change[1] = (EndTerm){gather(s, length, own, &scratch), -1};
  const int terms = own == ABSENT ? 0 : 2;
  *row = (GridPoint){.alpha = alpha_at(s, alpha),
                     .length = length_at(s, length),
                     .own = alpha == s->own,
                     .as_alpha = alpha_at(s, s->way[way].alpha)};
  table_text(row->mode, sizeof row->mode, s->way[way].mode->name);
  row->prompts = put_prompts(itself, 1, s->subject->prompt, s->prompts, row->left_out,
                             sizeof row->left_out, scratch);
  row->pooled = ends_pooled(sums, s->prompts);
  PUT_VALUES(itself, 1, s->prompts, row, scratch);
  PUT_CHANGES(change, terms, s->prompts, row, scratch);
  if (way == own) PUT_NO_QUESTION(row);
}

/* What was not computed again is asked once. */
static bool is_again(const Sweep *s, int mode, int alpha) {
  return s->way[s->way_of[mode * s->alphas + alpha]].alpha != alpha;
}

static void put_again(const Sweep *s, const GridRows *rows, int mode, int length, int alpha) {
  GridPoint *row = row_at(s, rows, mode, length, alpha);
  *row = *row_at(s, rows, mode, length, s->way[s->way_of[mode * s->alphas + alpha]].alpha);
  row->alpha = alpha_at(s, alpha);
  row->own = alpha == s->own;
}

static void make_rows(const Sweep *s, GridRows *rows, Arena scratch) {
  const int modes = s->plan->mode_count;
  for (int m = 0; m < modes; m++)
    for (int l = 0; l < s->lengths; l++)
      for (int a = 0; a < s->alphas; a++) {
        GridPoint *row = row_at(s, rows, m, l, a);
        if (is_again(s, m, a))
          PUT_NO_QUESTION(row);
        else
          put_row(s, m, l, a, row, scratch);
      }
  PUT_HOLM(GridPoint, rows->row, rows->rows, scratch);
  for (int m = 0; m < modes; m++)
    for (int l = 0; l < s->lengths; l++)
      for (int a = 0; a < s->alphas; a++)
        if (is_again(s, m, a)) put_again(s, rows, m, l, a);
}

/* --- the study -------------------------------------------------------------------------------- */

bool grid_check(const Spec *spec, const Subject *subject, Status *st) {
  const GridPlan *plan = &spec->grid;
  for (int l = 0; l < plan->length_count; l++)
    for (int p = 0; p < spec->prompt_count; p++)
      if (subject->prompt[p].T < plan->lengths[l])
        return spec_blame(spec, &plan->lengths[l], NULL, st,
                          FAIL(st, "prompt '%s' has %d token%s, and %d %s asked for",
                               subject->prompt[p].name, subject->prompt[p].T,
                               plural(subject->prompt[p].T), plan->lengths[l],
                               plan->lengths[l] == 1 ? "is" : "are"));
  return true;
}

static int find_own(const Spec *spec) {
  if (!spec->grid.alpha_count) return 0;
  for (int a = 0; a < spec->grid.alpha_count; a++)
    if (spec->grid.alphas[a] == spec->calibration.alpha) return a;
  return ABSENT;
}

bool grid_run(Arena *arena, const Study *study, GridRows *rows, Status *st) {
  const Spec *spec = study->spec;
  const GridPlan *plan = &spec->grid;
  *rows = (GridRows){0};
  if (!spec_grids(spec)) return true;
  Sweep s = {.study = study,
             .plan = plan,
             .subject = study->subject,
             .alphas = plan->alpha_count ? plan->alpha_count : 1,
             .lengths = plan->length_count ? plan->length_count : 1,
             .prompts = spec->prompt_count,
             .own = find_own(spec)};
  rows->rows = (size_t)spec_grid_points(spec);
  rows->row = ARENA_NEW(arena, GridPoint, rows->rows);
  Arena scratch = *arena;
  TRY(plan_ways(&s, &scratch, st));
  s.left = ARENA_NEW(&scratch, EndSums *, s.lengths * groups_of(&s));
  for (int l = 0; l < s.lengths; l++) TRY(run_length(&s, l, &scratch, st));
  if (!study_is_part(study)) make_rows(&s, rows, scratch);
  return true;
}

size_t grid_bytes(const Spec *spec, const Config *config, int T) {
  if (!spec_grids(spec)) return 0;
  int longest = 0;
  for (int l = 0; l < spec->grid.length_count; l++)
    longest = spec->grid.lengths[l] > longest ? spec->grid.lengths[l] : longest;
  if (longest) T = longest;
  const size_t logits = (size_t)T * (size_t)config->vocab, points = (size_t)spec_grid_points(spec),
               prompts = (size_t)spec->prompt_count;
  const int ways = points < GRID_TOGETHER ? (int)points : GRID_TOGETHER;
  return walk_bytes(block_bytes(config, T), T, config->D, 1 + ways, 3) +
         logits * (sizeof(double) + sizeof(float)) + ends_bytes(T, config->D, config->vocab) +
         (points + 2) * prompts * sizeof(EndSums) + prompts * sizeof(PromptShape) +
         points * (sizeof(Way) + (size_t)config->layers * sizeof(LayerScales));
}
