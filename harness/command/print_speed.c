#include "command/print_speed.h"

#include <math.h>

/* "-" where there is no number: a device whose peak is not known. */
static void print_ratio(FILE *out, double ratio) {
  isnan(ratio) ? fprintf(out, " %9s", "-") : fprintf(out, " %9.2f", ratio);
}

static void print_floors(FILE *out, const Floors *f) {
  fprintf(
      out,
      "floors: %.1f G fma/s in float32, %.1f in float64, %.1f G products/s in int8, %.2f G exp/s;\n"
      "        %.1f GB/s copied (read and written), %.2f GB/s written to a file\n",
      1e-9 * f->per_s[PEAK_FMA32], 1e-9 * f->per_s[PEAK_FMA64], 1e-9 * f->per_s[PEAK_I8],
      1e-9 * f->per_s[PEAK_EXP], 1e-9 * f->copy_bytes_per_s, 1e-9 * f->write_bytes_per_s);
}

void print_speed(FILE *out, const Speed *row, size_t rows, const char *where,
                 const Floors *floors) {
  fprintf(out, "%s\n", where);
  if (floors) print_floors(out, floors);
  fprintf(out, "%-18s %-40s %-5s %5s %12s %9s %9s %9s %9s\n", "what", "kernel", "mode", "T",
          "median us", "MAD us", "MB", "to copy", "roofline");
  for (size_t i = 0; i < rows; i++) {
    fprintf(out, "%-18s %-40s %-5s %5d %12.2f %9.2f %9.2f", row[i].what, row[i].kernel, row[i].mode,
            row[i].T, 1e6 * row[i].median_s, 1e6 * row[i].mad_s, 1e-6 * (double)row[i].bytes);
    print_ratio(out, row[i].ratio_copy);
    print_ratio(out, row[i].ratio_roofline);
    fputc('\n', out);
  }
}
