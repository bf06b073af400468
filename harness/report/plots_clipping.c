/* plots_clipping: which tensors' errors lie beyond the ends of their grids, and at which layers. */

#include "report/clipping.h"
#include "report/figures.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/words.h"

static const double least = 0.01; /* a line reaches this share somewhere */

static const char *title_of(Arena *arena, const GridTensor *t) {
  const char *title = words_plain(arena, t->name[0]);
  for (int n = 1; n < t->names; n++)
    title = arena_printf(arena, "%s, %s", title, words_plain(arena, t->name[n]));
  return title;
}

static bool is_drawn(const ReportData *d, const GridTensor *t) {
  for (int layer = 0; layer < d->layers; layer++)
    if (clipping_share(t, layer) > least) return true;
  return false;
}

bool plot_clipping(FILE *out, const ReportData *d, const char *mode, const GridTensor *tensor,
                   int tensors, Arena scratch) {
  enum { LINES = 6 };
  const GridTensor *drawn[LINES];
  int count = 0;
  for (int t = 0; t < tensors && count < LINES; t++)
    if (is_drawn(d, &tensor[t])) drawn[count++] = &tensor[t];
  if (count == 0) return false;
  const char *caption = arena_printf(
      &scratch,
      say(d->language, "Share of the squared error of %s that lies beyond the grid's end, by "
                       "layer%s; tensors with more than 1 %% somewhere, at most six."),
      md_text(&scratch, mode),
      d->prompts > 1
          ? say(d->language,
                ", over all prompts (squares relative to each prompt's reference, weighted by "
                "its number of elements)")
          : "");
  if (!figure_begin(d->figures, out, figure_name(&scratch, "clipping", mode, ""), caption,
                    "clipping", 420))
    return false;
  FILE *script = d->figures->script;
  fputs("$clipping << EOD\n", script);
  for (int layer = 0; layer < d->layers; layer++) {
    fprintf(script, "%d", layer);
    for (int t = 0; t < count; t++)
      figure_value(d->figures, 100 * clipping_share(drawn[t], layer), false);
    fputc('\n', script);
  }
  fputs("EOD\n", script);
  fprintf(script, "set xlabel %s\nset ylabel %s\nset xrange [-0.5:%d.5]\nset yrange [0:100]\n",
          figure_text(&scratch, say(d->language, "layer")),
          figure_text(&scratch, say(d->language, "squared error beyond the grid's end, %")),
          d->layers - 1);
  figure_tics(d->figures, 'x', d->layers);
  fputs("set key below horizontal maxcols 2\nplot ", script);
  for (int t = 0; t < count; t++)
    fprintf(script, "%s$clipping using 1:%d with linespoints lt %d title %s", t ? ", " : "", t + 2,
            t + 1, figure_text(&scratch, title_of(&scratch, drawn[t])));
  fputc('\n', script);
  return true;
}
