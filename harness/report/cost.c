/* cost: speed and bytes of each mode, and, where the run also evaluated them, which mode is for
 * which need. */
#include <math.h>
#include <string.h>

#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/sections.h"
#include "report/words.h"

bool asked_cost(const ReportData *d) { return d->costs > 0; }

bool asked_choice(const ReportData *d) { return d->costs > 0 && d->evaluations > 1; }

static const Cost *find_cost(const ReportData *d, const char *mode, const char *op, int length) {
  for (size_t i = 0; i < d->costs; i++)
    if (!strcmp(d->cost[i].mode, mode) && !strcmp(d->cost[i].operator_name, op) &&
        d->cost[i].length == length)
      return &d->cost[i];
  return NULL;
}

/* Lengths as first met. */
static int lengths_of(const ReportData *d, int *length, int most) {
  int count = 0;
  for (size_t i = 0; i < d->costs; i++) {
    int at = 0;
    while (at < count && length[at] != d->cost[i].length) at++;
    if (at == count && count < most) length[count++] = d->cost[i].length;
  }
  return count;
}

static void write_speed(FILE *out, const ReportData *d, int length, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrrrrr");
  static const char *const heading[] =
      WORDS("mode", "tokens/s", "prefill, ms", "spread, ms", "speed, fp32 = 1", "time, copy = 1");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->cost_bytes_rows; i++) {
    const Cost *row = find_cost(d, d->cost_bytes[i].mode, "total", length);
    if (!row) continue;
    grid_add(&grid, md_text(&scratch, row->mode));
    grid_add(&grid, md_fixed(&scratch, row->tokens_per_s, 0));
    grid_add(&grid, md_factor(&scratch, 1e3 * row->time_s));
    grid_add(&grid, md_factor(&scratch, 1e3 * row->mad_s));
    grid_add(&grid, md_factor(&scratch, row->speed_to_fp32));
    grid_add(&grid, md_factor(&scratch, row->time_to_copy));
  }
  grid_write(&grid, out);
}

/* A row an operator, a column a mode: milliseconds, or shares. */
static void write_operators(FILE *out, const ReportData *d, int length, bool shares,
                            Arena scratch) {
  char *align = ARENA_NEW(&scratch, char, d->cost_bytes_rows + 2);
  memset(align, 'r', d->cost_bytes_rows + 1);
  align[0] = 'l';
  Grid grid = grid_new(&scratch, align);
  grid_add(&grid, say(d->language, "operator"));
  for (size_t m = 0; m < d->cost_bytes_rows; m++)
    grid_add(&grid, md_text(&scratch, d->cost_bytes[m].mode));
  for (size_t i = 0; i < d->costs; i++) {
    const Cost *met = &d->cost[i];
    bool first = met->length == length && strcmp(met->operator_name, "total");
    for (size_t j = 0; j < i && first; j++)
      first = d->cost[j].length != length || strcmp(d->cost[j].operator_name, met->operator_name);
    if (!first) continue;
    grid_add(&grid, md_code(&scratch, met->operator_name));
    for (size_t m = 0; m < d->cost_bytes_rows; m++) {
      const Cost *row = find_cost(d, d->cost_bytes[m].mode, met->operator_name, length);
      grid_add(&grid, !row     ? "—"
                      : shares ? md_percent(&scratch, row->share)
                               : md_factor(&scratch, 1e3 * row->time_s));
    }
  }
  grid_write(&grid, out);
}

static void write_bytes(FILE *out, const ReportData *d, Arena scratch) {
  Grid grid = grid_new(&scratch, "lrrrrrr");
  static const char *const heading[] = WORDS("mode", "weights", "scales", "activations a token",
                                             "live at once a token", "state", "fp32 over this");
  grid_head(d->language, &grid, heading);
  for (size_t i = 0; i < d->cost_bytes_rows; i++) {
    const CostBytes *row = &d->cost_bytes[i];
    grid_add(&grid, md_text(&scratch, row->mode));
    grid_add(&grid, md_bytes(&scratch, (double)row->weight_bytes));
    grid_add(&grid, md_bytes(&scratch, (double)row->scale_bytes));
    grid_add(&grid, md_bytes(&scratch, (double)row->activation_bytes));
    grid_add(&grid, md_bytes(&scratch, (double)row->peak_activation_bytes));
    grid_add(&grid, md_bytes(&scratch, (double)row->state_bytes));
    grid_add(&grid, md_factor(&scratch, row->to_fp32));
  }
  grid_write(&grid, out);
}

void section_cost(FILE *out, const ReportData *d, Arena scratch) {
  int length[COST_LENGTHS_MAX], lengths = lengths_of(d, length, COST_LENGTHS_MAX);
  fprintf(
      out,
      say(d->language,
          "Median of %d prefills on backend %s, modes in turn; spread is 1.4826 times the median "
          "absolute deviation. The last two columns compare with mode fp32 and with a plain copy "
          "of as many bytes, timed in the same turns. The kernels are this program's, made to give "
          "the same bits everywhere; another implementation of a mode may rank otherwise.\n\n"),
      d->cost[0].repeats, md_text(&scratch, d->cost[0].backend));
  for (int i = 0; i < lengths; i++) {
    fprintf(out, "### %s\n\n", md_count(d->language, &scratch, length[i], "token"));
    write_speed(out, d, length[i], scratch);
    fputs(say(d->language, "Milliseconds of each operator in one prefill:\n\n"), out);
    write_operators(out, d, length[i], false, scratch);
    fputs(say(d->language, "Its share of their sum:\n\n"), out);
    write_operators(out, d, length[i], true, scratch);
  }
  fputs(say(d->language, "### Bytes\n\nCounted from the settings: what a layer hands from operator "
                         "to operator, and what of it is live at the same time; the state is that "
                         "of one sequence, all layers.\n\n"),
        out);
  write_bytes(out, d, scratch);
}

/* --- which mode for which need ---------------------------------------------------------------- */

typedef struct Choice {
  const Evaluation *evaluation;
  const Cost *speed; /* of the longest prefill */
  double bytes;      /* weights, scales, state and the live activations of that prefill */
} Choice;

static int choices_of(const ReportData *d, int length, Choice *choice) {
  int count = 0;
  for (size_t i = 0; i < d->cost_bytes_rows; i++) {
    const CostBytes *b = &d->cost_bytes[i];
    Choice c = {.speed = find_cost(d, b->mode, "total", length),
                .bytes = (double)(b->weight_bytes + b->scale_bytes + b->state_bytes) +
                         (double)b->peak_activation_bytes * length};
    for (size_t e = 0; e < d->evaluations; e++)
      if (!strcmp(d->evaluation[e].mode, b->mode)) c.evaluation = &d->evaluation[e];
    if (c.evaluation && c.speed && isfinite(c.evaluation->kl_mean) && !isnan(c.evaluation->bits) &&
        !isnan(c.speed->tokens_per_s))
      choice[count++] = c;
  }
  return count;
}

/* By more than the spread of both. */
static bool slower(const Choice *a, const Choice *b) {
  return a->speed->time_s - a->speed->mad_s > b->speed->time_s + b->speed->mad_s;
}

static const EvaluationPair *asked_of(const ReportData *d, const char *metric, const Choice *a,
                                      const Choice *b) {
  return data_evaluation(d, a->evaluation->mode, b->evaluation->mode, metric);
}

/* -1, +1: `a` is told to be the better or the worse one; 0: neither is told. */
static int told(const ReportData *d, const char *metric, const Choice *a, const Choice *b) {
  const EvaluationPair *p = asked_of(d, metric, a, b);
  const int answer = !p                             ? 0
                     : !strcmp(p->answer, "better") ? -1
                     : !strcmp(p->answer, "worse")  ? 1
                                                    : 0;
  return p && !strcmp(p->other, a->evaluation->mode) ? answer : -answer;
}

static const char near[] = "kl_factor";

/* `a` is worse in nothing, and better in something by more than chance. */
static bool dominates(const ReportData *d, const Choice *a, const Choice *b) {
  const bool no_worse = a->evaluation->kl_mean <= b->evaluation->kl_mean &&
                        told(d, near, a, b) <= 0 && !slower(a, b) && a->bytes <= b->bytes;
  return no_worse && (told(d, near, a, b) < 0 || slower(b, a) || a->bytes < b->bytes);
}

/* Whether any two modes could be told apart by these windows. */
static bool could_tell(const ReportData *d) {
  for (size_t i = 0; i < d->evaluation_pairs; i++) {
    const EvaluationPair *p = &d->evaluation_pair[i];
    if (!strcmp(p->metric, "bits") && strcmp(p->answer, "unknown") &&
        strcmp(p->answer, "identical"))
      return true;
  }
  return false;
}

static const char *figures(Language l, Arena *arena, const Choice *c) {
  return arena_printf(arena, say(l, "KL %s bits, %.6f bits a token, %.0f tokens/s, %s"),
                      md_short(arena, c->evaluation->kl_mean), c->evaluation->bits,
                      c->speed->tokens_per_s, md_bytes(arena, c->bytes));
}

static void write_choice(Language l, FILE *out, const char *need, const Choice *c, Arena scratch) {
  fprintf(out, say(l, "- **%s: %s.** %s.\n"), say(l, need), md_text(&scratch, c->evaluation->mode),
          figures(l, &scratch, c));
}

/* The modes that the spread of the timings does not set apart from the fastest. */
static int as_fast(const Choice *choice, int count, const Choice *fast, const char **name) {
  int names = 0;
  for (const Choice *c = choice; c < choice + count; c++)
    if (c != fast && !slower(c, fast)) name[names++] = c->evaluation->mode;
  return names;
}

/* Those that the windows do not set apart from the nearest. */
static int as_near(const ReportData *d, const Choice *choice, int count, const Choice *nearest,
                   const char **name) {
  int names = 0;
  for (const Choice *c = choice; c < choice + count; c++)
    if (c != nearest && asked_of(d, near, nearest, c) && told(d, near, nearest, c) >= 0)
      name[names++] = c->evaluation->mode;
  return names;
}

static void write_also(Language l, FILE *out, const char *words, const char *const *name, int names,
                       Arena scratch) {
  if (names) fprintf(out, say(l, words), words_list(l, &scratch, name, names));
}

typedef struct Choices {
  Choice *choice;
  int count, length; /* of the longest prefill */
  const Choice *accurate, *fast, *small, *trade;
} Choices;

static Choices choose(Arena *arena, const ReportData *d) {
  int length[COST_LENGTHS_MAX], lengths = lengths_of(d, length, COST_LENGTHS_MAX);
  Choices all = {.choice = ARENA_NEW(arena, Choice, d->cost_bytes_rows)};
  for (int i = 0; i < lengths; i++) all.length = length[i] > all.length ? length[i] : all.length;
  all.count = choices_of(d, all.length, all.choice);
  all.accurate = all.fast = all.small = all.choice;
  for (const Choice *c = all.choice; c < all.choice + all.count; c++) {
    if (c->evaluation->kl_mean < all.accurate->evaluation->kl_mean) all.accurate = c;
    if (c->speed->tokens_per_s > all.fast->speed->tokens_per_s) all.fast = c;
    if (c->bytes < all.small->bytes) all.small = c;
  }
  all.trade = all.accurate;
  for (const Choice *c = all.choice; c < all.choice + all.count; c++)
    if (!told(d, "bits", all.accurate, c) && c->bytes < all.trade->bytes) all.trade = c;
  return all;
}

/* ", and 2 others are not told from it"; "" where there is none. */
static const char *more_words(Language l, Arena *arena, int names) {
  return names == 0 ? ""
                    : arena_printf(arena,
                                   say(l, names == 1 ? ", and %d other is not told from it"
                                                     : ", and %d others are not told from it"),
                                   names);
}

const char *choice_words(Arena *arena, const ReportData *d) {
  const Language l = d->language;
  if (!asked_choice(d)) return "";
  const Choices all = choose(arena, d);
  if (!all.count) return "";
  const char **name = ARENA_NEW(arena, const char *, all.count);
  return arena_printf(
      arena,
      say(l, "Nearest to float64: %s (KL %s bits%s). Fastest here: %s (%.0f tokens/s%s). Smallest: "
             "%s (%s)."),
      md_text(arena, all.accurate->evaluation->mode),
      md_short(arena, all.accurate->evaluation->kl_mean),
      more_words(l, arena, as_near(d, all.choice, all.count, all.accurate, name)),
      md_text(arena, all.fast->evaluation->mode), all.fast->speed->tokens_per_s,
      more_words(l, arena, as_fast(all.choice, all.count, all.fast, name)),
      md_text(arena, all.small->evaluation->mode), md_bytes(arena, all.small->bytes));
}

/* Modes that are not in question, as their logits say nothing: whether there are some. */
static bool write_left_out(FILE *out, const ReportData *d, Arena scratch) {
  const char *left_out = "";
  for (size_t i = 0; i < d->evaluations; i++)
    if (!isfinite(d->evaluation[i].kl_mean))
      left_out = arena_printf(&scratch, "%s%s%s", left_out, *left_out ? say(d->language, ", ") : "",
                              md_text(&scratch, d->evaluation[i].mode));
  if (*left_out)
    fprintf(out, say(d->language, "Not in question, as logits of theirs are not finite: %s.\n\n"),
            left_out);
  return *left_out != 0;
}

/* A mode for each need, with those that are not told from it. */
static void write_needs(FILE *out, const ReportData *d, const Choices *all, Arena scratch) {
  const Language l = d->language;
  const char **name = ARENA_NEW(&scratch, const char *, all->count);
  write_choice(l, out, WORD("Nearest to float64"), all->accurate, scratch);
  write_also(l, out, WORD("  Not told from it by their KL: %s.\n"), name,
             as_near(d, all->choice, all->count, all->accurate, name), scratch);
  write_choice(l, out, WORD("Fastest here"), all->fast, scratch);
  write_also(l, out, WORD("  Not slower by more than the spread: %s.\n"), name,
             as_fast(all->choice, all->count, all->fast, name), scratch);
  write_choice(l, out, WORD("Smallest"), all->small, scratch);
  if (!could_tell(d)) {
    fputs(say(l, "\nNo best trade is named: these windows tell no two modes apart."), out);
    return;
  }
  write_choice(l, out, WORD("Best trade"), all->trade, scratch);
  fputs(say(l, "\nThe best trade is the smallest mode whose bits cannot be told from those of the "
               "nearest one at this number of windows."),
        out);
}

/* Modes than which another is better in one of the three, and worse in none. */
static void write_dominated(FILE *out, const ReportData *d, const Choices *all, Arena scratch) {
  const Choice *end = all->choice + all->count;
  for (const Choice *c = all->choice; c < end; c++)
    for (const Choice *other = all->choice; other < end; other++)
      if (dominates(d, other, c)) {
        fprintf(out,
                say(d->language, " Nothing here speaks for %s: %s is worse in none of the three, "
                                 "and told to be better in one."),
                md_text(&scratch, c->evaluation->mode), md_text(&scratch, other->evaluation->mode));
        break;
      }
}

void section_choice(FILE *out, const ReportData *d, Arena scratch) {
  const Choices all = choose(&scratch, d);
  const bool left_out = write_left_out(out, d, scratch);
  if (!all.count) {
    if (!left_out) fputs(say(d->language, "No mode was both evaluated and timed.\n\n"), out);
    return;
  }
  fprintf(out,
          say(d->language, "From the figures of this run, at %s a prefill; bytes are weights, "
                           "scales, one sequence's state and its live activations.\n\n"),
          md_count(d->language, &scratch, all.length, "token"));
  plot_choice(out, d, all.length, scratch);
  write_needs(out, d, &all, scratch);
  write_dominated(out, d, &all, scratch);
  fputs("\n\n", out);
}
