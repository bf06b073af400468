/* laws: by which law a pair drifts, in words and as a table. The verdict itself was computed when the run ended
 * (measure/law.h). */
#ifndef DS_REPORT_LAWS_H
#define DS_REPORT_LAWS_H
#include <stdio.h>

#include "report/data.h"

/* What a tensor does, to stand behind its name: "accumulates: a factor of 1.030 a layer (95 % interval 1.010
 * … 1.050), 1.97 over all 24 layers"; plain text, no full stop.
 */
const char *laws_words(Arena *arena, const DriftLaw *law);
/* The same in a few words, for a line of the terminal: "accumulates, 1.030 a layer (1.010 … 1.050)". */
const char *laws_brief(Arena *arena, const DriftLaw *law);

/* A table of laws, one a row, each under its own label (ready Markdown). */
typedef struct LawLine {
  const char *label;
  const DriftLaw *law; /* NULL: no row */
} LawLine;
void laws_table(FILE *out, const char *heading, const LawLine *line, int count, Arena scratch);
#endif
