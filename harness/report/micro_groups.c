/* micro_groups: the groups, what of them is a bug, and what the terminal says of them. */
#include "report/micro_groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/sections.h"

bool micro_same_group(const MicroRow *a, const MicroRow *b) {
  return !strcmp(a->operator_name, b->operator_name) && !strcmp(a->setting, b->setting) &&
         !strcmp(a->output, b->output);
}

void micro_group_add(MicroGroup *g, const MicroRow *row) {
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

MicroGroup *micro_groups(Arena *arena, const ReportData *d, int *count) {
  MicroGroup *group = ARENA_NEW(arena, MicroGroup, d->micros);
  *count = 0;
  for (size_t i = 0; i < d->micros; i++) {
    int at = 0;
    while (at < *count && !micro_same_group(group[at].any, &d->micro[i])) at++;
    if (at == *count)
      group[(*count)++] = (MicroGroup){.any = &d->micro[i], .captured_ulp_max = NAN};
    micro_group_add(&group[at], &d->micro[i]);
  }
  return group;
}

bool micro_first_of_operator(const MicroGroup *group, int at) {
  for (int i = 0; i < at; i++)
    if (!strcmp(group[i].any->operator_name, group[at].any->operator_name)) return false;
  return true;
}

/* --- what is a bug ---------------------------------------------------------------------------- */

int64_t micro_over(const ReportData *d, const MicroRow **first) {
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
  int64_t over = micro_over(d, &first);
  if (!over) return NULL;
  const char *where =
      first ? arena_printf(arena,
                           say(d->language, "%s %s, input %s, shape %s, output %s, element %lld"),
                           first->operator_name, first->setting, first->input, first->shape,
                           first->output, (long long)first->used_index)
            : say(d->language, "the state of the scan");
  return arena_printf(
      arena,
      say(d->language, over == 1 ? "%lld value lies beyond what its float32 arithmetic may err, "
                                   "which is a bug: in %s"
                                 : "%lld values lie beyond what their float32 arithmetic may "
                                   "err, which is a bug: first in %s"),
      (long long)over, where);
}

/* --- for the terminal ------------------------------------------------------------------------- */

static const char *cell_short(Arena *arena, double x) {
  return isnan(x) ? "-" : isinf(x) ? md_short(arena, x) : arena_printf(arena, "%.3g", x);
}

static const char *summary_line(Arena *arena, const MicroGroup *g) {
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
                             "captured inputs, largest and mean on all"),
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
  const MicroGroup *group = micro_groups(arena, d, &count);
  const char *text = "";
  for (int i = 0; i < count; i++) {
    const char *op = group[i].any->operator_name;
    if (!micro_first_of_operator(group, i)) continue;
    text = arena_printf(arena, "%s%s\n%s\n", text, summary_title(d->language, arena, op),
                        summary_heading(d->language, arena));
    for (int g = i; g < count; g++)
      if (!strcmp(group[g].any->operator_name, op))
        text = arena_printf(arena, "%s%s", text, summary_line(arena, &group[g]));
  }
  return text;
}
