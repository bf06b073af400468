/* csv: a table as RFC 4180: header line, CRLF, quotes where needed. Numbers have 17 significant
 * digits and read back equal; what does not apply (NaN) is empty. Text that a spreadsheet would
 * take for a formula gets an apostrophe in front. */
#ifndef DS_REPORT_CSV_H
#define DS_REPORT_CSV_H
#include <stdio.h>

#include "measure/tables/table.h"

/* A column that holds several numbers becomes name_0, name_1, … */
void csv_write(FILE *out, const Table *table, const void *rows, size_t count);
#endif
