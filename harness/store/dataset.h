/* dataset: what a dataset of any HDF5 file is: its elements, how many, where they stand, and the
 * scale and axes beside them. Only where a child reads (base/child.h); internal to store. */
#ifndef DS_STORE_DATASET_H
#define DS_STORE_DATASET_H
#include "store/arrays.h"
#include "store/hdf5.h"

/* All but its name and what only results files have. False, with the reason, where it is not
 * read. */
bool dataset_describe(hid_t at, const char *name, StoredArray *a, Status *why);
/* Whether a file is a results file of driftscope's; then what a dataset of it says of its values:
 * of_f16 and proof. */
bool dataset_is_results(hid_t file);
void dataset_proof(hid_t at, const char *name, StoredArray *a);

#endif
