/* changes: two results files side by side, before and after a change: every cell of every table
 * (measure/compare.h). */
#ifndef DS_REPORT_CHANGES_H
#define DS_REPORT_CHANGES_H
#include <stdio.h>

#include "report/data.h"
#include "report/language.h"

/* Reads both files and writes what changed as text; `changed` says whether anything did. Runs of
 * another spec, model or text are compared where they have rows in common, and what differs in
 * their keys is said first. */
bool changes_write(FILE *out, Language language, const char *before, const char *after,
                   bool *changed, Arena scratch, Status *st);

#endif
