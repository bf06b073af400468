/* sources: rows of sides that were made elsewhere, and of two errors against a third. */
#ifndef DS_MEASURE_TABLES_SOURCES_H
#define DS_MEASURE_TABLES_SOURCES_H
#include "measure/tables/table.h"

/* A source: a side made elsewhere, and what of it is compared. */
typedef struct SourceRow {
  char source[TEXT_NAME];
  char dump[TEXT_KERNEL];       /* path, as the spec has it */
  char names[TEXT_KERNEL];      /* by which its arrays became tensors (source/dump/names.h) */
  int32_t arrays, used, layers; /* used: arrays that are a tensor of the run */
  int32_t masked;               /* tokens of all prompts that are padding by its mask */
} SourceRow;

/* An array of a source that is no tensor of the run. */
typedef struct SourceLeft {
  char source[TEXT_NAME];
  char array[TEXT_KERNEL];  /* its name, with its file where the dump is a folder */
  char type[TEXT_SETTING];  /* "not read" of what is no array that could be */
  char shape[TEXT_CONTEXT]; /* or why it is not read */
} SourceLeft;

/* Of which precision the values of a source's tensor are (measure/grain.h). */
typedef struct SourceValues {
  char prompt[TEXT_NAME], source[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer;
  int64_t n;
  double as_f16,
      as_bf16;         /* shares of the finite values that this type holds exactly; NaN of none */
  double grid_scale;   /* of the int8 grid that all of them lie on; NaN: there is none */
  int32_t grid_levels; /* different magnitudes above 0 there; 0: no grid */
} SourceValues;

/* A tensor of a pair of which one side is of rewritten weights and the other is not, or which
 * contradicts what was said of the two (study/undone.h). Sizes are relative L2 over what is finite;
 * NaN where nothing was computed. */
typedef struct Undone {
  char prompt[TEXT_NAME], base[TEXT_NAME], other[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer, cols;
  int32_t rewritten;         /* so many of the two are said to be of rewritten weights */
  char side[TEXT_NAME];      /* whose tensor is rotated back; "": none is */
  char reason[TEXT_SETTING]; /* why the two are not compared: "gain", "unknown", "no_matrix",
                              * "contradicted", "unproved"; "": they are */
  double back;               /* rotated back and again, from what it was */
  double rel_l2;             /* of the pair, as it is said to be rewritten */
  double other_l2;           /* and if that were wrong: rotated back where it is not, or the other
                              * way round */
} Undone;

/* The errors of two against a third that is taken for the truth: one tensor at one layer, over the
 * prompts in which all three have it (measure/three_way.h). */
typedef struct ThreeWay {
  char base[TEXT_NAME], other[TEXT_NAME], against[TEXT_NAME], tensor[TEXT_TENSOR];
  int32_t layer;
  int32_t prompts;
  double error_base, error_other;      /* relative L2 against the third, prompts pooled */
  double ratio, ratio_low, ratio_high; /* error of other over that of base: geometric mean over
                                        * prompts; NaN where one is 0 */
  double sigma_ratio;                  /* deviation of other's errors over that of base's */
  double overlap; /* Bhattacharyya coefficient of the two sets of errors, as normal ones */
  double worst_l2, worst_max_abs; /* largest ratio of a prompt: of relative L2, of the largest
                                   * absolute error */
} ThreeWay;

extern const Table table_sources, table_source_left, table_source_values, table_undone,
    table_three_way;
#endif
