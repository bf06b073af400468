/* Single tokens that carry a layer's error, on squared errors that are made by hand: found,
 * followed until they heal, ranked. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "measure/events.h"
#include "tests/exhausted.h"

enum { LAYERS = 6, T = 40, ROWS = (T + TOKENS_A_ROW - 1) / TOKENS_A_ROW, MOST = 4096 };

/* A run of two pairs and two prompts in which every token has the squared error 1 and the size
 * 100. */
typedef struct Made {
  Arena arena;
  TokenErrors row[MOST];
  size_t count;
  PromptShape prompt[2];
} Made;

static const char *const pair_names[2][2] = {{"fp64", "2-0"}, {"2-0", "2-4"}};

static double *error2_at(Made *m, int prompt, int pair, int layer, int token) {
  size_t row = (((size_t)prompt * LAYERS + (size_t)layer) * 2 + (size_t)pair) * ROWS +
               (size_t)token / TOKENS_A_ROW;
  return &m->row[row].error2[token % TOKENS_A_ROW];
}

static Made *make(void) {
  static Made made;
  Status st = {0};
  made = (Made){0};
  cr_assert(arena_reserve(&made.arena, (size_t)1 << 26, exhausted, &st), "%s", st.text);
  made.prompt[0] = (PromptShape){.name = "p", .T = T};
  made.prompt[1] = (PromptShape){.name = "q", .T = T};
  for (int p = 0; p < 2; p++)
    for (int layer = 0; layer < LAYERS; layer++)
      for (int pair = 0; pair < 2; pair++)
        for (int r = 0; r < ROWS; r++) {
          TokenErrors *row = &made.row[made.count++];
          *row = (TokenErrors){.layer = layer, .first = r * TOKENS_A_ROW};
          strcpy(row->prompt, made.prompt[p].name);
          strcpy(row->base, pair_names[pair][0]);
          strcpy(row->other, pair_names[pair][1]);
          for (int i = 0; i < TOKENS_A_ROW; i++) {
            bool inside = row->first + i < T;
            row->error2[i] = inside ? 1 : NAN;
            row->base2[i] = inside ? 100 : NAN;
          }
        }
  return &made;
}

static TokenCourse *courses_of(Made *m, size_t *courses) {
  TokenCourse *course = token_courses(&m->arena, m->row, m->count, m->prompt, 2, LAYERS, courses);
  cr_assert_eq(*courses, 4);
  return course;
}

static Event *find(Made *m, double share, size_t *events) {
  size_t courses;
  TokenCourse *course = courses_of(m, &courses);
  return events_of(&m->arena, course, courses, share, events);
}

Test(events, tokens_that_all_carry_alike_are_none) {
  size_t events;
  find(make(), 0.15, &events);
  cr_expect_eq(events, 0);
}

Test(events, one_is_followed_from_its_first_layer_until_it_heals) {
  Made *m = make();
  size_t events;
  *error2_at(m, 1, 0, 1, 17) = 61; /* 61 of 100 */
  *error2_at(m, 1, 0, 2, 17) = 161;
  *error2_at(m, 1, 0, 3, 17) = 13; /* 13 of 52 */
  Event *event = find(m, 0.2, &events);
  cr_assert_eq(events, 1);
  cr_expect_str_eq(event->prompt, "q");
  cr_expect_str_eq(event->base, "fp64");
  cr_expect_str_eq(event->other, "2-0");
  cr_expect_eq(event->token, 17);
  cr_expect_eq(event->layer, 1);
  cr_expect_eq(event->last_layer, 3);
  cr_expect_eq(event->healed_layer, 4);
  cr_expect_eq(event->share, 0.61);
  cr_expect_eq(event->peak_layer, 2);
  cr_expect_eq(event->peak_share, 0.805);
  cr_expect_float_eq(event->error, sqrt(0.61), 1e-15);
  cr_expect_float_eq(event->error_median, 0.1, 1e-15);
  cr_expect_eq(event->grown_layer, 1);
  cr_expect_eq(event->rank, 1);
  cr_expect_str_eq(event->origin, "");
  cr_expect_eq(event->element_token, -1);
  event = find(m, 0.26, &events); /* 13 of 52 is a quarter */
  cr_expect_eq(event->healed_layer, 3);
}

/* Takes a layer's rows of a pair away, of both prompts. */
static void leave_out(Made *m, int pair, int layer) {
  size_t kept = 0;
  for (size_t i = 0; i < m->count; i++)
    if (m->row[i].layer != layer || strcmp(m->row[i].other, pair_names[pair][1]) != 0)
      m->row[kept++] = m->row[i];
  m->count = kept;
}

Test(events, layers_that_a_pair_has_no_rows_of_are_passed_over) {
  Made *m = make();
  size_t events, courses, strips;
  for (int layer = 0; layer < LAYERS; layer++) *error2_at(m, 1, 0, layer, 17) = 61;
  *error2_at(m, 1, 0, 5, 17) = 1;
  leave_out(m, 0, 0);
  leave_out(m, 0, 2);
  leave_out(m, 0, 4);
  Event *event = find(m, 0.2, &events);
  cr_assert_eq(events, 1);
  cr_expect(event->layer == 1 && event->last_layer == 3 && event->healed_layer == 5);
  cr_expect(event->grown_layer == 1 && event->share == 0.61);
  const TokenCourse *all = courses_of(m, &courses), *course = all + 2; /* it is met later now */
  cr_expect_str_eq(course->other, "2-0");
  cr_expect(isnan(course_error2(course, 0, 17)) && isnan(course_error(course, 2, 17)));
  cr_expect(course_sum(course, 2, false) == 0 && course_sum(course, 3, false) == T);
  cr_expect(isnan(course_median(course, 4, m->arena)));
  EventStrip *strip = event_strips(&m->arena, all, courses, event, events, &strips);
  cr_assert_eq(strips, (size_t)2 * LAYERS * T);
  for (size_t i = 0; i < strips; i++) {
    const bool there = strcmp(strip[i].other, "2-0") != 0 || strip[i].layer % 2 == 1;
    cr_expect(isnan(strip[i].error) == !there && (strip[i].share > 0) == there);
  }
}

/* The first pair of a run may have rows of later layers alone, and of none. */
Test(events, pairs_are_all_those_that_have_rows) {
  Made *m = make();
  size_t events, courses;
  leave_out(m, 0, 0);
  cr_expect_eq(courses_of(m, &courses)[0].T, T);
  for (int layer = 1; layer < LAYERS; layer++) leave_out(m, 0, layer);
  *error2_at(m, 0, 0, 0, 5) = 61; /* the rows of the other pair alone */
  TokenCourse *course = token_courses(&m->arena, m->row, m->count, m->prompt, 2, LAYERS, &courses);
  cr_assert_eq(courses, 2);
  cr_expect_str_eq(course->other, "2-4");
  events_of(&m->arena, course, courses, 0.2, &events);
  cr_expect_eq(events, 1);
  token_courses(&m->arena, m->row, 0, m->prompt, 2, LAYERS, &courses);
  cr_expect_eq(courses, 0);
}

Test(events, one_in_the_last_layer_never_heals_and_one_that_comes_back_is_another) {
  Made *m = make();
  size_t events;
  *error2_at(m, 0, 1, 1, 3) = 40;
  *error2_at(m, 0, 1, 5, 3) = 80;
  Event *event = find(m, 0.2, &events);
  cr_assert_eq(events, 2);
  cr_expect(event[0].layer == 1 && event[0].healed_layer == 2 && event[0].rank == 2);
  cr_expect(event[1].layer == 5 && event[1].healed_layer == -1 && event[1].rank == 1);
}

Test(events, what_grew_in_a_layer_before_is_traced_there) {
  Made *m = make();
  size_t events;
  *error2_at(m, 0, 0, 2, 9) = 7; /* 7 of 46: below a fifth */
  *error2_at(m, 0, 0, 3, 9) = 11;
  Event *event = find(m, 0.2, &events);
  cr_assert_eq(events, 1);
  cr_expect_eq(event->layer, 3);
  cr_expect_eq(event->grown_layer, 2);
}

Test(events, ranks_are_of_a_pair_by_what_they_carry_of_the_base) {
  Made *m = make();
  size_t events;
  *error2_at(m, 0, 0, 0, 1) = 20;
  *error2_at(m, 1, 0, 4, 2) = 30;
  *error2_at(m, 1, 1, 4, 2) = 25;
  Event *event = find(m, 0.2, &events);
  cr_assert_eq(events, 3);
  for (size_t i = 0; i < events; i++)
    cr_expect_eq(event[i].rank, event[i].token == 1 ? 2 : 1, "%s %s", event[i].base,
                 event[i].prompt);
}

Test(events, of_a_few_tokens_each_has_much_and_none_is_an_event) {
  cr_expect_eq(event_limit(0.15, 171), 0.15);
  cr_expect_eq(event_limit(0.15, 20), 0.15);
  cr_expect_eq(event_limit(0.15, 10), 0.3);
  cr_expect_eq(event_limit(0.15, 3), 1.0);
}

Test(events, a_token_that_is_not_finite_is_left_out) {
  Made *m = make();
  size_t events, courses;
  *error2_at(m, 0, 0, 2, 5) = INFINITY;
  *error2_at(m, 0, 0, 2, 6) = 100;
  Event *event = find(m, 0.2, &events);
  cr_assert_eq(events, 1);
  cr_expect_eq(event->token, 6);
  cr_expect_eq(event->share, 100.0 / 138);
  TokenCourse *course = courses_of(m, &courses);
  cr_expect(isnan(course_error2(course, 2, 5)) && course_sum(course, 2, false) == 138);
  cr_expect_eq(course_sum(course, 2, true), 3900);
}

Test(events, a_strip_is_of_the_prompt_with_the_pairs_largest_event) {
  Made *m = make();
  size_t events, courses, strips;
  *error2_at(m, 1, 1, 4, 2) = 25;
  Event *event = find(m, 0.2, &events);
  TokenCourse *course = courses_of(m, &courses);
  EventStrip *strip = event_strips(&m->arena, course, courses, event, events, &strips);
  cr_assert_eq(strips, 2 * LAYERS * T);
  for (size_t i = 0; i < strips; i++) {
    bool second = !strcmp(strip[i].other, "2-4");
    cr_assert_str_eq(strip[i].prompt, second ? "q" : "p");
    double want = second && strip[i].layer == 4 && strip[i].token == 2 ? 0.5 : 0.1;
    cr_assert(strip[i].tokens == 1 && fabs(strip[i].error - want) < 1e-15, "layer %d token %d: %g",
              strip[i].layer, strip[i].token, strip[i].error);
  }
}
