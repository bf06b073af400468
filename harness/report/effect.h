/* effect: what a change does to the end of a model, as cells: a factor, or a difference, with its
 * interval over prompts. Bold where the interval leaves no change out; † where it does not any more
 * with all rows asked at once. */
#ifndef DS_REPORT_EFFECT_H
#define DS_REPORT_EFFECT_H
#include "base/arena.h"
#include "report/language.h"

/* So many decimals that two digits of a factor's distance from 1 show. */
int effect_decimals(double factor);
const char *effect_factor(Arena *arena, double factor, int decimals);
/* "1.20 (1.10 … 1.30)". */
const char *effect_interval(Language l, Arena *arena, const char *value, const char *low,
                            const char *high);
/* The same of a factor, with as many decimals as the interval needs; alone where it has none. */
const char *effect_factor_within(Language l, Arena *arena, double factor, double low, double high);
/* Where an interval leaves out what stands for no change: 1 of a factor, 0 of a difference. */
bool effect_clear(double low, double high, double none);
/* Of two factors with their intervals: whether the first may be no farther from 1 than the second,
 * in either direction. False where one has no interval. */
bool effect_may_be_less(double low, double high, double other_low, double other_high);
const char *effect_factor_cell(Language l, Arena *arena, double value, double low, double high,
                               double holm);
const char *effect_difference_cell(Language l, Arena *arena, double value, double low, double high,
                                   double holm);

/* Of a row that has NAME, NAME_low, NAME_high and NAME_holm. */
#define FACTOR_CELL(l, arena, row, name)                                                           \
  effect_factor_cell(l, arena, (row)->name, (row)->name##_low, (row)->name##_high,                 \
                     (row)->name##_holm)
#define CHANGE_CELL(l, arena, row, name)                                                           \
  effect_difference_cell(l, arena, (row)->name, (row)->name##_low, (row)->name##_high,             \
                         (row)->name##_holm)
#endif
