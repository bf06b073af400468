/* finite: what is not finite, and how every figure that leaves it out says so. */
#ifndef DS_REPORT_FINITE_H
#define DS_REPORT_FINITE_H
#include "report/data.h"

/* What a size is of: a pair's tensor at one layer. */
typedef struct Size {
  double rel_l2;
  bool identical;       /* every bit is; a size of 0 does not say that */
  int64_t n, nonfinite; /* elements, and those left out */
} Size;

/* The sentence that warns of values that are not finite; "" where all are, and quantisation met no
 * NaN. */
const char *finite_warning(Arena *arena, const ReportData *d);
/* The same for the terminal, each line with its newline; "" likewise. */
const char *finite_summary(Arena *arena, const ReportData *d);

/* Where the first of them is, in one line for the terminal; NULL: all are finite, and quantisation
 * met no NaN. */
const char *finite_failed(Arena *arena, const ReportData *d);

/* Of one that is not identical, to stand behind "relative L2": "2.40e-04", "2.40e-04 (of the values
 * that are finite on both sides: 3808 of 3840, 99.17 %, are left out)", or why there is none. */
const char *finite_size(Language l, Arena *arena, const Size *size);
/* As a cell: "identical", "2.40e-04", "2.40e-04 (99.17 % left out)", "not finite". */
const char *finite_cell(Language l, Arena *arena, const Size *size);
/* " (1.00 % of the values are not finite)", to stand behind "identical"; "" where all values are
 * finite. */
const char *finite_identical(Language l, Arena *arena, const Size *size);
/* A figure of all values, as of the reference's error: "not finite" where one of them is not. */
const char *finite_figure(Language l, Arena *arena, double x);
/* Nothing was left out. */
bool finite_whole(const Size *size);
#endif
