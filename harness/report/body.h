/* body: the order of report.md. Apart from report_write, so that rows made by hand can be shown
 * without a results file. */
#ifndef DS_REPORT_BODY_H
#define DS_REPORT_BODY_H
#include <stdio.h>

#include "report/data.h"

/* `d` after data_arrange. */
void body_write(FILE *out, const ReportData *d, Arena scratch);
#endif
