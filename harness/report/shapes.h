/* shapes: what a DriftShape says, in words. The layers of a model are all that it has, so what
 * stands in the curve is said as it is; what other prompts could change stands with its interval,
 * "(low … high)" of 95 % over prompts, or is not told. Plain text but for shapes_tokens: the same
 * words stand in the report and on the terminal. Everything in the arena. */
#ifndef DS_REPORT_SHAPES_H
#define DS_REPORT_SHAPES_H
#include "report/by_prompt.h"

/* "rises to layer 17 (16 … 17) and falls back", "cannot tell between …", "has no shape: …" */
const char *shapes_name(Language l, Arena *arena, const DriftShape *s);
/* "from layer 0 to layer 23 the median token's error goes from 1.67 % to 3.58 %: ×2.14 (2.10 …
 * 2.18)"; "" where nothing was measured. */
const char *shapes_growth(Language l, Arena *arena, const DriftShape *s);
/* Both, and the last quarter of the layers; of one prompt it says that it is of this one alone. */
const char *shapes_travel(Language l, Arena *arena, const DriftShape *s);
/* Where a curve peaks, and its largest step up, and in how many prompts by themselves (NULL: nobody
 * knows); "" where there are none. */
const char *shapes_parts(Language l, Arena *arena, const DriftShape *s, const Agreeing *of);
/* For a cell: without shares and numbers of prompts. */
const char *shapes_cell(Language l, Arena *arena, const DriftShape *s);
/* The factor of growth, with † where it is told of this pair alone, not where all pairs are asked
 * at once. */
const char *shapes_growth_cell(Language l, Arena *arena, const DriftShape *s);
/* For a line: shape and growth, "accumulates, ×2.14 (2.10 … 2.18)". */
const char *shapes_brief(Language l, Arena *arena, const DriftShape *s);
/* Markdown: that all tokens together are off the median one by more than the limit, or half of them
 * are equal, and which token has how much of it; "" where neither is so. */
const char *shapes_tokens(Arena *arena, const ReportData *d, const ReportPair *pair,
                          const DriftShape *s);

/* What a pair's row is labelled with in a table of shapes. */
typedef struct ShapeLine {
  const char *label;
  const DriftShape *shape; /* NULL: left out of the table */
} ShapeLine;
/* Every quantity of some shapes: a row a quantity, a column a shape. Nothing where there is
 * none. */
void shapes_table(Language l, FILE *out, const ShapeLine *line, int count, Arena scratch);
#endif
