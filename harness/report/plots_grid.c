/* plots_grid: what every point of a grid comes to, over the alphas. */
#include <gsl/gsl_sort.h>
#include <math.h>
#include <string.h>

#include "report/figures.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/words.h"

enum { MARKS_MOST = 64, LINES_MOST = 12 };

/* What a figure is drawn of. */
typedef struct Axes {
  bool by_length;          /* there is one alpha alone */
  bool kl;                 /* else the error */
  double mark[MARKS_MOST]; /* rising: alphas, or lengths */
  int marks;
} Axes;

static double mark_of(const Axes *a, const GridPoint *row) {
  return a->by_length ? (double)row->length : row->alpha;
}

static void find_marks(const ReportData *d, Axes *a) {
  a->marks = 0;
  for (size_t i = 0; i < d->grids; i++) {
    const double mark = mark_of(a, &d->grid[i]);
    bool known = isnan(mark) || a->marks == MARKS_MOST;
    for (int m = 0; m < a->marks; m++) known |= a->mark[m] == mark;
    if (!known) a->mark[a->marks++] = mark;
  }
  gsl_sort(a->mark, 1, (size_t)a->marks);
}

static Axes axes_of(const ReportData *d) {
  Axes a = {0};
  for (size_t i = 0; i < d->grids; i++) a.kl |= d->grid[i].kl > 0;
  find_marks(d, &a);
  if (a.marks > 1) return a;
  a.by_length = true;
  find_marks(d, &a);
  return a;
}

/* Of one line: the same mode, and over alphas the same length. */
static bool is_line_of(const Axes *a, const GridPoint *row, const GridPoint *line) {
  return !strcmp(row->mode, line->mode) && (a->by_length || row->length == line->length);
}

static void write_line(const ReportData *d, const Axes *a, const GridPoint *line, int number) {
  FILE *script = d->figures->script;
  fprintf(script, "$grid%d << EOD\n", number);
  for (int m = 0; m < a->marks; m++)
    for (size_t i = 0; i < d->grids; i++) {
      const GridPoint *row = &d->grid[i];
      if (!is_line_of(a, row, line) || mark_of(a, row) != a->mark[m]) continue;
      fprintf(script, "%d", m);
      figure_value(d->figures, a->kl ? row->kl : row->block_out, true);
      figure_value(d->figures, a->kl ? row->kl_low : row->block_out_low, true);
      figure_value(d->figures, a->kl ? row->kl_high : row->block_out_high, true);
      fputc('\n', script);
      break;
    }
  fputs("EOD\n", script);
}

/* What no alpha changes is no course over alphas. */
static bool is_flat(const ReportData *d, const Axes *a, const GridPoint *line) {
  for (size_t i = 0; i < d->grids; i++)
    if (is_line_of(a, &d->grid[i], line) && d->grid[i].as_alpha != line->as_alpha) return false;
  return !a->by_length;
}

static int find_lines(const ReportData *d, const Axes *a, const GridPoint *line[LINES_MOST]) {
  int lines = 0;
  for (size_t i = 0; i < d->grids && lines < LINES_MOST; i++) {
    bool known = false;
    for (int n = 0; n < lines; n++) known |= is_line_of(a, &d->grid[i], line[n]);
    if (!known && !is_flat(d, a, &d->grid[i])) line[lines++] = &d->grid[i];
  }
  return lines;
}

static const char *line_title(Arena *arena, const ReportData *d, const Axes *a,
                              const GridPoint *line) {
  const char *mode = words_plain(arena, line->mode);
  if (a->by_length) return mode;
  return arena_printf(arena, say(d->language, "%s, %s"), mode,
                      line->length ? md_count(d->language, arena, line->length, "token")
                                   : say(d->language, "whole prompts"));
}

static void write_marks(const ReportData *d, const Axes *a) {
  FILE *script = d->figures->script;
  fputs("set xtics (", script);
  for (int m = 0; m < a->marks; m++) fprintf(script, "%s'%.15g' %d", m ? ", " : "", a->mark[m], m);
  fprintf(script, ")\nset xrange [-0.3:%d.3]\nset logscale y\nset format y '%%.0e'\n",
          a->marks - 1);
}

void plot_grid(FILE *out, const ReportData *d, Arena scratch) {
  const Language l = d->language;
  const Axes a = axes_of(d);
  const GridPoint *line[LINES_MOST];
  const int lines = a.marks < 2 ? 0 : find_lines(d, &a, line);
  if (!lines) return;
  const char *what = a.kl ? say(l, "KL divergence from float64, bits")
                          : say(l, "relative L2 of the last block_out"),
             *over = a.by_length ? say(l, "tokens of every prompt") : say(l, "alpha"),
             *caption = arena_printf(&scratch,
                                     say(l, "%s, over: %s; with the 95 %% interval over prompts. "
                                            "At most twelve lines."),
                                     what, over);
  if (!figure_begin(d->figures, out, "grid", caption, "grid", 420)) return;
  FILE *script = d->figures->script;
  for (int n = 0; n < lines; n++) write_line(d, &a, line[n], n);
  write_marks(d, &a);
  fprintf(script, "set xlabel %s\nset ylabel %s\nset key below horizontal maxcols 3\nplot ",
          figure_text(&scratch, over), figure_text(&scratch, what));
  for (int n = 0; n < lines; n++)
    fprintf(script,
            "%s$grid%d using 1:2:3:4 with yerrorbars lt %d ps 0 notitle, $grid%d using 1:2 with "
            "linespoints lt %d title %s",
            n ? ", " : "", n, n + 1, n, n + 1,
            figure_text(&scratch, line_title(&scratch, d, &a, line[n])));
  fputc('\n', script);
}
