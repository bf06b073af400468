/* words: sentences computed from the numbers. Names and tensors in them are Markdown; only the
 * terminal's are plain. */
#ifndef DS_REPORT_WORDS_H
#define DS_REPORT_WORDS_H
#include "report/finite.h"

enum { PAIRS_WHOLE = 3 }; /* so many pairs are shown whole; of more, long tables fold away */

/* What a pair's counts say of the modes themselves, before any size. */
typedef enum Effect {
  EFFECT_UNKNOWN, /* nothing was compared */
  EFFECT_NONE,    /* the same kernels everywhere and every bit equal: the comparison says nothing */
  EFFECT_IDENTICAL, /* other kernels, the same bits */
  EFFECT_FAULT,     /* the same kernels everywhere, and yet other values */
  EFFECT_DIFFERS,
  EFFECT_REFERENCE,      /* one side is the float64 reference */
  EFFECT_MADE_IDENTICAL, /* one side was made elsewhere: every bit is equal */
  EFFECT_MADE_DIFFERS    /* the same, and bits differ */
} Effect;
Effect words_effect_of(const ReportPair *pair, Tally tally);

/* How a pair's block_out develops over the layers: layers without a difference at the start are
 * left out. */
typedef struct Course {
  int differs;   /* the first layer whose bits differ; -1: none does */
  int nonfinite; /* the first layer with values left out, since they are not finite on either side;
                    -1: none */
  int first, last; /* layers; first: the first of a size above 0; -1: none is */
  double first_l2, last_l2;
  int worst_layer; /* of the layers with nothing left out */
  double worst_l2;
} Course;
Course words_course(const ReportData *d, const ReportPair *pair, Arena scratch);

/* Pooled over the prompts; as if identical and of no element where there is no such row. */
Size words_size(const ReportData *d, const ReportPair *pair, const char *tensor, int layer);
/* The sizes at the last block_out and at the logits. */
Size words_last(const ReportData *d, const ReportPair *pair);
Size words_logits(const ReportData *d, const ReportPair *pair);
/* Whether the two have logits that could be compared: a dump need not hold any. */
bool words_has_logits(const ReportData *d, const ReportPair *pair);

const char *words_pair(Language l, Arena *arena, const ReportPair *pair); /* "2-0 against 2-4" */
/* "`scan` of layer 3", "`logits`" */
const char *words_place(Arena *arena, const ReportData *d, const char *tensor, int layer);
/* "`a`, `b` and `c`" */
const char *words_list(Language l, Arena *arena, const char *const *names, int count);
const char *words_effect(Arena *arena, const ReportData *d, const ReportPair *pair);
/* Why equality holds; "" where no reason is known. */
const char *words_reason(const ReportData *d, const ReportPair *pair);
/* The same for the terminal; whether it asks for every bit. */
const char *words_reason_brief(Language l, const ReportPair *pair, bool *exact);
/* The first difference; "" where there is no verdict. */
const char *words_first(Arena *arena, const ReportData *d, const ReportPair *pair);
/* Sizes at the last block_out and the logits. */
const char *words_end(Arena *arena, const ReportData *d, const ReportPair *pair);
/* Of so few positions that they are counted: a share of one or three would say more than there is.
 */
bool words_counted(const Verdict *v);
/* Of those, "2 of 3 positions", "the one position". */
const char *words_positions(Language l, Arena *arena, const Verdict *v);
/* The share of positions with the same top token as a cell, or "2 of 3"; `exact`: to the position.
 */
const char *words_same_tokens(Language l, Arena *arena, const Verdict *v, bool exact);
/* Size and next tokens of the logits alone. */
const char *words_logits_end(Arena *arena, const ReportData *d, const ReportPair *pair);
/* The size of the first tensor that differs, in the prompt where it does. */
Size words_first_size(const ReportData *d, const ReportPair *pair);
/* Names in Markdown, or plain for the terminal. */
typedef const char *ShowName(Arena *arena, const char *name);
/* For the terminal: names of a foreign file without their control characters; "layer 3, scan". */
const char *words_plain(Arena *arena, const char *text);
const char *words_place_plain(Arena *arena, const ReportData *d, const char *tensor, int layer);
#endif
