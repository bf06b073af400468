/* What bench prints. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "command/print_speed.h"

Test(speed, a_roofline_that_is_not_known_is_a_dash) {
  Speed row[] = {{.what = "norm",
                  .kernel = "rmsnorm",
                  .mode = "0",
                  .T = 5,
                  .ratio_copy = 1.5,
                  .ratio_roofline = NAN},
                 {.what = "norm",
                  .kernel = "rmsnorm",
                  .mode = "0",
                  .T = 5,
                  .ratio_copy = 1.5,
                  .ratio_roofline = 2}};
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  print_speed(out, row, 2, "here");
  fclose(out);
  cr_expect(!strstr(text, "nan"), "%s", text);
  cr_expect(strstr(text, "     1.50         -\n") && strstr(text, "     1.50      2.00\n"), "%s",
            text);
  free(text);
}
