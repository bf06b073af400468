/* plots_budget: what each layer adds to a pair's difference, stacked. A part's bar is its share of
 * the total (a projection, so that the parts add up) times the total, beside block_out of the first
 * side. */
#include <math.h>

#include "report/figures.h"
#include "report/language.h"
#include "report/plots.h"
#include "report/words.h"

void plot_budget(FILE *out, const ReportData *d, const ReportPair *pair,
                 const BudgetLayer *const *row, int layers, Arena scratch) {
  const char *caption = arena_printf(
      &scratch,
      say(d->language,
          "Error budget of %s: what the layer makes, passes on, and what arises between the two."),
      words_pair(d->language, &scratch, pair));
  if (!figure_begin(d->figures, out, figure_name(&scratch, "budget", pair->base, pair->other),
                    caption, "budget_layers", 440))
    return;
  FILE *script = d->figures->script;
  fprintf(script, "$budget << EOD\nlayer %s %s %s %s\n", say(d->language, "local"),
          say(d->language, "inherited"), say(d->language, "interaction"),
          say(d->language, "total"));
  for (int layer = 0; layer < layers; layer++) {
    const BudgetLayer *b = row[layer];
    const double part[] = {b ? b->local_share * b->total : NAN,
                           b ? b->inherited_share * b->total : NAN,
                           b ? b->interaction_share * b->total : NAN, b ? b->total : NAN};
    fprintf(script, "%d", layer);
    for (int i = 0; i < 4; i++) figure_value(d->figures, part[i], false);
    fputc('\n', script);
  }
  fputs("EOD\nset style data histograms\nset style histogram rowstacked\nset style fill solid 0.85 "
        "noborder\nset boxwidth 0.8\n",
        script);
  fprintf(script, "set xlabel %s\nset ylabel %s\nset xrange [-0.7:%d.7]\n",
          figure_text(&scratch, say(d->language, "layer")),
          figure_text(&scratch, say(d->language, "relative L2")), layers - 1);
  fputs("set xtics out\n", script);
  figure_tics(d->figures, 'x', layers);
  fputs("set xzeroaxis lc rgb '#555555'\nplot for [i=2:4] $budget using i title columnheader(i), "
        "$budget using 0:5 with linespoints lt 7 title columnheader(5)\n",
        script);
}
