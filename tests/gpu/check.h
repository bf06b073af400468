/* check: the parts of build/check-gpu. */
#ifndef DS_TESTS_GPU_CHECK_H
#define DS_TESTS_GPU_CHECK_H
#include <stdbool.h>

#include "kernels/cuda.h"

/* The device, opened by main; and again, by whoever has given back a Device of his own, and with it
 * all that this process had there. */
extern Cuda cuda;
void cuda_again(void);

/* Each prints one line an operator or primitive, and is false at any difference. `small`: short
 * shapes only. */
bool check_ops(bool small);
bool check_primitives(void);
bool check_places(void);
bool check_reference(bool small);
bool check_stats(bool small);
bool check_observe(bool small);
bool check_positions(bool small);
bool check_prepare(bool small);
/* Prints how long the operators take whose names contain `only`. */
void time_ops(const char *only);
void time_reference(const char *only);
#endif
