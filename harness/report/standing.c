/* standing: a file under a name that a report takes is replaced where it is one that a report left,
 * of this program or of one before it, and refused by name where it is not. Files of other names
 * are nobody's business. An empty file is nobody's work. */
#include "report/standing.h"

#include <dirent.h>
#include <string.h>

#include "base/file.h"
#include "measure/tables.h"
#include "report/draw.h"
#include "report/figures.h"

typedef bool (*IsOurs)(Bytes text, const void *of);

static bool may_stand(const char *path, const char *what, IsOurs is_ours, const void *of,
                      Status *st) {
  Bytes text;
  if (!file_exists(path)) return true;
  TRY(file_map(path, &text, st));
  const bool ours = text.count == 0 || is_ours(text, of);
  file_unmap(&text);
  return ours || FAIL(st,
                      "%s: is no %s that driftscope wrote, and would be replaced by one: move it "
                      "away, or name another folder",
                      path, what);
}

/* --- pages ------------------------------------------------------------------------------------ */

/* How a page begins, and what made it: a text about driftscope is no report of it. One of many GB
 * is not read for it. */
typedef struct Page {
  const char *name, *begins, *made_by;
} Page;

static const Page pages[] = {{"report.md", "# ", "| driftscope"},
                             {"report.html", "<!DOCTYPE html>\n<html lang=", ">driftscope"},
                             {"tables.tex", "% ", "driftscope"}};

static bool is_page(Bytes text, const void *of) {
  const Page *page = of;
  return bytes_begin(text, page->begins) &&
         bytes_hold(bytes_first(text, (size_t)64 << 20), page->made_by);
}

static bool pages_may_stand(const char *folder, Arena scratch, Status *st) {
  for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
    TRY(may_stand(arena_printf(&scratch, "%s/%s", folder, pages[i].name), "report", is_page,
                  &pages[i], st));
  return true;
}

/* --- tables ----------------------------------------------------------------------------------- */

static bool has_column(const Table *table, Bytes name) {
  for (int c = 0; c < table->columns; c++)
    if (name.count == strlen(table->column[c].name) &&
        !memcmp(name.data, table->column[c].name, name.count))
      return true;
  return false;
}

/* By its first line, which csv_write ends with CR and LF: the first column is one of the table's,
 * and so are most. Programs before this one had fewer columns, a few that are gone, and one table
 * whose first column stands further behind now; of each table more than two thirds are still
 * there. */
static bool is_table(Bytes text, const void *of) {
  const Table *table = of;
  const Bytes line = bytes_first(text, (size_t)1 << 16);
  const char *end = memchr(line.data, '\n', line.count);
  if (!end || end == line.data || end[-1] != '\r') return false;
  int columns = 0, known = 0;
  bool first = false;
  for (const char *at = line.data, *next; at < end; at = next + 1, columns++) {
    next = memchr(at, ',', (size_t)(end - at));
    if (!next) next = end - 1;
    const bool is_known = has_column(table, (Bytes){at, (size_t)(next - at)});
    known += is_known;
    if (!columns) first = is_known;
  }
  return first && 2 * known > columns;
}

static bool tables_may_stand(const char *folder, Arena scratch, Status *st) {
  for (int i = 0; tables[i]; i++)
    TRY(may_stand(arena_printf(&scratch, "%s/tables/%s.csv", folder, tables[i]->name), "table",
                  is_table, tables[i], st));
  return true;
}

/* --- figures ---------------------------------------------------------------------------------- */

static bool is_script(Bytes text, const void *of) {
  (void)of;
  return bytes_begin(text, FIGURE_SCRIPT_BEGIN);
}

typedef struct Drawn {
  Bytes script; /* from which the figures that stand there were drawn, or none */
  const char *output;
} Drawn;

/* One that says so; or, of a program before this one, or of one that was stopped while gnuplot drew
 * it, what gnuplot makes of the script beside it. */
static bool is_figure(Bytes text, const void *of) {
  enum { HEAD = 1024, TAIL = 256 };
  const Drawn *drawn = of;
  const size_t tail = text.count < TAIL ? text.count : TAIL;
  return bytes_hold((Bytes){text.data + text.count - tail, tail}, FIGURE_MARK) ||
         (bytes_hold(bytes_first(text, HEAD), "<desc>Produced by GNUPLOT") &&
          bytes_hold(drawn->script, drawn->output));
}

static bool drawn_may_stand(const char *plots, Bytes script, Arena scratch, Status *st) {
  DIR *list = opendir(plots);
  if (!list) return true;
  bool ok = true;
  for (struct dirent *entry; ok && (entry = readdir(list));) {
    const char *name = entry->d_name;
    if (!figure_is_name(name)) continue;
    Arena own = scratch;
    const Drawn drawn = {script, arena_printf(&own, FIGURE_OUTPUT "\n", name)};
    ok = may_stand(arena_printf(&own, "%s/%s", plots, name), "figure", is_figure, &drawn, st);
  }
  closedir(list);
  return ok;
}

/* Which figures a report will have is known when it is made: any name that one can get counts. */
static bool figures_may_stand(const char *folder, Arena scratch, Status *st) {
  const char *plots = arena_printf(&scratch, "%s/plots", folder),
             *all = arena_printf(&scratch, "%s/" FIGURES_SCRIPT, plots),
             *one = arena_printf(&scratch, "%s/" FIGURE_SCRIPT, plots);
  Bytes script = {"", 0};
  if (!draw_can("gnuplot")) return true; /* nothing is drawn */
  TRY(may_stand(all, "script of figures", is_script, NULL, st));
  TRY(may_stand(one, "script of figures", is_script, NULL, st));
  if (file_exists(all)) TRY(file_map(all, &script, st));
  const bool ok = drawn_may_stand(plots, script, scratch, st);
  file_unmap(&script);
  return ok;
}

bool report_may_stand(const char *folder, Arena scratch, Status *st) {
  return pages_may_stand(folder, scratch, st) && tables_may_stand(folder, scratch, st) &&
         figures_may_stand(folder, scratch, st);
}
