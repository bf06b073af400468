/* acts: on whom something acts, a stage that is swapped, a layer that is restored or passes error
 * on: on all tokens alike, on single ones (a clipped value, an event), or on typical ones. Said
 * where intervals over prompts say it, never of one prompt: the factor by which the error of all
 * tokens together changes, that of the median token's, and what the one is times the other, prompt
 * by prompt (measure/ends.h), each told where its interval leaves out 1.
 *
 *   all           both are told, to the same side, and not apart
 *   all, … more   both are told, to the same side, and apart: the one that changes more
 *   single        all tokens together is told and apart from the median token, which is not told
 *   typical       the other way round
 *   opposite      both are told, to different sides */
#ifndef DS_REPORT_ACTS_H
#define DS_REPORT_ACTS_H
#include "report/language.h"

typedef struct Factor {
  double value, low, high; /* low and high: NaN where there is no interval */
} Factor;
#define FACTOR(row, name) ((Factor){(row)->name, (row)->name##_low, (row)->name##_high})

typedef enum Acts {
  ACTS_UNTOLD,
  ACTS_ALL,
  ACTS_SINGLE_MORE,
  ACTS_TYPICAL_MORE,
  ACTS_SINGLE,
  ACTS_TYPICAL,
  ACTS_OPPOSITE,
  ACTS_KINDS
} Acts;
Acts acts_of(Factor total, Factor median, Factor parting);

const char *acts_words(Language l, Acts acts); /* "single tokens"; "—" where it is not told */
const char *acts_meaning(Language l);          /* of these words, for a report; a paragraph */
#endif
