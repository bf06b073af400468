#include "report/acts.h"

#include <math.h>

/* Where the interval leaves out a factor of 1: to which side; else 0. */
static int side(Factor f) { return isnan(f.low) ? 0 : f.low > 1 ? 1 : f.high < 1 ? -1 : 0; }

Acts acts_of(Factor total, Factor median, Factor parting) {
  const int of_total = side(total), of_median = side(median);
  const bool apart = side(parting) != 0;
  if (of_total && of_median) {
    if (of_total != of_median) return ACTS_OPPOSITE;
    if (!apart) return ACTS_ALL;
    return fabs(log(total.value)) > fabs(log(median.value)) ? ACTS_SINGLE_MORE : ACTS_TYPICAL_MORE;
  }
  if (!apart || isnan(total.low) || isnan(median.low)) return ACTS_UNTOLD;
  return of_total ? ACTS_SINGLE : of_median ? ACTS_TYPICAL : ACTS_UNTOLD;
}

const char *acts_words(Language l, Acts acts) {
  switch (acts) {
    case ACTS_ALL: return say(l, "all tokens alike");
    case ACTS_SINGLE_MORE: return say(l, "all tokens, single ones more");
    case ACTS_TYPICAL_MORE: return say(l, "all tokens, typical ones more");
    case ACTS_SINGLE: return say(l, "single tokens");
    case ACTS_TYPICAL: return say(l, "typical tokens");
    case ACTS_OPPOSITE: return say(l, "single tokens one way and typical ones the other");
    default: return "—";
  }
}

const char *acts_meaning(Language l) {
  return say(l, "The error of all tokens together may be that of a few, which one clipped value is "
                "enough for. So the *median token's* stands beside it: the relative error of a "
                "token, median over the tokens of a prompt. *Acts on* is what the factors of both "
                "say, where their intervals over prompts and that of the one over the other leave "
                "no change out: all tokens alike, single tokens (all together changes, the median "
                "token does not), or typical ones (the other way round).\n\n");
}
