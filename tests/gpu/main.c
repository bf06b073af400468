/* check-gpu: the device's kernels against the CPU's, bit for bit.
 *   check-gpu       operators over types, orders and shapes, then all inputs of the primitives: a
 *                   minute
 *   check-gpu PART  ops, primitives, places, reference, stats, observe, positions or prepare;
 *                   small: short shapes alone, for compute-sanitizer
 *   check-gpu times [NAME]  how long each operator takes, or those whose names contain NAME
 * Exit 1 at any difference, 2 without a device. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/cuda.h"

Cuda cuda;

void cuda_again(void) {
  char why[256];
  if (cuda_open(&cuda, 0, why)) return;
  fprintf(stderr, "check-gpu: %s\n", why);
  exit(2);
}

int main(int argc, char **argv) {
  const char *part = argc > 1 ? argv[1] : "all";
  bool all = !strcmp(part, "all"), small = !strcmp(part, "small"), equal = true;
  cuda_again();
  printf("%s\n", cuda.name);
  if (all || small || !strcmp(part, "ops")) equal = check_ops(small) && equal;
  if (all || small || !strcmp(part, "reference")) equal = check_reference(small) && equal;
  if (all || small || !strcmp(part, "stats")) equal = check_stats(small) && equal;
  if (all || small || !strcmp(part, "observe")) equal = check_observe(small) && equal;
  if (all || small || !strcmp(part, "positions")) equal = check_positions(small) && equal;
  if (all || small || !strcmp(part, "prepare")) equal = check_prepare(small) && equal;
  if (all || !strcmp(part, "places")) equal = check_places() && equal;
  if (all || !strcmp(part, "primitives")) equal = check_primitives() && equal;
  if (!strcmp(part, "times")) {
    time_ops(argc > 2 ? argv[2] : "");
    time_reference(argc > 2 ? argv[2] : "");
  }
  return equal ? 0 : 1;
}
