#include "report/plots.h"

#include <math.h>

#include "report/figures.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/words.h"

static double rel_l2(const Drift *row) { return row ? row->rel_l2 : NAN; }

/* A logarithmic axis of relative errors over all that the figure has so far, marked at 1, 2 and 5
 * of every decade, of one alone more finely, of many at 1. A mark's label is a format, in which a
 * percent sign is doubled. */
static void write_error_axis(const ReportData *d, Arena scratch) {
  static const double one[] = {1, 1.5, 2, 3, 4, 5, 7}, some[] = {1, 2, 5};
  FILE *script = d->figures->script;
  double least, most;
  if (!figure_range(d->figures, &least, &most)) return;
  const double low = least / 1.2, high = most * 1.2, *of_decade = high / low > 10 ? some : one;
  const int marks = high / low > 300 ? 1 : high / low > 10 ? 3 : 7;
  const char *before = "";
  fprintf(script, "set yrange [%.6g:%.6g]\nset ytics (", low, high);
  for (int decade = (int)floor(log10(low)); decade <= (int)ceil(log10(high)); decade++)
    for (int m = 0; m < marks; m++) {
      double at = of_decade[m] * pow(10, decade);
      if (at < low || at > high) continue;
      const char *label = at < 0.99e-5 ? arena_printf(&scratch, "%.2g", at)
                                       : arena_printf(&scratch, "%.3g %%%%", 100 * at);
      fprintf(script, "%s%s %.6g", before, figure_text(&scratch, label), at);
      before = ", ";
    }
  fputs(")\n", script);
}

/* The axes of every figure over layers, behind its data. */
void plot_layer_axes(FILE *script, const ReportData *d, const char *ylabel, Arena scratch) {
  fprintf(script, "set xlabel %s\nset ylabel %s\nset logscale y\nset xrange [-0.5:%d.5]\n",
          figure_text(&scratch, say(d->language, "layer")), figure_text(&scratch, ylabel),
          d->layers - 1);
  figure_tics(d->figures, 'x', d->layers);
  write_error_axis(d, scratch);
}

void plot_drift(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  bool any = false;
  for (int layer = 0; layer < d->layers; layer++)
    for (int f = 0; f < d->followeds; f++)
      any |= rel_l2(data_drift(d, pair, d->followed[f], layer)) > 0;
  const char *caption = arena_printf(
      &scratch, say(d->language, "Drift of %s over the layers: relative L2 of %s%s."),
      words_pair(d->language, &scratch, pair),
      md_count(d->language, &scratch, d->followeds, "tensor"),
      d->prompts > 1 ? say(d->language, ", with the range of `block_out` over the prompts") : "");
  if (!any ||
      !figure_begin(d->figures, out, figure_name(&scratch, "drift", pair->base, pair->other),
                    caption, "drift", 420))
    return;
  FILE *script = d->figures->script;
  fputs("$drift << EOD\nlayer", script);
  for (int f = 0; f < d->followeds; f++) fprintf(script, " %s", d->followed[f]);
  fputs(" low high\n", script);
  for (int layer = 0; layer < d->layers; layer++) {
    fprintf(script, "%d", layer);
    for (int f = 0; f < d->followeds; f++)
      figure_value(d->figures, rel_l2(data_drift(d, pair, d->followed[f], layer)), true);
    const Drift *row = data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), layer);
    figure_value(d->figures, row ? row->rel_l2_min : NAN, true);
    figure_value(d->figures, row ? row->rel_l2_max : NAN, true);
    fputc('\n', script);
  }
  fputs("EOD\n", script);
  plot_layer_axes(script, d, say(d->language, "relative L2"), scratch);
  fputs("plot ", script);
  if (d->prompts > 1)
    fprintf(script,
            "$drift using 1:%d:%d every ::1 with filledcurves fc rgb '#0072B2' fs transparent "
            "solid 0.18 noborder notitle, ",
            d->followeds + 2, d->followeds + 3);
  fprintf(script, "for [i=2:%d] $drift using 1:i with linespoints lt i-1 title columnheader(i)\n",
          d->followeds + 1);
}

void plot_heat(FILE *out, const ReportData *d, const ReportPair *pair, Arena scratch) {
  const Tensors *t = &d->traced;
  bool any = false;
  for (int layer = 0; layer < d->layers; layer++)
    for (int id = 0; id < t->layer; id++)
      any |= rel_l2(data_drift(d, pair, t->info[id].name, layer)) > 0;
  const char *caption = arena_printf(
      &scratch,
      say(d->language,
          "Where %s and %s differ: log10 of the relative L2 by layer and tensor; white: "
          "identical in every bit, or not made by both."),
      md_text(&scratch, pair->base), md_text(&scratch, pair->other));
  if (!any || !figure_begin(d->figures, out, figure_name(&scratch, "heat", pair->base, pair->other),
                            caption, "drift", 470))
    return;
  FILE *script = d->figures->script;
  fputs("$heat << EOD\n", script);
  int drawn[TENSORS_MOST], count = 0;
  for (int id = 0; id < t->layer; id++)
    if (!t->info[id].modes_only) drawn[count++] = id;
  for (int k = 0; k < count; k++)
    for (int layer = 0; layer < d->layers; layer++) {
      double value = rel_l2(data_drift(d, pair, t->info[drawn[k]].name, layer));
      if (value > 0) fprintf(script, "%d %d %.9g\n", layer, k, log10(value));
    }
  fputs("EOD\nset ytics (", script);
  for (int k = 0; k < count; k++)
    fprintf(script, "%s'%s' %d", k ? ", " : "", t->info[drawn[k]].name, k);
  fprintf(script, ")\nset xlabel %s\nset xrange [-0.5:%d.5]\nset yrange [%d.5:-0.5]\n",
          figure_text(&scratch, say(d->language, "layer")), d->layers - 1, count - 1);
  figure_tics(d->figures, 'x', d->layers);
  fprintf(script, "set cblabel %s\n", figure_text(&scratch, say(d->language, "log10 relative L2")));
  fputs("unset grid\nunset key\nset style fill solid noborder\n"
        "plot $heat using 1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5):3 with boxxyerror lc palette\n",
        script);
}

void plot_reference(FILE *out, const ReportData *d, Arena scratch) {
  bool any = false;
  for (int layer = 0; layer < d->layers; layer++)
    for (int a = 0; a < d->againsts; a++)
      any |= plot_error(data_drift(d, &d->against[a], data_role(d, ROLE_BLOCK_OUT), layer)) > 0;
  if (!any ||
      !figure_begin(
          d->figures, out, "reference",
          say(d->language,
              "Error of each mode against the float64 reference: that of the median token of "
              "`block_out` over the layers."),
          "drift", 440))
    return;
  FILE *script = d->figures->script;
  fputs("$reference << EOD\n", script);
  for (int layer = 0; layer < d->layers; layer++) {
    fprintf(script, "%d", layer);
    for (int a = 0; a < d->againsts; a++)
      figure_value(d->figures,
                   plot_error(data_drift(d, &d->against[a], data_role(d, ROLE_BLOCK_OUT), layer)),
                   true);
    fputc('\n', script);
  }
  fputs("EOD\n", script);
  plot_layer_axes(script, d, say(d->language, "relative error against float64"), scratch);
  fputs("plot ", script);
  for (int a = 0; a < d->againsts; a++)
    fprintf(script, "%s$reference using 1:%d with linespoints lt %d title %s", a ? ", " : "", a + 2,
            a + 1, figure_text(&scratch, d->against[a].other));
  fputc('\n', script);
}

enum { STATES_MOST = 8 };

/* The runs that are drawn: those of the most tokens that have an error at all, so that growth
 * shows. */
static int drawn_runs(const ReportData *d, const StateDrift *drawn[STATES_MOST]) {
  int count = 0;
  for (size_t i = 0; i < d->state_drifts && count < STATES_MOST; i++) {
    const StateDrift *s = &d->state_drift[i];
    bool longest = s->rms_last > 0;
    for (size_t j = 0; j < d->state_drifts; j++)
      longest = longest && d->state_drift[j].tokens <= s->tokens;
    if (longest) drawn[count++] = s;
  }
  return count;
}

/* By its number where the file does not tell more. */
static const char *run_title(const ReportData *d, int item, Arena *arena) {
  for (size_t i = 0; i < d->micros; i++)
    if (d->micro[i].item == item)
      return arena_printf(arena, "%s, %s", d->micro[i].setting, d->micro[i].input);
  return arena_printf(arena, "%d", item);
}

void plot_state(FILE *out, const ReportData *d, Arena scratch) {
  const StateDrift *drawn[STATES_MOST];
  int count = drawn_runs(d, drawn);
  if (count == 0 ||
      !figure_begin(
          d->figures, out, "state_error",
          say(d->language, "RMS error of the scan's state after each token, longest runs."),
          "state_error", 560))
    return;
  FILE *script = d->figures->script;
  for (int i = 0; i < count; i++) {
    fprintf(script, "$state%d << EOD\n", i);
    for (size_t r = 0; r < d->state_errors; r++) {
      if (d->state_error[r].item != drawn[i]->item) continue;
      fprintf(script, "%d", d->state_error[r].token);
      figure_value(d->figures, d->state_error[r].rms, true);
      fputc('\n', script);
    }
    fputs("EOD\n", script);
  }
  fprintf(script,
          "set xlabel %s\nset ylabel %s\nset logscale xy\nset format y '%%.0e'\nset key below "
          "horizontal maxcols 2\nplot ",
          figure_text(&scratch, say(d->language, "token")),
          figure_text(&scratch, say(d->language, "RMS error of the state")));
  for (int i = 0; i < count; i++) {
    fprintf(script, "%s$state%d using 1:2 with lines lt %d title %s", i ? ", " : "", i, i + 1,
            figure_text(&scratch, run_title(d, drawn[i]->item, &scratch)));
  }
  fputc('\n', script);
}
