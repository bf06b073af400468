/* results_walk: a results file walked by its schema alone; internal to store. Known names are hard
 * links to objects of known types, or refused by name, and every digest is checked before anything
 * is shown. What has another name is somebody's own: it is passed over and never opened. */
#ifndef DS_STORE_RESULTS_WALK_H
#define DS_STORE_RESULTS_WALK_H
#include "store/store.h"

/* The whole of an open file of so many bytes. keep: the rows of its tables stay there, in
 * results->kept; NULL: they do not, and `scratch` is taken. compared: the tensors with their
 * digests, already. */
bool results_walk(Results *results, uint64_t bytes, Arena *keep, bool compared, Arena scratch,
                  Status *st);
#endif
