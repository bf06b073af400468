/* population: what the intervals over prompts speak of: other prompts of the text that these are
 * taken from. */
#ifndef DS_REPORT_POPULATION_H
#define DS_REPORT_POPULATION_H
#include "report/data.h"

/* The text by name; "the part of test.txt that they stand in (3.20 %)" where they stand together;
 * "the prompts' texts" where they come from several, or from none. Ready Markdown. */
const char *population_name(Arena *arena, const ReportData *d);
/* More prompts, windows or samples than this are no advice, and are not named. */
#define NEEDED_MOST 1e6
/* "34 prompts would tell, and test.txt holds 780 of this length"; "" where no number is given. */
const char *population_needed(Arena *arena, const ReportData *d, double needed);
#endif
