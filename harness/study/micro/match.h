/* match: an operator on stored inputs, its outputs and float64's against the stored ones.
 *
 * Which setting runs follows from the stored types: int8 inputs where all that a setting wants int8
 * of are, else float32 (int8 among floats is dequantised; float16, bfloat16 and float8 are exact
 * there, float64 is rounded); the output's type where the operator has it, else float32. The scan
 * runs in both orders. Beside these every setting runs that a preset calls the operator with on
 * such inputs and for such an output; one whose output is equal in every bit to an earlier one's is
 * named with that.
 *
 * What is compared: ours, rounded to the stored type, and the stored value, in steps of that type
 * (of float64: of float32). Against float64 of the stored inputs: how far the stored values and
 * ours are, and how many stored ones lie beyond all that the operator's float32 arithmetic, rounded
 * to their type, can make of these inputs (reference/bounds.h; where float64 inputs were rounded,
 * that far again as float64's result moves with it). */
#ifndef DS_STUDY_MICRO_MATCH_H
#define DS_STUDY_MICRO_MATCH_H
#include "study/micro/vectors.h"

typedef struct Match {
  int array;         /* the layout's row of the output */
  char setting[64];  /* "i8->i8" */
  const char *order; /* of the scan: "blocked"; else "" */
  char modes[128];   /* presets that give these bits, "0 2-0"; "" */
  bool derived;      /* by the stored types or the mode that was named: not for comparison alone */
  bool exact; /* int8 throughout, and an output of few bits: equal values are to be expected */
  size_t n, equal;
  int64_t largest;  /* step difference; INT64_MAX where one side is NaN */
  ptrdiff_t first;  /* -1: none */
  double got, want; /* there; of int8 the whole numbers */
  int cols;
  double rel_l2;                  /* of ours, rounded so, against the stored */
  double theirs_l2, ours_l2;      /* of the stored and of ours against float64 */
  int64_t beyond;                 /* stored values beyond the bound */
  ptrdiff_t beyond_first;         /* -1: none */
  double beyond_got, beyond_want; /* there, the stored value and float64's */
} Match;
enum { MATCHES_MOST = 256 };

/* mode: the preset whose setting is to run; NULL: as above. matches: room for MATCHES_MOST. Fails
 * where the case cannot be read or the mode has no setting of these types. */
bool match_case(Arena scratch, const Vectors *v, const VectorCase *c, const Mode *mode,
                Match *matches, int *count, Status *st);
#endif
