/* What somebody took out of a results file is said to be missing from it: it is no fact of the
 * run. */
#include <hdf5.h>

#include "tests/source_files.h"

TestSuite(results_missing, .init = sources_begin, .fini = test_files_end);

/* A result of two dumps, from which this is taken. */
static void without(const char *link, const char *attribute) {
  Arrays all = usual();
  write_npz("a.npz", &all);
  put(&all, 1, 1, 2, 3, 7);
  write_npz("b.npz", &all);
  COMPARE(0, "a.npz", "b.npz");
  hid_t file = H5Fopen(test_path("out/results.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
  cr_assert(file >= 0);
  if (link) cr_assert(H5Ldelete(file, link, H5P_DEFAULT) >= 0);
  if (attribute) cr_assert(H5Adelete(file, attribute) >= 0);
  cr_assert(H5Fclose(file) >= 0);
}

Test(results_missing, a_file_without_tables_is_refused_with_its_name_once) {
  without("/tables", NULL);
  RUN(2, "report %s/out/results.h5", test_folder);
  SAYS("out/results.h5: /tables: is not in the file");
  RUN(2, "verify %s/out/results.h5", test_folder);
  SAYS("out/results.h5: /tables/tensor_stats: is not in the file");
  const char *first = strstr(shell_output, "results.h5");
  cr_expect(first && !strstr(first + 1, "results.h5"), "%s", shell_output);
}

Test(results_missing, a_table_that_was_taken_out_is_said_to_be_missing) {
  static const char *const core[] = {"tensor_stats", "pair_stats", "drift", "verdict"};
  for (size_t i = 0; i < sizeof core / sizeof *core; i++) {
    const char *table = arena_printf(&test_arena, "/tables/%s", core[i]);
    without(table, NULL);
    RUN(0, "report %s/out/results.h5", test_folder);
    expect_first(arena_printf(&test_arena,
                              "NOT IN THE FILE, and so not in the report: the tables %s; of "
                              "/tables 1 table that its run wrote",
                              table));
    read_report();
    SAYS("> **Warning.** Not in the file: ", table);
    RUN(0, "report %s/out/results.h5 --lang zh", test_folder);
    expect_first("文件中缺失");
    cr_assert_eq(shell("rm -r %s/out", test_folder), 0);
  }
  without("/tables/performance", NULL);
  RUN(0, "report %s/out/results.h5", test_folder);
  expect_first("NOT IN THE FILE, and so not in the report: of /tables 1 table that its run wrote");
}

Test(results_missing, rows_of_pairs_that_were_taken_out_are_not_verified_as_none) {
  without("/tables/pair_stats", NULL);
  RUN(2, "verify %s/out/results.h5", test_folder);
  SAYS("results.h5: /tables/pair_stats: is not in the file");
}

Test(results_missing, attributes_that_were_taken_out_are_said_to_be_missing) {
  without(NULL, "title");
  RUN(0, "report %s/out/results.h5", test_folder);
  expect_first("NOT IN THE FILE, and so not in the report: the attributes title\n");
}
