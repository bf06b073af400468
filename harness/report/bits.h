/* bits: what two modes' predictions of a text differ by, and which predicts better. */
#ifndef DS_REPORT_BITS_H
#define DS_REPORT_BITS_H
#include "report/words.h"

/* "bits per byte", or "bits a token". */
const char *bits_name(const ReportData *d);
/* A clause that begins with that name, and says also where the two were not evaluated; names as
 * `show` writes them. */
const char *bits_words(Arena *arena, const ReportData *d, const ReportPair *pair, ShowName *show);
/* The same for the terminal; "" where not both were evaluated. */
const char *bits_plain(Arena *arena, const ReportData *d, const ReportPair *pair);
/* The second's less the first's, with its interval, as a cell. */
const char *bits_cell(Arena *arena, const ReportData *d, const ReportPair *pair);
#endif
