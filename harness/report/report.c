/* report: from a results file to report.md, report.html, tables.tex, plots/ and tables/NAME.csv. */
#include "report/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/file.h"
#include "family/trace.h"
#include "report/body.h"
#include "report/csv.h"
#include "report/events.h"
#include "report/figures.h"
#include "report/finite.h"
#include "report/html.h"
#include "report/language.h"
#include "report/latex.h"
#include "report/sections.h"
#include "report/sources.h"
#include "report/standing.h"
#include "report/undone.h"

/* A text that grows in memory, to be written whole or not at all. */
typedef struct Draft {
  const char *path;
  FILE *out;
  char *text;
  size_t count;
} Draft;

static bool draft_open(Draft *draft, const char *path, Status *st) {
  *draft = (Draft){.path = path};
  draft->out = open_memstream(&draft->text, &draft->count);
  return draft->out || FAIL(st, "%s: no memory for its text", path);
}

/* The text is complete, in memory. */
static bool draft_end(Draft *draft, Status *st) {
  bool whole = !ferror(draft->out);
  whole = !fclose(draft->out) && whole;
  return whole || FAIL(st, "%s: no memory for its text", draft->path);
}

typedef struct TablesWork {
  const ReportData *d;
  const char *folder;
  Arena scratch;
} TablesWork;

static void write_csv(FILE *out, const void *context) {
  const TableRows *rows = context;
  csv_write(out, rows->table, rows->rows, rows->count);
}

/* In a child, beside the report: they share nothing but the rows. */
static bool write_tables(FILE *none, void *context, Status *st) {
  TablesWork *work = context;
  (void)none;
  for (int i = 0; i < work->d->table_count; i++) {
    const TableRows *rows = &work->d->tables[i];
    const char *path = arena_printf(&work->scratch, "%s/%s.csv", work->folder, rows->table->name);
    TRY(file_write_by(path, write_csv, rows, st));
  }
  return true;
}

/* The number of layers sizes what follows; it is an attribute and not in a table, so its range is
 * here. */
static bool check_layers(const char *path, const char *text, Status *st) {
  double layers = text ? strtod(text, NULL) : 0;
  return (layers >= 0 && layers <= LAYERS_MOST && layers == floor(layers)) ||
         FAIL(st, "%s: /: attribute 'layers' is %.40s, not a whole number of 0 to %d", path, text,
              LAYERS_MOST);
}

static const char *listed(Arena *arena, const char *list, const char *before, const char *name) {
  return arena_printf(arena, "%s%s%s%s", list, *list ? ", " : "", before, name);
}

/* What every run writes, all of it or none: what it is made of, and what it says of pairs. */
static bool find_missing(Arena *arena, const Results *results, ReportData *d, Status *st) {
  static const Table *const core[] = {&table_tensor_stats, &table_pair_stats, &table_drift,
                                      &table_verdict};
  static const int about[] = {ABOUT_TITLE, ABOUT_SPEC_EFFECTIVE, ABOUT_PROGRAM};
  bool any = false, some = false;
  d->missing_tables = d->missing_attributes = "";
  for (int i = 0; i < d->table_count; i++) {
    any |= d->tables[i].count > 0;
    for (size_t k = 0; k < sizeof core / sizeof *core; k++)
      some |= d->tables[i].table == core[k] && d->tables[i].count > 0;
  }
  if (!any)
    return FAIL(st,
                "%s: /tables: is not in the file, or none that a run writes: there is nothing "
                "to report",
                results->path);
  for (int i = 0; i < d->table_count; i++)
    for (size_t k = 0; some && k < sizeof core / sizeof *core; k++)
      if (d->tables[i].table == core[k] && !d->tables[i].count)
        d->missing_tables = listed(arena, d->missing_tables, "/tables/", core[k]->name);
  for (size_t i = 0; i < sizeof about / sizeof *about; i++)
    if (!d->about[about[i]])
      d->missing_attributes = listed(arena, d->missing_attributes, "", about_names[about[i]]);
  d->removed_tables = results->removed;
  return true;
}

/* Reads the whole file once; everything in the arena. */
static bool read_rows(Arena *arena, const Results *results, ReportData *d, Status *st) {
  *d = (ReportData){0};
  for (int a = 0; a < ABOUT_COUNT; a++)
    TRY(results_text(arena, results, about_names[a], &d->about[a], st));
  TRY(check_layers(results->path, d->about[ABOUT_LAYERS], st));
  while (tables[d->table_count]) d->table_count++;
  d->tables = ARENA_NEW(arena, TableRows, d->table_count);
  for (int i = 0; i < d->table_count; i++) {
    void *rows = NULL;
    size_t count = 0;
    TRY(results_rows(arena, results, tables[i], &rows, &count, st));
    d->tables[i] = (TableRows){tables[i], rows, count};
  }
  d->unproved = results->unproved;
  d->first_unproved = arena_printf(arena, "%s", results->first_unproved);
  TRY(find_missing(arena, results, d, st));
  data_arrange(arena, d);
  return true;
}

static bool read_all(Arena *arena, const char *path, const OwnTables *own, ReportData *d,
                     Status *st) {
  Results results;
  TRY(results_take(arena, path, own, &results, st));
  bool done = read_rows(arena, &results, d, st);
  results_close(&results);
  return done;
}

/* Written, not joined: pairs and gates are as many as a file likes. */
static const char *summary_of(Arena *arena, const ReportData *d) {
  Draft draft;
  Status no_memory = {0};
  if (!draft_open(&draft, "summary", &no_memory)) return "";
  fputs(missing_summary(arena, d), draft.out);
  fprintf(draft.out, "%s%s%s%s", sources_summary(arena, d, false), undone_summary(arena, d),
          finite_summary(arena, d), micro_summary(arena, d));
  for (int i = 0; i < d->pairs; i++)
    if (d->pair[i].verdict) fputs(report_summary(arena, d, &d->pair[i]), draft.out);
  fputs(sources_summary(arena, d, true), draft.out);
  fputs(events_summary(arena, d), draft.out);
  fputs(mend_summary(arena, d), draft.out);
  fputs(grid_summary(arena, d), draft.out);
  fputs(gates_summary(arena, d), draft.out);
  char *summary = draft_end(&draft, &no_memory) ? arena_printf(arena, "%s", draft.text) : NULL;
  if (summary) language_tidy(d->language, summary, strlen(summary));
  free(draft.text);
  return summary ? summary : "";
}

typedef struct PageWork {
  Language language;
  const char *markdown, *folder;
  Arena scratch;
} PageWork;

static bool make_page(FILE *out, void *context, Status *st) {
  const PageWork *work = context;
  return html_write(work->language, out, work->markdown, work->folder, work->scratch, st);
}

static bool make_latex(FILE *out, void *context, Status *st) {
  const PageWork *work = context;
  return latex_write(work->language, out, work->markdown, st);
}

/* In a child: cmark ends the process that has no memory for it. */
typedef struct Making {
  ChildWork make;
  PageWork *page;
  const char *path;
  ChildBegun begun;
} Making;

static bool end_making(const Making *m, Arena scratch, Status *st) {
  const char *text;
  size_t count;
  return child_end(&scratch, m->path, m->make, m->page, m->begun, &text, &count, st) &&
         file_write(m->path, text, count, false, st);
}

/* Side by side, of the same Markdown. */
static bool write_made(PageWork page, Arena arena, Status *st) {
  Making html = {.make = make_page, .page = &page}, latex = {.make = make_latex, .page = &page};
  html.path = arena_printf(&arena, "%s/report.html", page.folder);
  latex.path = arena_printf(&arena, "%s/tables.tex", page.folder);
  page.scratch = arena;
  html.begun = child_begin(make_page, &page);
  latex.begun = child_begin(make_latex, &page);
  const bool done = end_making(&html, arena, st);
  return end_making(&latex, arena, st) && done;
}

/* report.md, report.html and tables.tex say the same: the Markdown is written, the other two are
 * made of it. */
static bool write_report(Arena *arena, ReportData *d, const char *folder, Status *st) {
  Figures *figures = ARENA_NEW(arena, Figures, 1);
  Draft markdown;
  TRY(figures_open(figures, arena_printf(arena, "%s/plots", folder), st));
  d->figures = figures;
  TRY(draft_open(&markdown, arena_printf(arena, "%s/report.md", folder), st));
  body_write(markdown.out, d, *arena);
  bool done = draft_end(&markdown, st) &&
              figures_finish(d->language, figures, &markdown.text, &markdown.count, *arena, st);
  if (done) markdown.count = language_tidy(d->language, markdown.text, markdown.count);
  done = done && file_write(markdown.path, markdown.text, markdown.count, false, st);
  const PageWork page = {.language = d->language, .markdown = markdown.text, .folder = folder};
  done = done && write_made(page, *arena, st);
  free(markdown.text);
  return done && !st->failed;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* What is said on the terminal. */
static Report report_of(Arena *arena, const ReportData *d, const char *folder) {
  const char *broken = micro_broken(arena, d), *basis = undone_failed(arena, d),
             *inputs = sources_failed(arena, d);
  return (Report){arena_printf(arena, "%s/report.html", folder), summary_of(arena, d),
                  finite_failed(arena, d),
                  broken   ? broken
                  : basis  ? basis
                  : inputs ? inputs
                           : gates_failed(arena, d)};
}

bool report_write(Arena *arena, const char *results, const OwnTables *own, const char *folder,
                  Language language, Report *report, Status *st) {
  ReportData data;
  TRY(report_may_stand(folder, *arena, st));
  TRY(read_all(arena, results, own, &data, st));
  child_has_read();
  data.language = language;
  TablesWork csv = {.d = &data, .folder = arena_printf(arena, "%s/tables", folder)};
  TRY(file_make_folder(csv.folder, st));
  csv.scratch = *arena;
  const ChildBegun begun = child_begin(write_tables, &csv);
  bool written = write_report(arena, &data, folder, st);
  const char *nothing;
  size_t bytes;
  csv.scratch = *arena; /* where no child could be had */
  written =
      child_end(arena, csv.folder, write_tables, &csv, begun, &nothing, &bytes, st) && written;
  if (written) *report = report_of(arena, &data, folder);
  return written;
}
