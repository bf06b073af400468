/* report: the report as Markdown, HTML and LaTeX tables, and one CSV a table, from the results file
 * alone. */
#ifndef DS_REPORT_REPORT_H
#define DS_REPORT_REPORT_H
#include "report/data.h"
#include "report/language.h"

typedef struct Report {
  const char *path;    /* FOLDER/report.html */
  const char *summary; /* the operators alone, report_summary of every pair that was asked for, and
                          the gates */
  const char *nonfinite; /* where the first value is that is not finite, in one line; NULL: all
                            are */
  const char *broken;    /* what makes the run fail, in one line: a bug that the results show, or a
                            gate; NULL: nothing */
} Report;

/* In this language, also what `report` says. `own`: as results_take takes it. Writes
 * FOLDER/report.md, report.html, tables.tex, plots/NAME.svg and tables/NAME.csv; what `report`
 * points to is in the arena. */
bool report_write(Arena *arena, const char *results, const OwnTables *own, const char *folder,
                  Language language, Report *report, Status *st);
/* The lines that matter, for one pair with a verdict: effect, first difference, shape and
 * growth of block_out and size at the logits, and the bits where they were evaluated; plain text,
 * each line with its newline. In the arena. */
const char *report_summary(Arena *arena, const ReportData *d, const ReportPair *pair);
#endif
