/* ranges: what a cell may hold. A file is not trusted: every number in it that indexes, sizes or
 * loops is compared with its column's range where the table is read, and nowhere else. A new column
 * takes the range of its name, if one has it already, and else that of its type: a count from 0,
 * or, where the name says so (first_…, worst_…, next_…, …layer, …_index, …_first, …_worst), an
 * index from -1. A row in ranges.c is due only where another is meant. */
#ifndef DS_MEASURE_RANGES_H
#define DS_MEASURE_RANGES_H
#include <stdbool.h>

#include "base/status.h"
#include "measure/tables/table.h"

/* Both ends belong to it; NaN, "does not apply", is in the range of every column of doubles. */
typedef struct Range {
  double low, high;
} Range;
Range column_range(const Table *table, const Column *column);

/* How many rows a table may have. */
size_t table_rows_most(const Table *table);

/* Writes "does not apply" into a cell: "", NaN, -1 where the column may be that, else the number
 * nearest to it. */
void column_clear(const Table *table, const Column *column, void *row);

/* Names the row and the column of the first number that is outside, and its range, or of the first
 * text without an end. */
bool rows_in_range(const Table *table, const void *rows, size_t count, Status *why);
#endif
