/* micro: the operators alone: how wrong, where, and is that allowed? Runs are gathered by operator,
 * setting and output; every single run is in tables/micro.csv. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"
#include "report/words.h"

/* One output of an operator under a setting, over all its inputs and shapes. */
typedef struct Group {
  const MicroRow *any, *worst,
      *largest; /* worst: uses most of its bound; largest: moves most bytes, so its time tells */
  int runs;
  int64_t n, over, unbounded;
  double ulp_max, ulp_sum, misrounded, rel_l2;
  double captured_ulp_max; /* NaN: no captured input */
} Group;

static bool same_group(const MicroRow *a, const MicroRow *b) {
  return !strcmp(a->operator_name, b->operator_name) && !strcmp(a->setting, b->setting) &&
         !strcmp(a->output, b->output);
}

static void take(Group *g, const MicroRow *row) {
  g->runs++;
  g->n += row->n;
  g->over += row->over_bound;
  g->unbounded += row->unbounded;
  g->ulp_max = fmax(g->ulp_max, row->ulp_max);
  if (!strcmp(row->input, "captured"))
    g->captured_ulp_max = fmax(g->captured_ulp_max, row->ulp_max);
  g->ulp_sum += isnan(row->ulp_mean) ? 0 : row->ulp_mean * (double)row->n;
  g->misrounded += row->misrounded * (double)row->n;
  g->rel_l2 = fmax(g->rel_l2, row->rel_l2);
  if (!g->worst || !(row->used_max <= g->worst->used_max)) g->worst = row;
  if (!g->largest || row->bytes > g->largest->bytes) g->largest = row;
}

static Group *groups_of(Arena *arena, const ReportData *d, int *count) {
  Group *group = ARENA_NEW(arena, Group, d->micros);
  *count = 0;
  for (size_t i = 0; i < d->micros; i++) {
    int at = 0;
    while (at < *count && !same_group(group[at].any, &d->micro[i])) at++;
    if (at == *count) group[(*count)++] = (Group){.any = &d->micro[i], .captured_ulp_max = NAN};
    take(&group[at], &d->micro[i]);
  }
  return group;
}

static bool first_of_operator(const Group *group, int at) {
  for (int i = 0; i < at; i++)
    if (!strcmp(group[i].any->operator_name, group[at].any->operator_name)) return false;
  return true;
}

/* --- what is a bug ---------------------------------------------------------------------------- */

static int64_t count_over(const ReportData *d, const MicroRow **first) {
  int64_t over = 0;
  *first = NULL;
  for (size_t i = 0; i < d->micros; i++) {
    if (d->micro[i].over_bound > 0 && !*first) *first = &d->micro[i];
    over += d->micro[i].over_bound;
  }
  for (size_t i = 0; i < d->state_drifts; i++) over += d->state_drift[i].over_bound;
  return over;
}

const char *micro_broken(Arena *arena, const ReportData *d) {
  const MicroRow *first;
  int64_t over = count_over(d, &first);
  if (!over) return NULL;
  const char *where =
      first ? arena_printf(arena,
                           say(d->language, "%s %s, input %s, shape %s, output %s, element %lld"),
                           first->operator_name, first->setting, first->input, first->shape,
                           first->output, (long long)first->used_index)
            : say(d->language, "the state of the scan");
  return arena_printf(arena,
                      say(d->language, "%lld values lie beyond what their float32 arithmetic may "
                                       "err, which is a bug: first in %s"),
                      (long long)over, where);
}

/* --- for the terminal ------------------------------------------------------------------------- */

static const char *cell_short(Arena *arena, double x) {
  return isnan(x) ? "-" : isinf(x) ? md_short(arena, x) : arena_printf(arena, "%.3g", x);
}

static const char *summary_line(Arena *arena, const Group *g) {
  return arena_printf(
      arena, "  %-32s %-12s %5d %10lld %9s %9s %9s %9.4f%% %8.3f %5lld %10.1f %7.2f %7.1f\n",
      g->any->setting, g->any->output, g->runs, (long long)g->n,
      cell_short(arena, g->captured_ulp_max), cell_short(arena, g->ulp_max),
      cell_short(arena, g->ulp_sum / (double)g->n), 100 * g->misrounded / (double)g->n,
      g->worst->used_max, (long long)g->over, g->largest->time_us, g->largest->gb_s,
      g->largest->copy_ratio);
}

static const char *summary_title(Language l, Arena *arena, const char *op) {
  return arena_printf(arena,
                      say(l, "%s alone, against float64 on the same inputs; ULP: largest on "
                             "captured inputs, largest and "
                             "mean on all"),
                      op);
}

/* Over the columns of summary_line: two to the left, then to the right. */
static const char *summary_heading(Language l, Arena *arena) {
  static const struct {
    int width;
    const char *word;
  } heading[] = {{-32, WORD("setting")}, {-12, WORD("output")},    {5, WORD("runs")},
                 {10, WORD("values")},   {9, WORD("captured")},    {9, WORD("max ULP")},
                 {9, WORD("mean ULP")},  {10, WORD("misrounded")}, {8, WORD("of bound")},
                 {5, WORD("over")},      {10, WORD("us")},         {7, WORD("GB/s")},
                 {7, WORD("x copy")}};
  const char *text = " ";
  for (size_t i = 0; i < sizeof heading / sizeof *heading; i++) {
    const char *word = say(l, heading[i].word);
    const int width = abs(heading[i].width), space = width - columns_of(word);
    text = heading[i].width < 0
               ? arena_printf(arena, "%s %s", text, md_padded(arena, word, width))
               : arena_printf(arena, "%s %*s%s", text, space > 0 ? space : 0, "", word);
  }
  return text;
}

const char *micro_summary(Arena *arena, const ReportData *d) {
  int count;
  const Group *group = groups_of(arena, d, &count);
  const char *text = "";
  for (int i = 0; i < count; i++) {
    const char *op = group[i].any->operator_name;
    if (!first_of_operator(group, i)) continue;
    text = arena_printf(arena, "%s%s\n%s\n", text, summary_title(d->language, arena, op),
                        summary_heading(d->language, arena));
    for (int g = i; g < count; g++)
      if (!strcmp(group[g].any->operator_name, op))
        text = arena_printf(arena, "%s%s", text, summary_line(arena, &group[g]));
  }
  return text;
}

/* --- the report's tables ---------------------------------------------------------------------- */

static const char *modes_cell(Arena *arena, const MicroRow *row) {
  return md_text(arena, row->modes);
}

static void write_errors(Language l, FILE *out, const Group *group, int count, const char *op,
                         Arena scratch) {
  static const char *const heading[] =
      WORDS("setting", "output", "modes", "runs", "values", "largest error, ULP", "mean, ULP",
            "not correctly rounded", "largest relative L2", "bound used", "beyond it");
  Grid grid = grid_new(&scratch, "lllrrrrrrrr");
  grid_head(l, &grid, heading);
  for (int i = 0; i < count; i++) {
    const Group *g = &group[i];
    if (strcmp(g->any->operator_name, op)) continue;
    grid_add(&grid, md_code(&scratch, g->any->setting));
    grid_add(&grid, md_code(&scratch, g->any->output));
    grid_add(&grid, modes_cell(&scratch, g->any));
    grid_add(&grid, arena_printf(&scratch, "%d", g->runs));
    grid_add(&grid, arena_printf(&scratch, "%lld", (long long)g->n));
    grid_add(&grid, md_factor(&scratch, g->ulp_max));
    grid_add(&grid, md_factor(&scratch, g->ulp_sum / (double)g->n));
    grid_add(&grid, md_percent(&scratch, g->misrounded / (double)g->n));
    grid_add(&grid, md_short(&scratch, g->rel_l2));
    grid_add(&grid, md_percent(&scratch, g->worst->used_max));
    grid_add(&grid, arena_printf(&scratch, "%lld", (long long)g->over));
  }
  grid_write(&grid, out);
}

/* The last output of each setting (scan: gated), input by input. */
static void write_inputs(FILE *out, const ReportData *d, const Group *group, int count,
                         const char *op, Arena scratch) {
  const Group **last = ARENA_NEW(&scratch, const Group *, count);
  char *align = arena_printf(&scratch, "l");
  int settings = 0;
  for (int i = 0; i < count; i++) {
    const MicroRow *row = group[i].any;
    if (strcmp(row->operator_name, op) || !strcmp(row->output, "ssm_state")) continue;
    bool same = settings && !strcmp(last[settings - 1]->any->setting, row->setting) &&
                strcmp(op, "linear") != 0;
    if (!same) align = arena_printf(&scratch, "%sr", align);
    last[same ? settings - 1 : settings++] = &group[i];
  }
  Grid grid = grid_new(&scratch, align);
  grid_add(&grid, say(d->language, "input"));
  for (int s = 0; s < settings; s++)
    grid_add(&grid, arena_printf(&scratch, "%s %s", md_code(&scratch, last[s]->any->setting),
                                 md_code(&scratch, last[s]->any->output)));
  for (size_t i = 0; i < d->micros; i++) {
    const MicroRow *row = &d->micro[i];
    bool met = strcmp(row->operator_name, op) != 0;
    for (size_t j = 0; j < i; j++)
      met =
          met || (!strcmp(d->micro[j].operator_name, op) && !strcmp(d->micro[j].input, row->input));
    if (met) continue;
    grid_add(&grid, md_text(&scratch, row->input));
    for (int s = 0; s < settings; s++) {
      Group own = {0};
      for (size_t r = 0; r < d->micros; r++)
        if (same_group(&d->micro[r], last[s]->any) && !strcmp(d->micro[r].input, row->input))
          take(&own, &d->micro[r]);
      grid_add(&grid, own.runs
                          ? arena_printf(&scratch, "%s, %s, %s", md_factor(&scratch, own.ulp_max),
                                         md_factor(&scratch, own.ulp_sum / (double)own.n),
                                         md_percent(&scratch, own.worst->used_max))
                          : "—");
    }
  }
  fputs(say(d->language, "Input by input, over all shapes: largest error and mean error in ULP, "
                         "and the share of the bound that is "
                         "used:\n\n"),
        out);
  grid_write(&grid, out);
}

static void write_times(Language l, FILE *out, const Group *group, int count, const char *op,
                        Arena scratch) {
  static const char *const heading[] =
      WORDS("setting", "shape", "median, µs", "spread, µs", "runs", "GB/s", "times a copy");
  Grid grid = grid_new(&scratch, "llrrrrr");
  grid_head(l, &grid, heading);
  for (int i = 0; i < count; i++) {
    const MicroRow *row = group[i].largest;
    bool met = false;
    for (int j = 0; j < i; j++) met = met || group[j].largest->item == row->item;
    if (strcmp(row->operator_name, op) || met) continue;
    grid_add(&grid, md_code(&scratch, row->setting));
    grid_add(&grid, md_text(&scratch, row->shape));
    grid_add(&grid, md_fixed(&scratch, row->time_us, 1));
    grid_add(&grid, md_fixed(&scratch, row->time_mad_us, 1));
    grid_add(&grid, arena_printf(&scratch, "%lld", (long long)row->runs));
    grid_add(&grid, md_factor(&scratch, row->gb_s));
    grid_add(&grid, md_factor(&scratch, row->copy_ratio));
  }
  fputs(say(l, "Time at the largest shape, beside a plain copy that moves the same bytes (inputs "
               "read once, outputs written "
               "once); the spread is 1.4826 times the median absolute deviation:\n\n"),
        out);
  grid_write(&grid, out);
}

static const MicroWorst *worst_of(const ReportData *d, const MicroRow *row) {
  const MicroWorst *most = NULL;
  for (size_t i = 0; i < d->micro_worsts; i++) {
    const MicroWorst *w = &d->micro_worst[i];
    if (w->item == row->item && !strcmp(w->output, row->output) && (!most || w->used > most->used))
      most = w;
  }
  return most;
}

static void write_worst(FILE *out, const ReportData *d, const Group *group, int count,
                        const char *op, Arena scratch) {
  static const char *const heading[] =
      WORDS("setting", "input", "element", "got", "want", "error", "bound", "used", "made from");
  Grid grid = grid_new(&scratch, "lllrrrrrl");
  grid_head(d->language, &grid, heading);
  for (int i = 0; i < count; i++) {
    const MicroWorst *w =
        strcmp(group[i].any->operator_name, op) ? NULL : worst_of(d, group[i].worst);
    if (!w) continue;
    grid_add(&grid, md_code(&scratch, group[i].any->setting));
    grid_add(&grid, arena_printf(&scratch, "%s %s", md_text(&scratch, group[i].worst->input),
                                 md_text(&scratch, group[i].worst->shape)));
    grid_add(&grid,
             arena_printf(&scratch, "%s [%d, %d]", md_code(&scratch, w->output), w->row, w->col));
    grid_add(&grid, md_exact(&scratch, w->got));
    grid_add(&grid, md_exact(&scratch, w->want));
    grid_add(&grid, md_short(&scratch, w->error));
    grid_add(&grid, md_short(&scratch, w->bound));
    grid_add(&grid, md_percent(&scratch, w->used));
    grid_add(&grid, md_text(&scratch, w->inputs));
  }
  if (grid.count == grid.columns) return;
  fputs(say(d->language, "Of the ten largest errors of the run that uses most of its bound, the "
                         "one that uses most:\n\n"),
        out);
  grid_write(&grid, out);
}

/* --- the charts ------------------------------------------------------------------------------- */

/* Counts of a group's bins whose lower edges are `low`. */
static double count_of(const ReportData *d, const Group *g, const char *kind, double low) {
  double sum = 0;
  for (size_t i = 0; i < d->micro_bins; i++) {
    const MicroBin *bin = &d->micro_bin[i];
    if (bin->low != low || strcmp(bin->kind, kind) || strcmp(bin->output, g->any->output)) continue;
    for (size_t r = 0; r < d->micros; r++) {
      const MicroRow *row = &d->micro[r];
      if (row->item == bin->item && same_group(row, g->any)) sum += (double)bin->count;
    }
  }
  return sum;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Lower edges of all bins of this kind that the operator fills, ascending. */
static int edges_of(const ReportData *d, const char *op, const char *kind, double *edge, int most) {
  int count = 0;
  for (size_t i = 0; i < d->micro_bins; i++) {
    const MicroBin *bin = &d->micro_bin[i];
    if (strcmp(bin->kind, kind)) continue;
    bool mine = false, met = false;
    for (size_t r = 0; r < d->micros && !mine; r++)
      mine = d->micro[r].item == bin->item && !strcmp(d->micro[r].operator_name, op);
    for (int e = 0; e < count; e++) met = met || edge[e] == bin->low;
    if (mine && !met && count < most) edge[count++] = bin->low;
  }
  qsort(edge, (size_t)count, sizeof *edge, compare);
  return count;
}

/* A line for each setting and output; a column for each bin; a bar's height is the logarithm of its
 * share. */
static void write_chart(FILE *out, const ReportData *d, const Group *group, int count,
                        const char *op, const char *kind, const char *words, Arena scratch) {
  enum { EDGES_MAX = 64 };
  static const char *const bar[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  double edge[EDGES_MAX];
  int edges = edges_of(d, op, kind, edge, EDGES_MAX);
  if (edges == 0) return;
  const char *text =
      arena_printf(&scratch, "%s %s", md_padded(&scratch, words, 40), say(d->language, "from"));
  for (int e = 0; e < edges; e++)
    text = arena_printf(&scratch, edge[e] >= 1024 ? "%s 2^%-3.0f" : "%s %5.4g", text,
                        edge[e] >= 1024  ? log2(edge[e])
                        : edge[e] < -100 ? -INFINITY
                                         : edge[e]);
  text = arena_printf(&scratch, "%s\n", text);
  for (int i = 0; i < count; i++) {
    if (strcmp(group[i].any->operator_name, op)) continue;
    double total = 0, part[EDGES_MAX];
    for (int e = 0; e < edges; e++) total += part[e] = count_of(d, &group[i], kind, edge[e]);
    text =
        arena_printf(&scratch, "%s%-32s %-12s", text, group[i].any->setting, group[i].any->output);
    for (int e = 0; e < edges; e++) {
      double share = total > 0 ? part[e] / total : 0;
      int height = share == 0
                       ? 0
                       : (int)fmin(8, fmax(1, 8 + 8 * log10(share) / 6)); /* a step: a factor 5.6 */
      text = arena_printf(&scratch, "%s     %s", text, bar[height]);
    }
    text = arena_printf(&scratch, "%s\n", text);
  }
  md_fence(out, "text", text);
}

/* --- the section ------------------------------------------------------------------------------ */

static void write_answer(FILE *out, const ReportData *d, const Group *group, int count,
                         Arena scratch) {
  const MicroRow *first;
  int64_t over = count_over(d, &first), values = 0;
  const Group *most = group; /* there is one: body.c asks */
  int captured = 0, equal = 0;
  for (int i = 0; i < count; i++) {
    values += group[i].n;
    if (group[i].worst->used_max > most->worst->used_max) most = &group[i];
  }
  for (size_t i = 0; i < d->micros; i++) {
    captured += d->micro[i].as_in_run >= 0;
    equal += d->micro[i].as_in_run == 1;
  }
  if (over)
    fprintf(out, say(d->language, "> **Warning.** %s.\n\n"),
            md_text(&scratch, micro_broken(&scratch, d)));
  else
    fprintf(out,
            say(d->language, "All %lld values lie within the bound that can be proved for their "
                             "float32 arithmetic; most of it is "
                             "used by "
                             "%s %s, output %s, on input %s: %s.\n\n"),
            (long long)values, md_text(&scratch, most->any->operator_name),
            md_code(&scratch, most->any->setting), md_code(&scratch, most->any->output),
            md_text(&scratch, most->worst->input), md_percent(&scratch, most->worst->used_max));
  if (captured)
    fprintf(out,
            say(d->language, "On inputs captured from the model %d of %s equal those of the full "
                             "run in every bit.\n\n"),
            equal, md_count(d->language, &scratch, captured, "output"));
  fputs(say(d->language,
            "An error is the distance from the float64 result on the very same inputs, before any "
            "rounding to the "
            "output's "
            "type; a ULP is the unit of the last place of that type there, of an int8 output its "
            "scale. Every run is in "
            "`tables/micro.csv`, the ten worst elements of each in `tables/micro_worst.csv`.\n\n"),
        out);
}

void section_micro(FILE *out, const ReportData *d, Arena scratch) {
  int count;
  const Group *group = groups_of(&scratch, d, &count);
  write_answer(out, d, group, count, scratch);
  for (int i = 0; i < count; i++) {
    const char *op = group[i].any->operator_name;
    if (!first_of_operator(group, i)) continue;
    fprintf(out, "### %s\n\n", md_text(&scratch, op));
    write_errors(d->language, out, group, count, op, scratch);
    write_inputs(out, d, group, count, op, scratch);
    write_worst(out, d, group, count, op, scratch);
    fputs(say(d->language, "Distribution of the errors, each bar on a logarithmic scale down to "
                           "one in a million; a dot is none:\n\n"),
          out);
    write_chart(out, d, group, count, op, "ulp", "ULP", scratch);
    write_chart(out, d, group, count, op, "log10_rel",
                say(d->language, "log10 of the relative error"), scratch);
    write_times(d->language, out, group, count, op, scratch);
  }
}
