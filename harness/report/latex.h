/* latex: every table of the Markdown report as a LaTeX table (booktabs), to be \input where it is
 * wanted. */
#ifndef DS_REPORT_LATEX_H
#define DS_REPORT_LATEX_H
#include <stdio.h>

#include "base/status.h"
#include "report/language.h"

bool latex_write(Language l, FILE *out, const char *markdown, Status *st);

#endif
