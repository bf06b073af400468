/* plots_choice: what a mode's accuracy costs in time: KL divergence from float64 against the time
 * of a prefill, a point a mode. */
#include <math.h>
#include <string.h>

#include "report/figures.h"
#include "report/language.h"
#include "report/plots.h"

/* The whole prefill of a mode that was also evaluated, and differs from float64 at all. */
static const Evaluation *point_of(const ReportData *d, const Cost *cost, int length) {
  if (cost->length != length || strcmp(cost->operator_name, "total") != 0) return NULL;
  for (size_t i = 0; i < d->evaluations; i++)
    if (!strcmp(d->evaluation[i].mode, cost->mode) && d->evaluation[i].kl_mean > 0)
      return &d->evaluation[i];
  return NULL;
}

void plot_choice(FILE *out, const ReportData *d, int length, Arena scratch) {
  const char *caption = arena_printf(
      &scratch,
      say(d->language,
          "Accuracy against time: KL divergence from float64 (mean over windows, with its standard "
          "error) and the time of one prefill of %d tokens (median, with its spread), a point a "
          "mode."),
      length);
  if (!figure_begin(d->figures, out, "accuracy_time", caption, "cost", 440)) return;
  FILE *script = d->figures->script;
  int points = 0;
  for (size_t i = 0; i < d->costs; i++) {
    const Cost *cost = &d->cost[i];
    const Evaluation *evaluation = point_of(d, cost, length);
    if (!evaluation) continue;
    fprintf(script, "$mode%d << EOD\n%.9g %.9g", points++, 1e3 * cost->time_s, evaluation->kl_mean);
    fprintf(script, " %.9g %.9g\nEOD\n", 1e3 * cost->mad_s,
            fmin(evaluation->kl_mean_se, 0.99 * evaluation->kl_mean));
  }
  fprintf(script, "set xlabel %s\nset ylabel %s\nset logscale y\n",
          figure_text(&scratch, say(d->language, "time of a prefill, ms")),
          figure_text(&scratch, say(d->language, "KL divergence from float64, bits")));
  fputs("set format y '%.0e'\nset offsets graph 0.08, graph 0.08, graph 0.1, graph 0.1\nplot ",
        script);
  points = 0;
  for (size_t i = 0; i < d->costs; i++) {
    const Cost *cost = &d->cost[i];
    if (!point_of(d, cost, length)) continue;
    fprintf(script, "%s$mode%d using 1:2:3:4 with xyerrorbars lt %d ps 1.2 title %s",
            points ? ", " : "", points, points + 1, figure_text(&scratch, cost->mode));
    points++;
  }
  fputs(points ? "\n" : "NaN notitle\n", script);
}
