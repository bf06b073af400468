/* Results files stay: one that the first version of the program wrote, in deflated chunks and with
 * float16 as such, is reported with the same answers. */
#include "shell.h"

#define FILE_OF_V1 "data/golden/results_v1.h5"

TestSuite(first_version, .init = shell_begin, .fini = shell_end);

Test(first_version, file_is_reported_with_the_answers_it_had) {
  cr_assert_eq(shell("%s report " FILE_OF_V1 " -o %s/out 2>&1", shell_program(), shell_folder), 0,
               "%s", shell_output);
  static const char *const lines[] = {
      "2-0 against 2-4: both modes took effect: 12 of 35 tensors from different kernels, 26 differ",
      "2-0 against 2-4: first differs at layer 0, conv1d_silu, relative L2 1.36 % (prompt address)",
      "logits relative L2 0.822 %, same top token at 100 % of positions"};
  for (int i = 0; i < 3; i++)
    cr_expect(strstr(shell_output, lines[i]), "lacks '%s': %s", lines[i], shell_output);
  static const struct {
    const char *table;
    int rows;
  } tables[] = {{"tensor_stats", 107}, {"pair_stats", 105}, {"drift", 105}, {"scales", 32}};
  for (int i = 0; i < 4; i++) {
    cr_assert_eq(shell("wc -l < %s/out/tables/%s.csv", shell_folder, tables[i].table), 0);
    cr_expect_eq(atoi(shell_output), tables[i].rows + 1, "%s: %s", tables[i].table, shell_output);
  }
}

Test(first_version, file_is_compared_with_itself) {
  cr_assert_eq(shell("%s report " FILE_OF_V1 " " FILE_OF_V1 " 2>&1", shell_program()), 0, "%s",
               shell_output);
  cr_expect(strstr(shell_output, "nothing changed"), "%s", shell_output);
}
