/* check-gpu: the device's kernels against the CPU's, bit for bit.
 *   check-gpu              operators over types, orders and shapes, then all inputs of the
 *   primitives: a minute
 *   check-gpu ops|small|primitives|places|reference|stats|observe|positions|prepare  one part;
 * small: short shapes alone, for compute-sanitizer check-gpu times [NAME]    how long each operator
 * takes, or those whose names contain NAME Exit 1 at any difference, 2 without a device. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "kernels/cuda.h"

Cuda cuda;

int main(int argc, char **argv) {
  const char *part = argc > 1 ? argv[1] : "all";
  bool all = !strcmp(part, "all"), small = !strcmp(part, "small"), equal = true;
  char why[256];
  if (!cuda_open(&cuda, 0, why)) {
    fprintf(stderr, "check-gpu: %s\n", why);
    return 2;
  }
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
