/* figures: the plots of a report. Sections begin a figure and write gnuplot commands and data; one
 * gnuplot process draws them all into plots/NAME.svg, from plots/figures.gp, which stays there so
 * that a figure can be made again by hand; where it fails, each figure has a process of its own.
 * Where gnuplot is absent nothing is drawn or referred to. Strings from outside go into the script
 * through figure_text alone: single quotes, doubled inside, no control characters, and the terminal
 * has enhanced text off, so nothing in them is a command (gnuplot runs backticks in double quotes,
 * and @macros). */
#ifndef DS_REPORT_FIGURES_H
#define DS_REPORT_FIGURES_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"
#include "report/language.h"

enum { FIGURE_NAME = 160, FIGURE_BYTES_MAX = 16 << 20 };

typedef struct Figure {
  char name[FIGURE_NAME]; /* without its ending */
  size_t from;            /* its part of the script, up to the next one's */
  int values;             /* numbers that can be drawn */
  double least, most;     /* of those for a logarithmic axis */
  bool empty;             /* some could not be */
  const char *fault;
} Figure;

typedef struct Figures {
  const char *folder; /* of the svg files and the script */
  FILE *script;       /* NULL: gnuplot is absent */
  char *text;
  size_t size;
  Figure *figure;
  int count;
} Figures;

/* Where figures lie: the script of all, that of one that is drawn again alone, how both begin, and
 * where a script says a figure's file. */
#define FIGURES_SCRIPT "figures.gp"
#define FIGURE_SCRIPT "figure.gp"
#define FIGURE_SCRIPT_BEGIN "\nreset session\n"
#define FIGURE_OUTPUT "set output '%s'"
/* Stands before the end of every figure that was drawn whole. */
#define FIGURE_MARK "<!-- a figure of driftscope -->"
/* Whether a figure may get a file of this name. */
bool figure_is_name(const char *file);

/* `folder` need not be there yet. */
bool figures_open(Figures *figures, const char *folder, Status *st);
/* Refers to plots/NAME.svg in the report and starts its part of the script; false, with nothing
 * written, where there are no figures, or no figure gets this name. `caption` is ready Markdown,
 * `table` the CSV that holds the data (the image's title); the figure is 900 wide and `height`
 * high. */
bool figure_begin(Figures *figures, FILE *out, const char *name, const char *caption,
                  const char *table, int height);
/* A gnuplot string of this text, with its quotes. In the arena. */
const char *figure_text(Arena *arena, const char *text);
/* A number of a data block: NaN and, for a logarithmic axis, what is not above 0 become the missing
 * value. */
void figure_value(const Figures *figures, double value, bool logarithmic);
/* The least and the largest of the figure's numbers for a logarithmic axis; false: it has none. */
bool figure_range(const Figures *figures, double *least, double *most);
/* Tics of the x or y axis at whole numbers alone, of places 0 to count - 1: every 1st, 2nd, 5th,
 * 10th, … so that there are at most eleven. */
void figure_tics(const Figures *figures, char axis, int64_t count);
/* A file name made of letters, digits, '-' and '_'. In the arena. */
const char *figure_name(Arena *arena, const char *kind, const char *a, const char *b);
/* Draws everything. A figure that cannot be drawn costs the figure: in `markdown` (from malloc,
 * replaced), where it was referred to, stand its caption, the reason and the table with its data.
 * Fails for want of memory alone. */
bool figures_finish(Language l, Figures *figures, char **markdown, size_t *count, Arena scratch,
                    Status *st);

#endif
