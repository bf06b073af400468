/* end_figures: the columns of a figure of the ends (measure/ends.h) in a row of a table, from terms
 * over the prompts. `row` is a pointer to a row that has NAME, NAME_low and NAME_high, of a change
 * also NAME_holm and NAME_needed; p goes into _holm, which is made of all rows at the end. */
#ifndef DS_STUDY_END_FIGURES_H
#define DS_STUDY_END_FIGURES_H
#include <math.h>
#include <string.h>

#include "family/trace.h"
#include "measure/ends.h"
#include "measure/tables.h"

#define PUT_VALUE(term, terms, prompts, figure, row, name, scratch)                                \
  do {                                                                                             \
    Sample of_##name = ends_sample(term, terms, prompts, figure, scratch);                         \
    (row)->name = of_##name.value;                                                                 \
    (row)->name##_low = of_##name.low;                                                             \
    (row)->name##_high = of_##name.high;                                                           \
  } while (0)
#define PUT_CHANGE(term, terms, prompts, figure, row, name, scratch)                               \
  do {                                                                                             \
    Sample to_##name = ends_sample(term, terms, prompts, figure, scratch);                         \
    (row)->name = to_##name.value;                                                                 \
    (row)->name##_low = to_##name.low;                                                             \
    (row)->name##_high = to_##name.high;                                                           \
    (row)->name##_holm = to_##name.p;                                                              \
    (row)->name##_needed = to_##name.needed;                                                       \
  } while (0)

/* All that a row says of a way itself, and of what it changes. */
#define PUT_VALUES(term, terms, prompts, row, scratch)                                             \
  do {                                                                                             \
    PUT_VALUE(term, terms, prompts, END_BLOCK_OUT, row, block_out, scratch);                       \
    PUT_VALUE(term, terms, prompts, END_TOKEN_MEDIAN, row, token_median, scratch);                 \
    PUT_VALUE(term, terms, prompts, END_KL, row, kl, scratch);                                     \
    PUT_VALUE(term, terms, prompts, END_BITS, row, bits, scratch);                                 \
  } while (0)
#define PUT_CHANGES(term, terms, prompts, row, scratch)                                            \
  do {                                                                                             \
    PUT_CHANGE(term, terms, prompts, END_BLOCK_OUT, row, block_out_factor, scratch);               \
    PUT_CHANGE(term, terms, prompts, END_TOKEN_MEDIAN, row, token_median_factor, scratch);         \
    PUT_VALUE(term, terms, prompts, END_PARTING, row, parting_factor, scratch);                    \
    PUT_CHANGE(term, terms, prompts, END_KL, row, kl_factor, scratch);                             \
    PUT_CHANGE(term, terms, prompts, END_BITS, row, bits_change, scratch);                         \
  } while (0)
/* A mode beside itself is no question. */
#define PUT_NO_QUESTION(row)                                                                       \
  ((row)->block_out_factor_holm = (row)->token_median_factor_holm = (row)->kl_factor_holm =        \
       (row)->bits_change_holm = NAN)

/* How many prompts the terms can be taken of; the names of those that they cannot into a text
 * column. */
static inline int32_t put_prompts(const EndTerm *term, int terms, const PromptShape *prompt,
                                  int prompts, char *left_out, size_t size, Arena scratch) {
  const char **name = ARENA_NEW(&scratch, const char *, prompts);
  int out = 0;
  for (int p = 0; p < prompts; p++)
    if (!ends_usable(term, terms, p)) name[out++] = prompt[p].name;
  table_names(left_out, size, name, out);
  return prompts - out;
}

/* What stands in a column of p, `offset`, becomes Holm's over all rows. */
static inline void put_holm(void *rows, size_t count, size_t size, size_t offset, Arena scratch) {
  double *p = ARENA_NEW(&scratch, double, count);
  for (size_t i = 0; i < count; i++) p[i] = table_double((char *)rows + i * size, offset);
  interval_holm(p, count, p, scratch);
  for (size_t i = 0; i < count; i++) memcpy((char *)rows + i * size + offset, &p[i], sizeof *p);
}

#define PUT_HOLM(type, rows, count, scratch)                                                       \
  do {                                                                                             \
    put_holm(rows, count, sizeof(type), offsetof(type, block_out_factor_holm), scratch);           \
    put_holm(rows, count, sizeof(type), offsetof(type, token_median_factor_holm), scratch);        \
    put_holm(rows, count, sizeof(type), offsetof(type, kl_factor_holm), scratch);                  \
    put_holm(rows, count, sizeof(type), offsetof(type, bits_change_holm), scratch);                \
  } while (0)
#endif
