/* dimensions: the dimension scales of a prompt and what lies along them; internal to store. What
 * stands in the file is what H5DSset_label and H5DSattach_scale write (HDF5's specification of
 * dimension scales): DIMENSION_LABELS and DIMENSION_LIST of a dataset, REFERENCE_LIST of a scale.
 * But H5DSattach_scale reads and writes a scale's list again for every dataset: the bytes moved
 * grow with the square of the datasets of a scale, and were two fifths of a run's processor time
 * at 9,792 of them. Here each list is written once. */
#ifndef DS_STORE_DIMENSIONS_H
#define DS_STORE_DIMENSIONS_H
#include "store/state.h"

enum { DIMENSION_NAME = NAME_BYTES_MAX + 32, DIMENSION_RANK_MOST = 2 };

typedef struct DimensionScale {
  char name[DIMENSION_NAME];
  hid_t scale;
  hobj_ref_t reference;
} DimensionScale;

/* An entry of a scale's list: the dataset, and which of its dimensions. */
typedef struct DimensionUse {
  hobj_ref_t dataset;
  int dimension;
  int of; /* of the scales */
} DimensionUse;

typedef struct Dimensions {
  DimensionScale *scale;
  int scales, scales_most;
  DimensionUse *use;
  size_t uses, uses_most;
} Dimensions;

/* In the arena, which holds it until dimensions_end. */
void dimensions_begin(Arena *arena, int scales_most, size_t uses_most, Dimensions *d);
/* `dataset` becomes a scale of that name, with the text that H5DSset_scale takes; it is closed by
 * dimensions_end, whether this fails or not. */
bool dimensions_add(Dimensions *d, const char *name, hid_t dataset, const char *text, Status *why);
int dimensions_find(const Dimensions *d, const char *name); /* -1: none */
/* The dimensions of a dataset lie along these scales [rank]. Once a dataset. */
bool dimensions_attach(Dimensions *d, hid_t dataset, int rank, const int scale[], Status *why);
/* Writes the scales' lists and closes the scales; with `ok` false it only closes them. */
bool dimensions_end(Dimensions *d, bool ok, Arena scratch, Status *why);

#endif
