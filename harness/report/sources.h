/* sources: what is said of sides whose tensors were made elsewhere. */
#ifndef DS_REPORT_SOURCES_H
#define DS_REPORT_SOURCES_H
#include "report/words.h"

/* In which tensors the values of the two are of another precision: the grid of an int8 scale, or
 * float16 or bfloat16 throughout, on one side alone; "" where in none, and of a pair without a
 * source. Markdown, in the arena. */
const char *sources_show(Arena *arena, const ReportData *d, const ReportPair *pair);
/* What of the two was not compared, "1 tensor of a, 2 arrays of b of no tensor": what the other
 * has not, what cannot be compared, and arrays whose names say nothing; "" where all was, and of a
 * pair without a source. In the arena. */
const char *sources_left(Arena *arena, const ReportData *d, const ReportPair *pair, ShowName *show);
/* What of their inputs was not the same, in a sentence: against the spec, or as it says (`meant`);
 * NULL where there is none. In the arena. */
const char *sources_inputs(Arena *arena, const ReportData *d, bool meant);
/* The same for the terminal: a line, or "". */
const char *sources_summary(Arena *arena, const ReportData *d, bool meant);
/* What is against the spec as a failed check; NULL where nothing is. */
const char *sources_failed(Arena *arena, const ReportData *d);
#endif
