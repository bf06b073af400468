#include "report/figures.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "report/draw.h"
#include "report/language.h"
#include "report/markdown.h"

#define SVG ".svg"
#define FIGURE_PATH "plots/%s" SVG /* as the report refers to it */

/* Okabe and Ito's colours, told apart in every kind of colour vision, but for their yellow, which
 * white paper swallows; a grey and a wine red behind them. Dashes and marks tell lines apart in
 * print. */
static const char preamble[] =
    "set datafile missing 'NaN'\n"
    "set key outside right top vertical spacing 1.3 noenhanced\n"
    "set grid lc rgb '#dddddd' lw 0.5\n"
    "set border 3 lc rgb '#555555'\n"
    "set tics nomirror noenhanced\n"
    "set xlabel noenhanced\nset ylabel noenhanced\nset cblabel noenhanced\nset title noenhanced\n"
    "set linetype 1 lc rgb '#0072B2' lw 1.8 dt 1 pt 7 ps 0.6\n"
    "set linetype 2 lc rgb '#D55E00' lw 1.8 dt 2 pt 5 ps 0.6\n"
    "set linetype 3 lc rgb '#009E73' lw 1.8 dt 4 pt 9 ps 0.7\n"
    "set linetype 4 lc rgb '#CC79A7' lw 1.8 dt 5 pt 13 ps 0.8\n"
    "set linetype 5 lc rgb '#E69F00' lw 1.8 dt 1 pt 6 ps 0.6\n"
    "set linetype 6 lc rgb '#56B4E9' lw 1.8 dt 2 pt 4 ps 0.6\n"
    "set linetype 7 lc rgb '#000000' lw 1.8 dt 4 pt 8 ps 0.7\n"
    "set linetype 8 lc rgb '#999999' lw 1.8 dt 5 pt 12 ps 0.8\n"
    "set linetype 9 lc rgb '#882255' lw 1.8 dt 3 pt 1 ps 0.6\n"
    "set linetype cycle 9\n"
    "set palette defined (0 '#fde725', 0.25 '#5ec962', 0.5 '#21918c', 0.75 '#3b528b', 1 "
    "'#440154')\n";

bool figures_open(Figures *figures, const char *folder, Status *st) {
  *figures = (Figures){.folder = folder};
  if (!draw_can("gnuplot")) return true;
  figures->script = open_memstream(&figures->text, &figures->size);
  if (!figures->script) return FAIL(st, "%s: no memory for the figures", folder);
  return true;
}

/* --- names ------------------------------------------------------------------------------------ */

/* What a figure is of, its name's beginning; and what stands in the rest of it: NULL, nothing. */
typedef struct Kind {
  const char *name, *has;
} Kind;

static const Kind kinds[] = {{"answer", NULL},      {"matrix", NULL},   {"reference", NULL},
                             {"state_error", NULL}, {"grid", NULL},     {"accuracy_time", NULL},
                             {"clipping", "_"},     {"drift", "_vs_"},  {"heat", "_vs_"},
                             {"budget", "_vs_"},    {"tokens", "_vs_"}, {"map", "_vs_"},
                             {"repairs", "_vs_"}};

static const Kind *kind_of(const char *name) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (!strncmp(name, kinds[i].name, strlen(kinds[i].name))) return &kinds[i];
  return NULL;
}

static bool is_of(const char *rest, size_t length, const Kind *kind) {
  return kind->has ? memmem(rest, length, kind->has, strlen(kind->has)) != NULL : length == 0;
}

bool figure_is_name(const char *file) {
  const Kind *kind = kind_of(file);
  if (!kind) return false;
  const char *rest = file + strlen(kind->name);
  const size_t length = strlen(rest), end = strlen(SVG);
  return length >= end && !strcmp(rest + length - end, SVG) && is_of(rest, length - end, kind);
}

/* --- scripts ---------------------------------------------------------------------------------- */

/* Room for one more in the list; NULL where there is no memory. */
static Figure *one_more(Figures *figures) {
  Figure *list = realloc(figures->figure, ((size_t)figures->count + 1) * sizeof *list);
  if (!list) return NULL;
  figures->figure = list;
  return &list[figures->count++];
}

bool figure_begin(Figures *figures, FILE *out, const char *name, const char *caption,
                  const char *table, int height) {
  char file[FIGURE_NAME + sizeof SVG];
  if (!figures || !figures->script) return false;
  assert(kind_of(name) && "the list has all kinds");
  snprintf(file, sizeof file, "%s" SVG, name);
  if (!figure_is_name(file)) return false; /* of a pair of which one has no name */
  Figure *figure = one_more(figures);
  if (!figure) return false;
  fprintf(out, "![%s](" FIGURE_PATH " \"tables/%s.csv\")\n\n", caption, name, table);
  fflush(figures->script);
  *figure = (Figure){.from = figures->size, .least = INFINITY};
  snprintf(figure->name, sizeof figure->name, "%s", name);
  fprintf(figures->script,
          FIGURE_SCRIPT_BEGIN "%sset terminal svg size 900,%d noenhanced font 'Helvetica,Noto Sans "
                              "CJK SC,14' background '#ffffff'\n",
          preamble, height);
  fprintf(figures->script, FIGURE_OUTPUT "\n", file);
  return true;
}

const char *figure_text(Arena *arena, const char *text) {
  char *result = arena_alloc(arena, 2 * strlen(text) + 3, 1), *to = result;
  *to++ = '\'';
  for (; *text; text++) {
    if ((unsigned char)*text < 32 || *text == 127) continue;
    if (*text == '\'') *to++ = '\'';
    *to++ = *text;
  }
  *to = '\'';
  return result;
}

void figure_value(const Figures *figures, double value, bool logarithmic) {
  Figure *figure = &figures->figure[figures->count - 1];
  bool drawn = isfinite(value) && !(logarithmic && value <= 0);
  figure->empty |= !drawn;
  figure->values += drawn;
  if (drawn && logarithmic)
    figure->least = fmin(figure->least, value), figure->most = fmax(figure->most, value);
  if (drawn)
    fprintf(figures->script, " %.9g", value);
  else
    fputs(" NaN", figures->script);
}

bool figure_range(const Figures *figures, double *least, double *most) {
  const Figure *figure = &figures->figure[figures->count - 1];
  *least = figure->least, *most = figure->most;
  return *least <= *most;
}

const char *figure_name(Arena *arena, const char *kind, const char *a, const char *b) {
  char *name = arena_printf(arena, "%s_%s%s%s", kind, a, *b ? "_vs_" : "", b);
  const Digest whole = digest_of(name, strlen(name));
  bool changed = false;
  for (char *c = name; *c; c++) {
    if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *c)) continue;
    *c = '_';
    changed = true;
  }
  return changed ? arena_printf(arena, "%s_%.8s", name, whole.hex)
                 : name; /* two names stay two files */
}

void figure_tics(const Figures *figures, char axis, int64_t count) {
  enum { MOST = 10 };
  int64_t step = 1;
  for (int i = 0; (count - 1) / step > MOST; i++) step = i % 3 == 1 ? step / 2 * 5 : step * 2;
  fprintf(figures->script, "set %ctics 0,%lld\n", axis, (long long)step);
}

/* --- drawing ---------------------------------------------------------------------------------- */

static const char *path_of(Arena *arena, const Figures *figures, const Figure *figure) {
  return arena_printf(arena, "%s/%s" SVG, figures->folder, figure->name);
}

/* A figure of cells holds a bitmap with a pixel a cell, which a viewer would smooth as it does a
 * photograph: its cells stay squares. A page's own style does not reach into a figure. */
static const char *with_cells_kept(Arena *arena, const char *svg) {
  static const char image[] = "<image ",
                    crisp[] = "style='image-rendering:crisp-edges;image-rendering:pixelated' ";
  const char *text = "", *from = svg;
  for (const char *at; (at = strstr(from, image)); from = at) {
    at += sizeof image - 1;
    text = arena_printf(arena, "%s%.*s%s", text, (int)(at - from), from, crisp);
  }
  return from == svg ? svg : arena_printf(arena, "%s%s", text, from);
}

/* It says whose it is, so that the next report may replace it. */
static const char *with_mark(Arena *arena, const char *svg) {
  static const char tag[] = "</svg>";
  const char *end = NULL;
  for (const char *at = svg; (at = strstr(at, tag)); at += sizeof tag - 1) end = at;
  return end ? arena_printf(arena, "%.*s" FIGURE_MARK "\n%s", (int)(end - svg), svg, end) : svg;
}

static bool finish_drawn(const char *path, Arena scratch, Status *st) {
  Bytes svg;
  TRY(file_read(&scratch, path, FIGURE_BYTES_MAX, &svg, st));
  const char *text = with_mark(&scratch, with_cells_kept(&scratch, svg.data));
  return file_write(path, text, strlen(text), false, st);
}

/* One figure from a script of its own, so that what stops it stops no other. */
static void draw_alone(Language l, Arena *arena, const Figures *figures, int i, Status *st) {
  static const char name[] = FIGURE_SCRIPT;
  Figure *figure = &figures->figure[i];
  size_t end = i + 1 < figures->count ? figures->figure[i + 1].from : figures->size;
  const char *script = arena_printf(arena, "%s/%s", figures->folder, name);
  if (!file_write(script, figures->text + figure->from, end - figure->from, false, st)) return;
  figure->fault = draw_script(l, arena, figures->folder, name);
  unlink(script);
  if (!figure->fault && !draw_whole(path_of(arena, figures, figure)))
    figure->fault = say(l, "gnuplot wrote no whole file");
  if (figure->fault && figure->empty && figure->values == 0)
    figure->fault = say(l, "no value is finite");
  if (figure->fault) unlink(path_of(arena, figures, figure));
}

/* All in one process, which is quick; what is not whole then, each for itself. */
static void draw_all(Language l, Arena *arena, Figures *figures, Status *st) {
  const char *script = arena_printf(arena, "%s/" FIGURES_SCRIPT, figures->folder);
  for (int i = 0; i < figures->count; i++) unlink(path_of(arena, figures, &figures->figure[i]));
  if (!file_make_folder(figures->folder, st) ||
      !file_write(script, figures->text, figures->size, false, st))
    return;
  bool done = !draw_script(l, arena, figures->folder, FIGURES_SCRIPT);
  for (int i = 0; i < figures->count && !st->failed; i++) {
    const char *path = path_of(arena, figures, &figures->figure[i]);
    if (!done || !draw_whole(path)) draw_alone(l, arena, figures, i, st);
    if (!figures->figure[i].fault && draw_whole(path)) (void)finish_drawn(path, *arena, st);
  }
}

/* --- what the report says of a figure that could not be drawn --------------------------------- */

/* Where the figure is referred to in the Markdown: the paragraph that is its image. */
static const char *place_of(Arena *arena, const char *markdown, const Figure *figure,
                            const char **path) {
  *path = strstr(markdown, arena_printf(arena, "](" FIGURE_PATH " \"", figure->name));
  const char *line = *path;
  while (line && line > markdown && line[-1] != '\n') line--;
  return line;
}

/* The sentence in place of the image: its caption, the reason, the table with its data. */
static void write_fault(Language l, FILE *out, const Figure *figure, const char *line,
                        const char *path, Arena scratch) {
  const char *table = strchr(path, '"') + 1;
  const char *caption = arena_printf(&scratch, "%.*s", (int)(path - line) - 2, line + 2);
  table = arena_printf(&scratch, "%.*s", (int)strcspn(table, "\""), table);
  fprintf(out, say(l, "> **Not drawn** (%s): %s Data: [%s](%s)"), md_text(&scratch, figure->fault),
          caption, table, table);
}

static bool say_faults(Language l, Figures *figures, char **markdown, size_t *count, Arena scratch,
                       Status *st) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return FAIL(st, "%s: no memory for the figures", figures->folder);
  const char *from = *markdown, *path;
  for (int i = 0; i < figures->count; i++) {
    if (!figures->figure[i].fault) continue;
    const char *line = place_of(&scratch, from, &figures->figure[i], &path);
    if (!line) continue;
    fwrite(from, 1, (size_t)(line - from), out);
    write_fault(l, out, &figures->figure[i], line, path, scratch);
    from = line + strcspn(line, "\n");
  }
  fputs(from, out);
  bool whole = !ferror(out);
  whole = fclose(out) == 0 && whole;
  if (!whole) return free(text), FAIL(st, "%s: no memory for the figures", figures->folder);
  free(*markdown);
  *markdown = text;
  *count = size;
  return true;
}

bool figures_finish(Language l, Figures *figures, char **markdown, size_t *count, Arena scratch,
                    Status *st) {
  if (!figures->script) return true;
  bool whole = !ferror(figures->script), said = true;
  whole = fclose(figures->script) == 0 && whole;
  figures->script = NULL;
  Status why = {0};
  whole = whole || FAIL(&why, "%s: no memory for the figures", figures->folder);
  if (whole && figures->count) draw_all(l, &scratch, figures, &why);
  bool any = false;
  for (int i = 0; i < figures->count; i++) {
    Figure *figure = &figures->figure[i];
    if (why.failed && !figure->fault && !draw_whole(path_of(&scratch, figures, figure)))
      figure->fault = why.text;
    any |= figure->fault != NULL;
  }
  if (any) said = say_faults(l, figures, markdown, count, scratch, st);
  free(figures->text);
  free(figures->figure);
  return said;
}
