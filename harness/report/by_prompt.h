/* by_prompt: what each prompt says by itself, where a sentence puts one mode, pair or layer before
 * others: other prompts might not. Two errors are compared as a factor prompt by prompt
 * (measure/sample.h), whatever all prompts together say. */
#ifndef DS_REPORT_BY_PROMPT_H
#define DS_REPORT_BY_PROMPT_H
#include <stdio.h>

#include "measure/sample.h"
#include "report/data.h"

/* "2-4 is closer, prompt by prompt by a factor of 0.587 (0.553 … 0.624)", "which is closer cannot
 * be told: …", "2-4 is closer (of this prompt alone)": of two errors against the same reference,
 * `a` and `b` of all prompts together. */
const char *by_prompt_closer(Arena *arena, const ReportData *d, const ReportPair *of_a,
                             const ReportPair *of_b, double a, double b);
/* The end of a sentence that puts two of `pair` [count] at the ends of a ranking by their logits:
 * which others are not told from them prompt by prompt, all of them asked at once (Holm). A NULL
 * `label` is none of the ranked. */
void by_prompt_write_ends(FILE *out, const ReportData *d, const ReportPair *pair,
                          const char *const *label, int count, int least, int most, Arena scratch);

/* In how many of the prompts that are finite in every layer of a shape the median token's error is
 * largest where the shape has its peak, and its largest step up leads where the shape's does. */
typedef struct Agreeing {
  int prompts, peak, step;
} Agreeing;
Agreeing by_prompt_agreeing(const ReportData *d, const ReportPair *pair, const DriftShape *shape,
                            Arena scratch);
#endif
