#include "measure/events.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/quantiles.h"

double event_limit(double share, int T) { return fmax(share, (double)EVENT_EVEN / T); }

/* --- the course of a prompt's tokens ---------------------------------------------------------- */

static int rows_a_layer(int T) { return (T + TOKENS_A_ROW - 1) / TOKENS_A_ROW; }

static bool is_of_pair(const TokenErrors *row, const char *base, const char *other) {
  return !strcmp(row->base, base) && !strcmp(row->other, other);
}

/* Whether a row goes on with the pair of the row before it, as most do. */
static bool is_next(const TokenErrors *rows, size_t i) {
  return i > 0 && is_of_pair(&rows[i], rows[i - 1].base, rows[i - 1].other);
}

static int prompt_of(const TokenErrors *row, const PromptShape *prompt, int prompts, int guess) {
  for (int i = 0; i < prompts; i++) {
    int p = (guess + i) % prompts; /* rows come prompt by prompt */
    if (!strcmp(prompt[p].name, row->prompt)) return p;
  }
  return -1;
}

/* The pairs' first courses stand `prompts` apart. */
static TokenCourse *find_pair(TokenCourse *course, int *pairs, int prompts,
                              const TokenErrors *row) {
  for (int i = 0; i < *pairs; i++)
    if (is_of_pair(row, course[i * prompts].base, course[i * prompts].other))
      return &course[i * prompts];
  TokenCourse *first = &course[(*pairs)++ * prompts];
  for (int p = 0; p < prompts; p++) first[p].base = row->base, first[p].other = row->other;
  return first;
}

/* A pair may have no rows of a layer, nor of a prompt: the stream of a dump need not be in all. */
static size_t count_pairs(const TokenErrors *rows, size_t count, Arena scratch) {
  const TokenErrors **pair = ARENA_NEW(&scratch, const TokenErrors *, count);
  size_t pairs = 0;
  for (size_t i = 0; i < count; i++) {
    size_t k = 0;
    if (is_next(rows, i)) continue;
    while (k < pairs && !is_of_pair(&rows[i], pair[k]->base, pair[k]->other)) k++;
    if (k == pairs) pair[pairs++] = &rows[i];
  }
  return pairs;
}

static const TokenErrors *row_of(const TokenCourse *course, int layer, int token) {
  return course->row[layer * rows_a_layer(course->T) + token / TOKENS_A_ROW];
}

/* The first layer from this one on that the pair has rows of; `layers` where there is none. */
static int layer_from(const TokenCourse *course, int layer) {
  while (layer < course->layers && !row_of(course, layer, 0)) layer++;
  return layer;
}

static bool is_finite(double error2, double base2) { return error2 <= DBL_MAX && base2 <= DBL_MAX; }

/* In the order of the tokens. */
static void add_up(TokenCourse *course) {
  for (int layer = 0; layer < course->layers; layer++) {
    double error2 = 0, base2 = 0;
    for (int t = 0; t < course->T; t++) {
      const TokenErrors *row = row_of(course, layer, t);
      const int i = t % TOKENS_A_ROW;
      if (!row || !is_finite(row->error2[i], row->base2[i])) continue;
      error2 += row->error2[i];
      base2 += row->base2[i];
    }
    course->error2[layer] = error2;
    course->base2[layer] = base2;
  }
}

TokenCourse *token_courses(Arena *arena, const TokenErrors *rows, size_t count,
                           const PromptShape *prompt, int prompts, int layers, size_t *courses) {
  const size_t most = count_pairs(rows, count, *arena);
  TokenCourse *course = ARENA_NEW(arena, TokenCourse, most * (size_t)prompts);
  for (size_t i = 0; i < most * (size_t)prompts; i++) {
    const PromptShape *of = &prompt[i % (size_t)prompts];
    course[i].prompt = of->name;
    course[i].T = of->T;
    course[i].layers = layers;
    course[i].row = ARENA_NEW(arena, const TokenErrors *, layers *rows_a_layer(of->T));
    course[i].error2 = ARENA_NEW(arena, double, layers);
    course[i].base2 = ARENA_NEW(arena, double, layers);
  }
  TokenCourse *pair = NULL;
  int pairs = 0, at = 0;
  for (size_t i = 0; i < count; i++) {
    if (!is_next(rows, i)) pair = find_pair(course, &pairs, prompts, &rows[i]);
    at = prompt_of(&rows[i], prompt, prompts, at);
    const TokenCourse *of = pair + at;
    of->row[rows[i].layer * rows_a_layer(of->T) + rows[i].first / TOKENS_A_ROW] = &rows[i];
  }
  *courses = (size_t)pairs * (size_t)prompts;
#pragma omp parallel for schedule(dynamic)
  for (size_t c = 0; c < *courses; c++) add_up(&course[c]);
  return course;
}

double course_error2(const TokenCourse *course, int layer, int token) {
  const TokenErrors *row = row_of(course, layer, token);
  if (!row) return NAN;
  double error2 = row->error2[token % TOKENS_A_ROW];
  return is_finite(error2, row->base2[token % TOKENS_A_ROW]) ? error2 : NAN;
}

double course_sum(const TokenCourse *course, int layer, bool of_base) {
  return of_base ? course->base2[layer] : course->error2[layer];
}

double course_error(const TokenCourse *course, int layer, int token) {
  double error2 = course_error2(course, layer, token);
  if (isnan(error2)) return NAN;
  return error2 == 0 ? 0 : sqrt(error2 / row_of(course, layer, token)->base2[token % TOKENS_A_ROW]);
}

double course_median(const TokenCourse *course, int layer, Arena scratch) {
  double *error = ARENA_NEW(&scratch, double, course->T);
  size_t kept = 0;
  for (int t = 0; t < course->T; t++) {
    double one = course_error(course, layer, t);
    if (!isnan(one)) error[kept++] = one;
  }
  return quantile_of(error, kept, 0.5);
}

/* --- events ----------------------------------------------------------------------------------- */

/* Of one course. */
typedef struct Finder {
  const TokenCourse *course;
  double limit;
} Finder;

static double share_of(const Finder *f, int layer, int token) {
  return course_error2(f->course, layer, token) /
         course_sum(f->course, layer, false); /* NaN of 0 */
}

static bool is_event(const Finder *f, int layer, int token) {
  return share_of(f, layer, token) > f->limit;
}

/* Where the token's squared error grew most, up to this layer. */
static int grown_layer(const TokenCourse *course, int layer, int token) {
  int grown = layer;
  double most = -1, before = 0;
  for (int l = layer_from(course, 0); l <= layer; l = layer_from(course, l + 1)) {
    double now = course_error2(course, l, token), growth = now - before;
    if (growth > most) most = growth, grown = l;
    before = now;
  }
  return grown;
}

static Event event_from(const Finder *f, int token, int layer, Arena scratch) {
  const TokenCourse *c = f->course;
  int last = layer, peak = layer, next = layer_from(c, layer + 1);
  for (; next < c->layers && is_event(f, next, token); next = layer_from(c, next + 1)) {
    if (share_of(f, next, token) > share_of(f, peak, token)) peak = next;
    last = next;
  }
  Event e = {.token = token,
             .layer = layer,
             .last_layer = last,
             .healed_layer = next < c->layers ? next : -1,
             .share = share_of(f, layer, token),
             .peak_share = share_of(f, peak, token),
             .peak_layer = peak,
             .error = course_error(c, layer, token),
             .error_median = course_median(c, layer, scratch),
             .grown_layer = grown_layer(c, layer, token),
             .element_token = -1,
             .element_channel = -1,
             .value = NAN,
             .value_to = NAN,
             .grid_end = NAN,
             .removed = NAN,
             .made_channel = -1,
             .made_value = NAN,
             .made_to = NAN};
  table_text(e.base, sizeof e.base, c->base);
  table_text(e.other, sizeof e.other, c->other);
  table_text(e.prompt, sizeof e.prompt, c->prompt);
  return e;
}

/* Those of a course, by layer and token, behind the `count` that are there; `weight` what each
 * carries at its peak, of the base's squares. */
static size_t find_events(const Finder *f, Event *event, double *weight, size_t count,
                          Arena scratch) {
  int before = -1;
  for (int layer = layer_from(f->course, 0); layer < f->course->layers;
       before = layer, layer = layer_from(f->course, layer + 1))
    for (int t = 0; t < f->course->T; t++) {
      if (!is_event(f, layer, t) || (before >= 0 && is_event(f, before, t))) continue;
      Event e = event_from(f, t, layer, scratch);
      weight[count] =
          course_error2(f->course, e.peak_layer, t) / course_sum(f->course, e.peak_layer, true);
      event[count++] = e;
    }
  return count;
}

static bool pair_alike(const Event *a, const Event *b) {
  return !strcmp(a->base, b->base) && !strcmp(a->other, b->other);
}

/* The first of equal ones. */
static bool carries_more(const double *weight, size_t a, size_t b) {
  return a < b ? weight[a] >= weight[b] : weight[a] > weight[b];
}

static void rank_events(Event *event, const double *weight, size_t count) {
  for (size_t i = 0; i < count; i++) {
    event[i].rank = 1;
    for (size_t k = 0; k < count; k++)
      event[i].rank += pair_alike(&event[i], &event[k]) && carries_more(weight, k, i);
  }
}

/* In a layer fewer tokens than 1 / limit are events, and so begin there. */
static size_t events_most(const TokenCourse *course, double share) {
  return (size_t)course->layers * (size_t)ceil(1 / event_limit(share, course->T));
}

Event *events_of(Arena *arena, const TokenCourse *course, size_t courses, double share,
                 size_t *events) {
  size_t most = 0, count = 0;
  for (size_t c = 0; c < courses; c++) most += events_most(&course[c], share);
  Event *event = arena_room(arena, most, sizeof *event);
  Arena scratch = *arena;
  double *weight = arena_room(&scratch, most, sizeof *weight);
  for (size_t c = 0; c < courses; c++) {
    const Finder f = {&course[c], event_limit(share, course[c].T)};
    count = find_events(&f, event, weight, count, scratch);
  }
  rank_events(event, weight, count);
  *events = count;
  return event;
}

/* --- strips ----------------------------------------------------------------------------------- */

static int strip_tokens(const TokenCourse *c) { return (c->T + STRIP_TOKENS - 1) / STRIP_TOKENS; }

static size_t strip_rows(const TokenCourse *c) {
  return (size_t)c->layers * (size_t)((c->T + strip_tokens(c) - 1) / strip_tokens(c));
}

static void put_strip(const TokenCourse *c, EventStrip *row) {
  const int tokens = strip_tokens(c);
  EventStrip of = {.error = NAN};
  table_text(of.base, sizeof of.base, c->base);
  table_text(of.other, sizeof of.other, c->other);
  table_text(of.prompt, sizeof of.prompt, c->prompt);
  for (int layer = 0; layer < c->layers; layer++)
    for (int first = 0; first < c->T; first += tokens, row++) {
      const int end = first + tokens < c->T ? first + tokens : c->T;
      *row = of;
      row->layer = layer, row->token = first, row->tokens = end - first;
      for (int t = first; t < end; t++) {
        const double error2 = course_error2(c, layer, t);
        row->error = fmax(row->error, course_error(c, layer, t)); /* passes over NaN */
        if (error2 > 0) row->share += error2 / course_sum(c, layer, false);
      }
    }
}

/* The course to show of a pair whose courses begin at `first`, one a prompt. */
static const TokenCourse *to_show(const TokenCourse *first, size_t prompts, const Event *event,
                                  size_t events) {
  for (size_t i = 0; i < events; i++)
    for (size_t p = 0; event[i].rank == 1 && p < prompts; p++)
      if (!strcmp(event[i].base, first->base) && !strcmp(event[i].other, first->other) &&
          !strcmp(event[i].prompt, first[p].prompt))
        return &first[p];
  return first;
}

EventStrip *event_strips(Arena *arena, const TokenCourse *course, size_t courses,
                         const Event *event, size_t events, size_t *strips) {
  size_t prompts = 0, count = 0;
  while (prompts < courses && !strcmp(course[prompts].base, course->base) &&
         !strcmp(course[prompts].other, course->other))
    prompts++;
  const size_t pairs = prompts ? courses / prompts : 0;
  const TokenCourse **shown = ARENA_NEW(arena, const TokenCourse *, pairs);
  size_t *at = ARENA_NEW(arena, size_t, pairs);
  for (size_t i = 0; i < pairs; i++) {
    shown[i] = to_show(&course[i * prompts], prompts, event, events);
    at[i] = count;
    count += strip_rows(shown[i]);
  }
  EventStrip *row = arena_room(arena, count, sizeof *row);
#pragma omp parallel for schedule(dynamic)
  for (size_t i = 0; i < pairs; i++) put_strip(shown[i], row + at[i]);
  *strips = count;
  return row;
}
