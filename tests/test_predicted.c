/* predicted: the tokens that carry a difference, and what is left without those in reach of events,
 * by hand; and that a killed evaluation goes on to the same rows. */
#include <math.h>

#include "measure/evaluation.h"
#include "shipped_model.h"
#include "study/evaluate.h"

enum { WINDOWS = 3, TOKENS = 200, SIDES = 3 };

typedef struct Made {
  EvaluationWindow window[SIDES][WINDOWS];
  Predicted token[SIDES][WINDOWS][TOKENS];
  const Predicted *list[SIDES][WINDOWS];
  PredictedMode mode[SIDES];
} Made;

/* The reference, and two modes that are nowhere unlike it: bits are 1 everywhere. */
static Made *made_modes(Arena *arena) {
  static const char *const name[SIDES] = {"fp64", "a", "b"};
  Made *m = ARENA_NEW(arena, Made, 1);
  for (int s = 0; s < SIDES; s++) {
    for (int w = 0; w < WINDOWS; w++) {
      m->window[s][w] =
          (EvaluationWindow){.window = w, .tokens = TOKENS, .first = 1000 * w, .bits = 1};
      table_text(m->window[s][w].mode, sizeof m->window[s][w].mode, name[s]);
      for (int t = 0; t < TOKENS; t++) m->token[s][w][t].bits = 1;
      m->list[s][w] = m->token[s][w];
    }
    m->mode[s] = (PredictedMode){m->window[s], m->list[s], WINDOWS};
  }
  return m;
}

static void set_bits(Made *m, int side, int window, int token, double bits) {
  m->window[side][window].bits += (bits - m->token[side][window][token].bits) / TOKENS;
  m->token[side][window][token].bits = bits;
}

static Arena arena;

static void begin(void) {
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)1 << 30, exhausted, &st), "%s", st.text);
}

TestSuite(predicted, .init = begin);

#define NEAR(got, want)                                                                            \
  cr_expect_float_eq(got, want, 1e-12, #got ": got %.17g, want %.17g", (double)(got),              \
                     (double)(want))

/* 600 tokens: 6 are the 1 % that differ most. */
Test(predicted, the_largest_tokens_come_first_and_have_their_share) {
  Made *m = made_modes(&arena);
  for (int i = 0; i < 12; i++) set_bits(m, 2, i % WINDOWS, 10 + i, i % 2 ? 1.5 : 0.5);
  set_bits(m, 2, 1, 7, 5);   /* 4 more */
  set_bits(m, 2, 2, 70, -1); /* 2 fewer */
  EvaluationToken row[PREDICTED_NAMED];
  cr_assert_eq(predicted_by_bits(&m->mode[1], &m->mode[2], 0.15, row), PREDICTED_NAMED);
  cr_expect(row[0].window == 1 && row[0].position == 8 && row[0].at == 1008 && row[0].rank == 1);
  cr_expect(row[1].window == 2 && row[1].position == 71);
  cr_expect(row[2].window == 0 && row[2].position == 11, "of equal ones the first: %d, %d",
            row[2].window, row[2].position);
  cr_expect(row[9].window == 1 && row[9].position == 21, "%d, %d", row[9].window, row[9].position);
  NEAR(row[0].share, 4.0 / 12);
  NEAR(row[0].bits_other, 5);
  EvaluationPair pair = {0};
  predicted_pair(&m->mode[1], &m->mode[2], 0.15, &pair, arena);
  cr_expect_eq(pair.tokens, WINDOWS * TOKENS);
  NEAR(pair.top_share, (4 + 2 + 4 * 0.5) / 12);
  cr_expect_eq(pair.reached_tokens, 0);
  NEAR(pair.reached_share, 0);
  NEAR(pair.apart, 2.0 / (WINDOWS * TOKENS));
}

Test(predicted, without_the_tokens_in_reach_the_rest_is_what_differs) {
  Made *m = made_modes(&arena);
  set_bits(m, 2, 0, 3, 11); /* + 10, in reach of the other's event */
  set_bits(m, 2, 1, 4, 7);  /* + 6, in reach of the base's */
  set_bits(m, 2, 1, 5, 0);  /* - 1, in no one's: the even share of three tokens is the limit */
  set_bits(m, 2, 2, 6, 3);  /* + 2, at the limit */
  m->token[2][0][3].reach = 0.4;
  m->token[1][1][4].reach = 0.16;
  m->token[1][1][5].reach = 3.0 / TOKENS;
  m->token[2][2][6].reach = 0.15;
  EvaluationPair pair = {0};
  predicted_pair(&m->mode[1], &m->mode[2], 0.15, &pair, arena);
  cr_expect_eq(pair.reached_tokens, 2);
  NEAR(pair.reached_share, 16.0 / 19);
  NEAR(pair.reached_part, 16.0 / 17);
  const double apart[WINDOWS] = {0, -1.0 / (TOKENS - 1), 2.0 / TOKENS};
  Sample want = sample_of(apart, WINDOWS, SAMPLE_VALUES, arena);
  NEAR(pair.apart, want.value);
  NEAR(pair.apart_low, want.low);
  NEAR(pair.apart_high, want.high);
  EvaluationToken row[PREDICTED_NAMED];
  cr_assert_eq(predicted_by_bits(&m->mode[1], &m->mode[2], 0.15, row), 4);
  cr_expect(row[0].in_reach && row[1].in_reach && !row[2].in_reach && !row[3].in_reach);
  NEAR(row[1].reach, 0.16);
}

Test(predicted, a_window_that_is_not_finite_in_either_mode_is_left_out) {
  Made *m = made_modes(&arena);
  for (int w = 0; w < WINDOWS; w++) set_bits(m, 2, w, 5, 2);
  m->window[1][0].bits = m->token[1][0][9].bits = NAN;
  EvaluationPair pair = {0};
  EvaluationToken row[PREDICTED_NAMED];
  predicted_pair(&m->mode[1], &m->mode[2], 0.15, &pair, arena);
  cr_expect_eq(pair.tokens, 2 * TOKENS);
  cr_assert_eq(predicted_by_bits(&m->mode[1], &m->mode[2], 0.15, row), 2);
  NEAR(row[0].share, 0.5);
  NEAR(pair.apart, 1.0 / TOKENS);
  for (int w = 1; w < WINDOWS; w++) m->window[2][w].bits = NAN;
  predicted_pair(&m->mode[1], &m->mode[2], 0.15, &pair, arena);
  cr_expect(pair.tokens == 0 && isnan(pair.top_share) && isnan(pair.apart) &&
            isnan(pair.reached_share));
  cr_expect_eq(predicted_by_bits(&m->mode[1], &m->mode[2], 0.15, row), 0);
}

Test(predicted, kl_has_its_largest_and_its_median_token) {
  Made *m = made_modes(&arena);
  for (int w = 0; w < WINDOWS; w++)
    for (int t = 0; t < TOKENS; t++) m->token[1][w][t].kl = w * TOKENS + t + 1;
  EvaluationToken row[PREDICTED_NAMED];
  cr_assert_eq(predicted_by_kl(&m->mode[0], &m->mode[1], 0.15, row), PREDICTED_NAMED);
  cr_expect(row[0].window == 2 && row[0].position == TOKENS && !strcmp(row[0].base, "fp64") &&
            !strcmp(row[0].by, "kl"));
  NEAR(row[0].share, 600.0 / (600.0 * 601 / 2));
  NEAR(predicted_kl_median(&m->mode[1], arena), 300.5);
}

Test(predicted, the_reach_of_a_token_is_its_largest_share_of_any_layer) {
  Predicted each[4] = {{0}};
  predicted_reach((const double[]){1, 1, 2, NAN}, 4, each);
  predicted_reach((const double[]){0, 3, 1, 0}, 4, each);
  predicted_reach((const double[]){0, 0, 0, 0}, 4, each);
  NEAR(each[0].reach, 0.25);
  NEAR(each[1].reach, 0.75);
  NEAR(each[2].reach, 0.5);
  NEAR(each[3].reach, 0);
}

/* --- the study -------------------------------------------------------------------------------- */

enum { NOTES = 4 };

typedef struct Notes {
  void *bytes[NOTES];
  size_t size[NOTES];
  char name[NOTES][64];
  int count, stop_at;
} Notes;

static bool find_note(void *context, Arena *to, const char *name, const void **bytes, size_t *size,
                      Status *st) {
  (void)to, (void)st;
  const Notes *notes = context;
  *bytes = NULL;
  for (int i = 0; i < notes->count; i++)
    if (!strcmp(notes->name[i], name)) *bytes = notes->bytes[i], *size = notes->size[i];
  return true;
}

static bool keep_note(void *context, const char *name, const void *bytes, size_t size, Status *st) {
  Notes *notes = context;
  if (notes->count == notes->stop_at) return FAIL(st, "killed");
  snprintf(notes->name[notes->count], sizeof *notes->name, "%s", name);
  notes->bytes[notes->count] = memcpy(malloc(size), bytes, size);
  notes->size[notes->count++] = size;
  return true;
}

/* Two sides that are one computation share their layers: what the second is not shown is taken
 * over. */
Test(predicted, a_killed_evaluation_goes_on_to_the_same_rows) {
  static const char *names[] = {"2-0", "twin", "2-4"};
  Shipped s = shipped_load(REWRITE_QUAMBA);
  shipped_calibrate(&s, 2, 64);
  Status st = {0};
  Mode twin = *mode_preset("2-0");
  snprintf(twin.name, sizeof twin.name, "twin");
  Mode all[] = {*mode_preset("2-0"), twin, *mode_preset("2-4")};
  Spec spec = {
      .modes = all,
      .mode_count = 3,
      .events = {.share = 0.15},
      .evaluation = {
          .text = "test.txt", .windows = 2, .length = 64, .modes = names, .mode_count = 3}};
  Subject subject = shipped_evaluation(&s, &spec.evaluation);
  Progress quiet = progress_start(true);
  Notes notes = {.stop_at = 1};
  Keeper keeper = {.context = &notes, .find = find_note, .keep = keep_note};
  EvaluationRows whole, again;
  Study study = {.spec = &spec, .subject = &subject, .progress = &quiet};
  cr_assert(evaluate(&s.arena, &study, &whole, &st), "%s", st.text);
  study.keeper = &keeper;
  cr_assert(!evaluate(&s.arena, &study, &again, &st));
  notes.stop_at = NOTES;
  st = (Status){0};
  cr_assert(evaluate(&s.arena, &study, &again, &st), "%s", st.text);
  cr_expect_eq(notes.count, 2);
  cr_assert_eq(whole.tokens, again.tokens);
  cr_assert_eq(whole.pairs, again.pairs);
  cr_expect_eq(memcmp(whole.token, again.token, (size_t)whole.tokens * sizeof *whole.token), 0);
  cr_expect_eq(memcmp(whole.pair, again.pair, (size_t)whole.pairs * sizeof *whole.pair), 0);
  for (int i = 0; i < PREDICTED_NAMED; i++) {
    const EvaluationToken *a = &whole.token[i], *b = &whole.token[PREDICTED_NAMED + i];
    cr_expect(!strcmp(a->other, "2-0") && !strcmp(b->other, "twin"));
    cr_expect(a->reach > 0 && a->reach == b->reach && a->at == b->at, "rank %d: %g and %g", i + 1,
              a->reach, b->reach);
  }
}
