/* Planted events: in one layer of the shipped model one value is clipped behind the operator that
 * made it, at places drawn at random. Each is found, traced to that very element, and its repair
 * takes away what the plant added. */
#include "planted.h"
#include "tests/draws.h"

#include <math.h>

#include "measure/events.h"
#include "measure/row_error.h"
#include "study/events.h"
#include "study/trace.h"

enum { TOKENS = 40, LAYERS = 4, ROWS = (TOKENS + TOKENS_A_ROW - 1) / TOKENS_A_ROW };

static void clip(Tensor *t, size_t at) {
  if (t->format == FORMAT_I8) ((int8_t *)t->data)[at] /= 16;
  if (t->format == FORMAT_F32) ((float *)t->data)[at] /= 16;
  if (t->format == FORMAT_F16)
    ((uint16_t *)t->data)[at] = (uint16_t)(((uint16_t *)t->data)[at] & 0x8000); /* 0 */
}

/* --- runs ------------------------------------------------------------------------------------- */

static Shipped shipped;
static Subject subject;
static PromptShape prompt;
static Mode run_mode;

static Spec make_spec(const char *mode) {
  shipped = planted_model(LAYERS);
  prompt = (PromptShape){"p", shipped.test + 4000, TOKENS};
  subject = (Subject){.weights = shipped.weights,
                      .model = shipped.model,
                      .prompt = &prompt,
                      .checkpoint = shipped.checkpoint};
  run_mode = *mode_preset(mode);
  return (Spec){.modes = &run_mode,
                .mode_count = 1,
                .prompt_count = 1,
                .events = {.share = 0.15, .repair = 8}};
}

/* What a run's walk leaves: the squared errors of its tokens, and which values are large. */
typedef struct Seen {
  TokenErrors row[LAYERS * ROWS];
  int large[MAKERS][LAYERS][TOKENS]; /* the channel of the largest value */
} Seen;

static bool see(void *context, const WalkPlace *at, const Trace *trace, Arena scratch, Status *st) {
  (void)st;
  Seen *seen = context;
  const Tensor *base = &trace[0].t[T_BLOCK_OUT], *other = &trace[1].t[T_BLOCK_OUT];
  PartSquares tokens = {ARENA_NEW(&scratch, double, TOKENS), ARENA_NEW(&scratch, double, TOKENS)};
  row_squares(base, other, tokens);
  for (int r = 0; r < ROWS; r++) {
    TokenErrors *row = &seen->row[at->layer * ROWS + r];
    *row =
        (TokenErrors){.prompt = "p", .base = "fp64", .layer = at->layer, .first = r * TOKENS_A_ROW};
    snprintf(row->other, sizeof row->other, "%s", run_mode.name);
    for (int i = 0; i < TOKENS_A_ROW; i++) {
      int t = row->first + i;
      row->error2[i] = t < TOKENS ? tokens.error2[t] : NAN;
      row->base2[i] = t < TOKENS ? tokens.base2[t] : NAN;
    }
  }
  for (int m = 0; m < MAKERS; m++)
    for (int t = 0; t < TOKENS; t++) {
      const Tensor *x = &trace[1].t[makers[m].tensor];
      int *large = &seen->large[m][at->layer][t];
      *large = 0;
      for (int c = 1; c < x->cols; c++)
        if (fabs(tensor_value(x, (size_t)t * (size_t)x->cols + (size_t)c)) >
            fabs(tensor_value(x, (size_t)t * (size_t)x->cols + (size_t)*large)))
          *large = c;
    }
  return true;
}

/* Through the first so many layers. */
static void walk(const Study *study, Seen *seen, int layers) {
  Status st = {0};
  WalkSide side[2] = {trace_side(study, "fp64"), trace_side(study, run_mode.name)};
  side[0].layers = side[1].layers = layers;
  Visitor visitor = {.context = seen, .layer = see};
  cr_assert(study_walk(study, side, 2, &prompt, 1, &visitor, false, NULL, shipped.arena, &st), "%s",
            st.text);
}

static double error2(const Seen *seen, int layer, int token) {
  return seen->row[layer * ROWS + token / TOKENS_A_ROW].error2[token % TOKENS_A_ROW];
}

/* Whether the plant is an event: a token that carries a third of its layer's error, nearly all of
 * it by the plant. */
static bool is_event(const Seen *natural, const Seen *planted, int *token_out) {
  double sum = 0, most = 0;
  int token = 0;
  for (int t = 0; t < TOKENS; t++) {
    double e = error2(planted, plant.layer, t);
    sum += e;
    if (e > most) most = e, token = t;
  }
  *token_out = token;
  return most > sum / 3 && most > 20 * error2(natural, plant.layer, token);
}

/* A hundred plants where DRIFTSCOPE_EXHAUSTIVE is set, else the first twenty of them. */
static void plant_all(const char *mode) {
  const int plants = getenv("DRIFTSCOPE_EXHAUSTIVE") ? 100 : 20;
  Spec spec = make_spec(mode);
  Progress quiet = progress_start(true);
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  static Seen natural, planted;
  plant.planted = false;
  walk(&study, &natural, LAYERS);
  int found = 0, tried = 0, by_maker[MAKERS] = {0};
  gsl_rng *draws = draws_from(20261126);
  double least = INFINITY;
  for (; found < plants && tried < 20 * plants; tried++) {
    plant.planted = true;
    plant.change = clip;
    plant.maker = (int)gsl_rng_uniform_int(draws, MAKERS);
    plant.layer = (int)gsl_rng_uniform_int(draws, LAYERS);
    plant.row = (int)gsl_rng_uniform_int(draws, TOKENS);
    plant.col = natural.large[plant.maker][plant.layer][plant.row];
    walk(&study, &planted, plant.layer + 1);
    int token;
    if (!is_event(&natural, &planted, &token)) continue;
    walk(&study, &planted, LAYERS);
    found++;
    by_maker[plant.maker]++;
    Arena arena = shipped.arena;
    Status st = {0};
    EventRows rows;
    cr_assert(events_run(&arena, &study, planted.row, LAYERS * ROWS, &rows, &st), "%s", st.text);
    const Event *largest = NULL; /* the text has events of its own, in other tokens */
    const Repair *repair = NULL;
    for (size_t i = 0; i < rows.events; i++)
      if (rows.event[i].token == token && rows.event[i].grown_layer == plant.layer)
        largest = &rows.event[i];
    const char *tensor = family_mamba1.tensors.info[makers[plant.maker].tensor].name;
    cr_assert(largest && !strcmp(largest->tensor, tensor) && largest->grown_layer == plant.layer &&
                  largest->element_token == plant.row && largest->element_channel == plant.col,
              "%s: planted layer %d %s[%d, %d], named layer %d %s[%d, %d] (%s, %g)", mode,
              plant.layer, tensor, plant.row, plant.col, largest ? largest->grown_layer : -1,
              largest ? largest->tensor : "nothing", largest ? largest->element_token : -1,
              largest ? largest->element_channel : -1, largest ? largest->origin : "",
              largest ? largest->removed : NAN);
    for (size_t i = 0; i < rows.repairs; i++)
      if (rows.repair[i].layer == plant.layer && rows.repair[i].event_token == token &&
          rows.repair[i].token == plant.row && rows.repair[i].channel == plant.col &&
          !strcmp(rows.repair[i].tensor, tensor))
        repair = &rows.repair[i];
    cr_assert(repair, "%s: layer %d %s[%d, %d] is not repaired", mode, plant.layer, tensor,
              plant.row, plant.col);
    double before = error2(&planted, plant.layer, token), after = before * (1 - repair->removed),
           added = before - error2(&natural, plant.layer, token);
    least = fmin(least, (before - after) / added);
    cr_assert(before - after >= 0.99 * added, "%s: layer %d %s[%d, %d]: %g of what was added went",
              mode, plant.layer, tensor, plant.row, plant.col, (before - after) / added);
  }
  cr_assert_eq(found, plants, "%d of %d places made an event", found, tried);
  printf("%s: %d plants of %d places; repaired at least %.4f of what they added;", mode, found,
         tried, least);
  for (int m = 0; m < MAKERS; m++)
    printf(" %s %d", family_mamba1.tensors.info[makers[m].tensor].name, by_maker[m]);
  printf("\n");
}

Test(planted, a_clipped_value_of_a_float_mode_is_named_and_its_repair_undoes_it) {
  plant_all("fp32");
}
Test(planted, a_clipped_value_of_an_int8_mode_is_named_and_its_repair_undoes_it) {
  plant_all("2-0");
}

static void dent(Tensor *t, size_t at) { ((float *)t->data)[at] *= 0.9F; }

/* Mode 2-3 hands a float convolution to grids behind it. One value beyond their end is made a tenth
 * smaller, which makes nothing of it: the grid clips it as before. What is set there goes past
 * every grid, and so would take the clipping's error away too. */
Test(planted, value_that_a_grid_behind_its_tensor_clips_is_named_in_the_tensor_of_the_grid) {
  enum { TOKEN = 15, CHANNEL = 73, LAYER = 3, CONV1D = 2 };
  Spec spec = make_spec("2-3");
  Progress quiet = progress_start(true);
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  static Seen seen;
  plant.planted = true, plant.change = dent, plant.maker = CONV1D;
  plant.layer = LAYER, plant.row = TOKEN, plant.col = CHANNEL;
  walk(&study, &seen, LAYERS);
  Arena arena = shipped.arena;
  Status st = {0};
  EventRows rows;
  cr_assert(events_run(&arena, &study, seen.row, LAYERS * ROWS, &rows, &st), "%s", st.text);
  const Event *found = NULL;
  for (size_t i = 0; i < rows.events; i++)
    if (rows.event[i].token == TOKEN && rows.event[i].grown_layer == LAYER) found = &rows.event[i];
  cr_assert(found);
  cr_expect_str_eq(found->tensor, "scan_in", "%s", found->tensor);
  cr_expect(found->element_token == TOKEN && found->element_channel == CHANNEL, "[%d, %d]",
            found->element_token, found->element_channel);
  cr_expect_eq(found->clipped, 1);
  cr_expect(found->value_to > 1.2 * found->grid_end && found->removed > 0.9, "%g, of %g beyond %g",
            found->removed, found->value_to, found->grid_end);
}
