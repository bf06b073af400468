/* plots_answer: the figures of the first screen: the curves of a few pairs, or all modes against
 * each other. */
#include <math.h>
#include <string.h>

#include "report/figures.h"
#include "report/language.h"
#include "report/markdown.h"
#include "report/plots.h"
#include "report/words.h"

enum { CURVES_MOST = 4 };

double plot_error(const Drift *row) {
  return !row ? NAN : isnan(row->token_median) ? row->rel_l2 : row->token_median;
}

/* The first pairs that differ anywhere. */
static int curves_of(const ReportData *d, const ReportPair *drawn[CURVES_MOST]) {
  int count = 0;
  for (int p = 0; p < d->pairs && count < CURVES_MOST; p++)
    for (int layer = 0; layer < d->layers; layer++)
      if (words_size(d, &d->pair[p], data_role(d, ROLE_BLOCK_OUT), layer).rel_l2 > 0) {
        drawn[count++] = &d->pair[p];
        break;
      }
  return count;
}

static void write_curve(const ReportData *d, const ReportPair *pair, int number) {
  FILE *script = d->figures->script;
  fprintf(script, "$pair%d << EOD\n", number);
  for (int layer = 0; layer < d->layers; layer++) {
    const Drift *row = data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), layer);
    fprintf(script, "%d", layer);
    figure_value(d->figures, plot_error(row), true);
    figure_value(d->figures, row ? row->token_median_low : NAN, true);
    figure_value(d->figures, row ? row->token_median_high : NAN, true);
    figure_value(d->figures, row ? row->rel_l2 : NAN, true);
    fputc('\n', script);
  }
  fputs("EOD\n", script);
}

static bool has_band(const ReportData *d, const ReportPair *pair) {
  for (int layer = 0; layer < d->layers; layer++) {
    const Drift *row = data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), layer);
    if (row && row->token_median_low > 0) return true;
  }
  return false;
}

void plot_answer(FILE *out, const ReportData *d, Arena scratch) {
  const ReportPair *drawn[CURVES_MOST];
  int count = curves_of(d, drawn);
  bool tokens = false, band = false;
  for (size_t i = 0; i < d->drifts; i++) tokens |= !isnan(d->drift[i].token_median);
  for (int i = 0; i < count; i++) band |= has_band(d, drawn[i]);
  const char *caption = !tokens ? say(d->language, "Relative L2 of `block_out` over the layers.")
                        : band
                            ? say(d->language, "Error of the median token of `block_out` over the "
                                               "layers, with its 95 % band over prompts; thin and "
                                               "dashed: relative L2 of all tokens together.")
                            : say(d->language, "Error of the median token of `block_out` over the "
                                               "layers; thin and dashed: relative L2 of all "
                                               "tokens together.");
  if (!count || !figure_begin(d->figures, out, "answer", caption, "drift", 400)) return;
  FILE *script = d->figures->script;
  for (int i = 0; i < count; i++) write_curve(d, drawn[i], i);
  plot_layer_axes(script, d, say(d->language, "relative error"), scratch);
  fputs("set key above left horizontal maxcols 2 Left reverse\nplot ", script);
  for (int i = 0; i < count; i++)
    if (has_band(d, drawn[i]))
      fprintf(
          script,
          "$pair%d using 1:3:4 with filledcurves lt %d fs transparent solid 0.2 noborder notitle, ",
          i, i + 1);
  for (int i = 0; tokens && i < count; i++)
    fprintf(script, "$pair%d using 1:5 with lines lt %d lw 1.2 dt 2 notitle, ", i, i + 1);
  for (int i = 0; i < count; i++)
    fprintf(script, "$pair%d using 1:2 with linespoints lt %d notitle, ", i, i + 1);
  for (int i = 0; i < count; i++) { /* also of a curve that is 0 everywhere, which is not drawn */
    const char *name =
        arena_printf(&scratch, say(d->language, "%s against %s"), drawn[i]->base, drawn[i]->other);
    fprintf(script, "%skeyentry with linespoints lt %d title %s", i ? ", " : "", i + 1,
            figure_text(&scratch, name));
  }
  fputc('\n', script);
}

/* --- all modes against each other ------------------------------------------------------------- */

enum { NAMES_MOST = 24 };

static int name_at(const char *name, const char **names, int *count) {
  for (int i = 0; i < *count; i++)
    if (!strcmp(names[i], name)) return i;
  if (*count == NAMES_MOST) return -1;
  names[*count] = name;
  return (*count)++;
}

static int names_of(const ReportData *d, const char **names) {
  int count = 0;
  for (int a = 0; a < d->againsts; a++) name_at(d->against[a].base, names, &count);
  for (int p = 0; p < d->pairs; p++)
    name_at(d->pair[p].base, names, &count), name_at(d->pair[p].other, names, &count);
  for (int a = 0; a < d->againsts; a++) name_at(d->against[a].other, names, &count);
  return count;
}

/* A dark cell has white figures; identical ones have no colour. */
static void write_cell(const ReportData *d, const ReportPair *pair, int row, int column,
                       double least, double most, Arena scratch) {
  const Drift *drift = data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), d->layers - 1);
  double value = plot_error(drift);
  FILE *script = d->figures->script;
  if (row < 0 || column < 0 || !drift) return;
  const char *label = drift->identical ? "=" : md_error(&scratch, value);
  bool dark = value > 0 && most > least && log(value / least) > 0.45 * log(most / least);
  fprintf(script, "%d %d", column, row);
  figure_value(d->figures, drift->identical || !(value > 0) ? NAN : log10(value), false);
  fprintf(script, " \"%s\" %s\n", label, dark ? "0xffffff" : "0x000000");
}

void plot_matrix(FILE *out, const ReportData *d, Arena scratch) {
  const char *names[NAMES_MOST];
  int count = names_of(d, names);
  double least = INFINITY, most = 0;
  for (int i = 0; i < d->pairs + d->againsts; i++) {
    const ReportPair *pair = i < d->pairs ? &d->pair[i] : &d->against[i - d->pairs];
    double value = plot_error(data_drift(d, pair, data_role(d, ROLE_BLOCK_OUT), d->layers - 1));
    if (value > 0) least = fmin(least, value), most = fmax(most, value);
  }
  const char *caption = say(
      d->language,
      "Every two modes that were compared: error of the median token of the last `block_out`, "
      "relative to the mode of the row. =: identical in every bit; 0: in some prompt half of the "
      "tokens or more are equal.");
  least = fmax(least, most / 300); /* below, all are as light */
  if (!(most > 0) || !figure_begin(d->figures, out, "matrix", caption, "drift", 150 + 35 * count))
    return;
  FILE *script = d->figures->script;
  fputs("$cells << EOD\n", script);
  for (int i = 0; i < d->pairs + (d->pair == d->against ? 0 : d->againsts); i++) {
    const ReportPair *pair = i < d->pairs ? &d->pair[i] : &d->against[i - d->pairs];
    write_cell(d, pair, name_at(pair->base, names, &count), name_at(pair->other, names, &count),
               least, most, scratch);
  }
  fputs("EOD\nset xtics (", script);
  for (int i = 0; i < count; i++)
    fprintf(script, "%s%s %d", i ? ", " : "", figure_text(&scratch, names[i]), i);
  fputs(")\nset ytics (", script);
  for (int i = 0; i < count; i++)
    fprintf(script, "%s%s %d", i ? ", " : "", figure_text(&scratch, names[i]), i);
  fprintf(script,
          ")\nset xrange [-0.5:%d.5]\nset yrange [%d.5:-0.5]\nset cbrange [%.3f:%.3f]\nset cblabel "
          "%s\n",
          count - 1, count - 1, log10(least), log10(most),
          figure_text(&scratch, say(d->language, "log10 of the relative error")));
  fputs(
      "unset grid\nunset key\nset style fill solid noborder\n"
      "plot $cells using 1:2:($1-0.48):($1+0.48):($2-0.48):($2+0.48):3 with boxxyerror lc palette, "
      "$cells using 1:2:4:5 with labels tc rgb variable font ',11'\n",
      script);
}
