/* What a run has stored of its sides is read by the studies that follow, in place of being computed
 * again: every cell is the same. */
#include "tests/every_study.h"
#include "tests/small_run.h"

TestSuite(stored, .init = small_run_begin, .fini = made_shell_end);

static const char *results_of(const char *name, const char *spec) {
  RUN(0, "run %s -q -o %s", spec, test_path(name));
  return arena_printf(&test_arena, "%s/results.h5", test_path(name));
}

/* Of the parts that a run is merged from nothing but rows is read: what the studies ask for is
 * computed, here by one thread. */
static const char *computed_of(const char *name, const char *spec) {
  RUN(0, "run %s -q --shard 1/1 -o %s.part", spec, test_path(name));
  RUN(0, "merge -q --threads 1 %s.part -o %s", test_path(name), test_path(name));
  return arena_printf(&test_arena, "%s/results.h5", test_path(name));
}

static const char *small_results(const char *keep, const char *(*of)(const char *, const char *)) {
  static int runs;
  const char *name = arena_printf(&test_arena, "run_%d", runs++);
  return of(
      name,
      small_spec(
          arena_printf(&test_arena, "%s.yaml", name),
          arena_printf(
              &test_arena,
              "modes: {own: {base: 2-0, layers: {1: {scan_u: f32}}}, dynamic: {base: 2-4, "
              "conv_in: i8_dynamic}}\n"
              "pairs: [[2-0, 2-4], [own, fp64], [2-4, dynamic], [3, 2-0]]\n"
              "swaps: [{pair: [2-0, 2-4], combinations: true}]\n"
              "restore: [{mode: 2-0, to: fp32, limit: 0.0001, by: layer, most: 2}]\n"
              "mend: [2-0, dynamic]\n"
              "grid: {alpha: [0.9, 0.9999], modes: [2-0], length: [4]}\n"
              "repair:\n"
              "- {mode: 2-0, to: fp64, prompt: a, layer: 1, tensor: conv1d_silu, token: 2, "
              "channel: 3}\n"
              "- {mode: 2-4, to: 2-0, prompt: b, layer: 2, tensor: gated, token: 5, channel: 1}\n"
              "- {mode: 2-2, to: own, prompt: b, layer: 0, tensor: norm, token: 1, channel: 0}\n"
              "keep: {%s}\n",
              keep)));
}

/* The first layers of the shipped model, in which tokens stand out. */
static void shipped_model(void) {
  cr_assert_eq(shell("cp data/mamba-bytes-10m/* %s && sed -i 's/\"num_hidden_layers\": 24/"
                     "\"num_hidden_layers\": 12/' %s/config.json && grep -c ' 12,' %s/config.json",
                     test_folder, test_folder, test_folder),
               0, "%s", shell_output);
}

static const char *shipped_spec(const char *name, const char *keep) {
  const char *folder = getcwd(NULL, 0),
             *spec = arena_printf(
                 &test_arena,
                 "title: Events\nmodel: .\nignore_unused: true\nbackend: cpu\n"
                 "calibration: {text: %s/data/text/valid.txt, windows: 1, length: 64}\n"
                 "prompts: [{name: a, text: %s/data/text/test.txt, offset: 4000, length: 24}]\n"
                 "pairs: [[2-0, 2-4], [2-4, 3]]\nevents: {share: 0.1, repair: 2}\nkeep: {%s}\n",
                 folder, folder, keep);
  return test_write(arena_printf(&test_arena, "%s.yaml", name), spec, strlen(spec));
}

static const char *shipped_results(const char *name, const char *keep) {
  return results_of(name, shipped_spec(name, keep));
}

/* In so little memory that no layer's weights stay. */
static const char *shipped_results_in_least_memory(const char *name, const char *keep) {
  const char *spec = shipped_spec(name, keep);
  cr_assert_eq(
      shell(NO_FIGURES
            "%s run %s --memory $(($(%s validate %s | sed -n 's/.*at least "
            "\\([0-9]*\\) MB.*/\\1/p') + 2))MB -o %s 2> %s && grep -q 'not all layers stay' %s",
            shell_program(), spec, shell_program(), spec, test_path(name), test_path("said"),
            test_path("said")),
      0);
  return arena_printf(&test_arena, "%s/results.h5", test_path(name));
}

/* Where nothing is kept, what left the layers is read from the journal. */
Test(stored, studies_find_the_same_whether_they_read_or_compute, .timeout = 120) {
  static const char *const keep[] = {
      "tensors: none",
      "tensors: all",
      "f16_as: f16",
      "layers: [0, 2]",
      "tensors: [block_out]",
      "tensors: [block_in, block_out, logits], layers: [1]",
      "tensors: [block_in, block_out, logits]",
  };
  small_model(3);
  const char *want = small_results(keep[0], computed_of), *said;
  for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
    const char *got = small_results(keep[i], results_of);
    cr_expect(every_cell_equal(&test_arena, want, got, &said), "%s: %s", keep[i], said);
  }
}

Test(stored, events_begin_at_the_same_elements_whether_layers_are_read_or_computed,
     .timeout = 120) {
  shipped_model();
  const char *computed = computed_of("none", shipped_spec("none", "tensors: none")),
             *streams = shipped_results("streams", "tensors: none"),
             *some = shipped_results("some", "layers: [2, 3, 8]"), *said;
  cr_expect(every_cell_equal(&test_arena, computed, streams, &said), "%s", said);
  cr_expect(every_cell_equal(&test_arena, computed, some, &said), "%s", said);
  const char *bare = shipped_results_in_least_memory("least", "f16_as: f32"),
             *f16 = shipped_results_in_least_memory("least16", "f16_as: f16");
  cr_expect(every_cell_equal(&test_arena, computed, bare, &said), "%s", said);
  cr_expect(every_cell_equal(&test_arena, computed, f16, &said), "%s", said);
  cr_expect_eq(shell("grep -c element %s/tables/events.csv", test_path("some")), 0);
}

/* A run's report is made of the tables that it has in memory. */
Test(stored, the_report_of_a_run_is_the_one_of_its_file, .timeout = 60) {
  small_model(3);
  const char *results = small_results("tensors: none", results_of),
             *folder = arena_printf(&test_arena, "%.*s", (int)strlen(results) - 11, results);
  RUN(0, "report %s -o %s", results, test_path("again"));
  cr_expect_eq(shell("rm -r %s/results.h5 %s/calibration.json && diff -r %s %s", folder, folder,
                     folder, test_path("again")),
               0, "%s", shell_output);
}
