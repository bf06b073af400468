#include "command/print_speed.h"

#include <math.h>

/* "-" where there is no number: the peak of a CPU is not known. */
static void print_ratio(FILE *out, double ratio) {
  isnan(ratio) ? fprintf(out, " %9s", "-") : fprintf(out, " %9.2f", ratio);
}

void print_speed(FILE *out, const Speed *row, size_t rows, const char *where) {
  fprintf(out, "%s\n%-18s %-40s %-5s %5s %12s %9s %9s %9s %9s\n", where, "what", "kernel", "mode",
          "T", "median us", "MAD us", "MB", "to copy", "roofline");
  for (size_t i = 0; i < rows; i++) {
    fprintf(out, "%-18s %-40s %-5s %5d %12.2f %9.2f %9.2f", row[i].what, row[i].kernel, row[i].mode,
            row[i].T, 1e6 * row[i].median_s, 1e6 * row[i].mad_s, 1e-6 * (double)row[i].bytes);
    print_ratio(out, row[i].ratio_copy);
    print_ratio(out, row[i].ratio_roofline);
    fputc('\n', out);
  }
}
