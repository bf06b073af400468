/* undone: what is said of pairs of which one side is of rewritten weights: what was rotated back
 * and by what that is proved, what is not compared and why, and where what was declared cannot be.
 */
#ifndef DS_REPORT_UNDONE_H
#define DS_REPORT_UNDONE_H
#include "report/data.h"

/* That a declaration is contradicted: for the report's first screen, a paragraph; "" where none is.
 */
const char *undone_warning(Arena *arena, const ReportData *d);
/* The same for the terminal: a line; and as a failed check; NULL where none is. */
const char *undone_summary(Arena *arena, const ReportData *d);
const char *undone_failed(Arena *arena, const ReportData *d);
/* Of every pair that has such tensors: a list. */
void undone_write(FILE *out, const ReportData *d, Arena scratch);
#endif
