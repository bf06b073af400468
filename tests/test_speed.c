/* What bench prints. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "command/floors.h"
#include "command/print_speed.h"
#include "kernels/level.h"
#include "tests/shell.h"

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
  print_speed(out, row, 2, "here", NULL);
  fclose(out);
  cr_expect(!strstr(text, "nan"), "%s", text);
  cr_expect(strstr(text, "     1.50         -\n") && strstr(text, "     1.50      2.00\n"), "%s",
            text);
  free(text);
}

/* By hand: 1000 exps at 10 a second and 500 other instructions at 100; 50 products at 5; or the
 * bytes. */
Test(speed, the_least_time_is_that_of_arithmetic_or_of_bytes) {
  Floors floors = {.per_s = {[PEAK_FMA32] = 100, [PEAK_I8] = 5, [PEAK_EXP] = 10},
                   .copy_bytes_per_s = 1000};
  CallWork work = {.float_steps = 1000 * WATCH_EXP_STEPS + 500, .exps = 1000, .i8_macs = 50};
  cr_expect(floors_least_s(&floors, work) == 100 + 5 + 10, "%g s", floors_least_s(&floors, work));
  work.bytes = 200000;
  cr_expect(floors_least_s(&floors, work) == 200, "%g s", floors_least_s(&floors, work));
}

Test(speed, every_level_does_the_rounds_it_is_asked_for) {
  for (int i = 0; level_name(i); i++)
    for (int kind = 0; kind < PEAK_COUNT; kind++) {
      level_choose(level_name(i));
      double once = peak_work((Peak)kind, 1), ten = peak_work((Peak)kind, 10);
      cr_expect(once > 0 && ten == 10 * once, "%s, %d: %g and %g operations", level_name(i), kind,
                once, ten);
    }
}

Test(speed, floors_of_a_folder_that_cannot_be_written_are_refused_by_its_name) {
  Floors floors;
  Status st = {0};
  cr_expect(!floors_measure("/nowhere/at/all", &floors, &st));
  cr_expect(strstr(st.text, "/nowhere/at/all"), "%s", st.text);
}

/* Whose names are those of the run's own table. */
Test(speed, parts_of_the_whole_job_stand_beside_their_floors, .init = shell_begin,
     .fini = shell_end, .timeout = 120) {
  static const char *const part[] = {"prepare", "rewrite proof", "2-0",   "2-4",
                                     "fp64",    "statistics",    "store", "all"};
  cr_assert_eq(shell(NO_FIGURES "%s bench --whole-job --shape falcon-mamba-small --backend cpu "
                                "--length 4 -q --output %s 2>&1",
                     shell_program(), shell_folder),
               0, "%s", shell_output);
  for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
    char name[32];
    double median, mad, floor, ratio;
    snprintf(name, sizeof name, "  %s ", part[i]);
    const char *line = strstr(shell_output, name);
    cr_assert(line, "%s: %s", part[i], shell_output);
    cr_assert_eq(sscanf(line + strlen(name), "%lf %lf %lf %lf", &median, &mad, &floor, &ratio), 4,
                 "%s", line);
    cr_expect(median >= 0 && mad >= 0 && floor >= 0 && ratio > 0, "%s", line);
  }
  cr_expect_eq(shell("ls -A %s | wc -l | grep -qx 0", shell_folder), 0, "files are left");
}
