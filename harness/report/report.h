/* report: report.md and one CSV a table, from the results file alone. */
#ifndef DS_REPORT_REPORT_H
#define DS_REPORT_REPORT_H
#include "store/store.h"

/* Writes FOLDER/report.md and FOLDER/tables/NAME.csv; the report's path goes to `path` (in the arena). */
bool report_write(Arena *arena, const char *results, const char *folder, const char **path, Status *st);
/* The three lines that matter, for one pair each: effect, first difference, size at the end; plain text, each line with
 * its newline. In the arena. */
const char *report_summary(Arena *arena, const Verdict *verdict, int layers);
#endif
