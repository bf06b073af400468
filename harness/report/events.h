/* events: what a report says of single tokens that carry a layer's error, pair by pair. */
#ifndef DS_REPORT_EVENTS_H
#define DS_REPORT_EVENTS_H
#include "report/data.h"

/* For the terminal, a line for each of the first pairs with an event: the largest and the value
 * that made it; "" where there is none. Those of modes against the reference come first: an event
 * of two modes is one of either. */
const char *events_summary(Arena *arena, const ReportData *d);
/* Markdown: the value that made a pair's largest event, with its repair; "" where there is none, or
 * nothing was traced. */
const char *events_cause(Arena *arena, const ReportData *d, const ReportPair *pair);
#endif
