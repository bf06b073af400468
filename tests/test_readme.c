/* The README keeps its word: its Python snippets read a results file, its spec is one, its commands
 * exist. */
#include "tests/shell.h"

TestSuite(readme, .init = shell_begin, .fini = shell_end);

/* Block `number` (from 1) of the README in `language`, as a file of the test's folder. */
static void extract(const char *language, int number, const char *name) {
  cr_assert_eq(
      shell("awk '/^```%s$/ {n++; on = n == %d; next} /^```/ {on = 0} on' README.md > %s/%s",
            language, number, shell_folder, name),
      0, "%s", shell_output);
  cr_assert_eq(shell("test -s %s/%s", shell_folder, name), 0, "the README has no %s block %d",
               language, number);
}

Test(readme, python_snippets_read_a_results_file) {
  if (shell(SHELL_PYTHON "$P -c 'import h5py, pandas, tables, xarray' 2>/dev/null"))
    cr_skip_test("h5py, pandas or xarray are not installed");
  cr_assert_eq(shell("sed 's/length: 171/length: 7/; s/windows: 16, length: 512/windows: 1, "
                     "length: 64/; s#\\.\\./data#'$PWD'/data#; s/layers: all/layers: [0, 23]/; "
                     "/^mend:/d; /^evaluation:/d' experiments/mode_2-0_vs_2-4.yaml > %s/a.yaml && "
                     "%s run %s/a.yaml -q -o %s/results/mode_2-0_vs_2-4 2>&1",
                     shell_folder, shell_program(), shell_folder, shell_folder),
               0, "%s", shell_output);
  for (int block = 1; block <= 3; block++) {
    extract("python", block, "snippet.py");
    cr_expect_eq(shell("cd %s && " SHELL_PYTHON "$P snippet.py 2>&1", shell_folder), 0,
                 "block %d: %s", block, shell_output);
    cr_expect(strlen(shell_output) > 20, "block %d prints nothing: %s", block, shell_output);
  }
}

/* All of it but the dump, which needs another program. */
Test(readme, its_spec_of_a_dump_is_accepted_as_far_as_the_dump) {
  extract("yaml", 1, "theirs.yaml");
  cr_expect_eq(shell("sed -i \"s#MODEL#$PWD/data/mamba-bytes-10m#\" %s/theirs.yaml && cd %s && "
                     "echo 72 105 > ids.txt && %s validate theirs.yaml 2>&1",
                     shell_folder, shell_folder, shell_program()),
               2, "%s", shell_output);
  cr_expect(strstr(shell_output, "theirs.yaml:5:17: key 'dump': ") &&
                strstr(shell_output, "f32.safetensors: "),
            "%s", shell_output);
}

Test(readme, its_spec_is_accepted) {
  extract("yaml", 2, "question.yaml");
  cr_expect_eq(shell("%s validate %s/question.yaml 2>&1", shell_program(), shell_folder), 0, "%s",
               shell_output);
  cr_expect(strstr(shell_output, "2-4-blocked"), "%s", shell_output);
}

Test(readme, every_command_it_names_exists_and_every_command_is_named) {
  cr_assert_eq(shell("%s --help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p' | while read c; do grep -q "
                     "\"driftscope $c\\b\" README.md || echo \"$c is not in the README\"; done",
                     shell_program()),
               0);
  cr_expect_eq(strlen(shell_output), 0, "%s", shell_output);
  cr_assert_eq(shell("grep -o 'build/driftscope [a-z]*' README.md | sort -u | while read p c; do "
                     "%s $c --help >/dev/null 2>&1 || echo \"$c is no command\"; done",
                     shell_program()),
               0);
  cr_expect_eq(strlen(shell_output), 0, "%s", shell_output);
}
