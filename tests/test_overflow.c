/* A checkpoint whose weights are finite and whose first layer overflows float16, as its user meets
 * it: what leads report and terminal, what is left out and counted, and when it is a failure. */
#include "tests/made_model.h"
#include "tests/shell.h"

enum { TOKENS = 24 };

/* A [TOKENS] array of int32, as numpy.save writes it. */
static void write_tokens(void) {
  char file[128 + 4 * TOKENS];
  memset(file, ' ', 128);
  memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
  int used =
      sprintf(file + 10, "{'descr': '<i4', 'fortran_order': False, 'shape': (%d,), }", TOKENS);
  file[10 + used] = ' ';
  file[127] = '\n';
  for (int i = 0; i < TOKENS; i++) {
    int32_t token = i * i % 6;
    memcpy(file + 128 + 4 * i, &token, sizeof token);
  }
  test_write("tokens.npy", file, sizeof file);
}

static void begin(void) {
  test_files_begin();
  Model *m = model_of("F32");
  Made *out = tensor(m, "backbone.layers.0.mixer.out_proj.weight");
  for (int i = 0; i < made_count(out); i++) out->value[i] *= 2e5;
  write_shard(m, "model.safetensors", 0, false);
  CONFIG("torch_dtype", "\"float32\"");
  write_tokens();
  static const char spec[] = "title: Overflow\n"
                             "model: .\n"
                             "calibration: {text: tokens.npy, windows: 1, length: 24}\n"
                             "prompts: [{name: p, tokens: tokens.npy}]\n"
                             "pairs: [[2-0, 2-4], [fp32, \"1\"]]\n"
                             "compare_all: [2-0, \"1\", fp32]\n"
                             "budget: all\n"
                             "swaps: {pair: [2-0, 2-4], combinations: true}\n"
                             "restore: {mode: 2-0, to: fp32, limit: 0.01}\n"
                             "gate: {pair: [fp32, \"1\"], layer: last, rel_l2: 1e30}\n";
  test_write("overflow.yaml", spec, strlen(spec));
}

TestSuite(overflow, .init = begin, .fini = test_files_end, .timeout = 120);

static char *text_of(const char *name) {
  FILE *f = fopen(test_path(name), "rb");
  cr_assert(f, "no %s", name);
  char *text = arena_alloc(&test_arena, 1 << 20, 1);
  text[fread(text, 1, (1 << 20) - 1, f)] = 0;
  fclose(f);
  return text;
}

/* A number of C's printf that is none, as a word of its own. */
static const char *bare(const char *text) {
  static const char *const word[] = {"nan", "inf"};
  for (int w = 0; w < 2; w++)
    for (const char *at = text; (at = strstr(at, word[w])); at++)
      if ((at == text || !strchr("abcdefghijklmnopqrstuvwxyz", at[-1])) &&
          !strchr("abcdefghijklmnopqrstuvwxyz", at[3]))
        return at;
  return NULL;
}

Test(overflow, the_first_value_leads_the_terminal_the_report_and_the_report_made_again) {
  int status =
      shell("cd %s && %s run overflow.yaml -q -o out 2>/dev/null", test_folder, shell_program());
  cr_assert_eq(status, 1, "the gate passes over values that are not finite: %s", shell_output);
  cr_expect(strstr(shell_output, "values are not finite\n"), "%s", shell_output);
  const char *first = "NOT FINITE: first at layer 0, gated, element ";
  cr_expect(!strncmp(shell_output, first, strlen(first)), "%s", shell_output);
  cr_expect(strstr(shell_output, "no failure without --strict\n"), "%s", shell_output);
  char *again = arena_printf(&test_arena, "%.*s", (int)strcspn(shell_output, "\n"), shell_output);
  shell(NO_FIGURES "%s report %s/out/results.h5 2>/dev/null", shell_program(), test_folder);
  cr_expect(!strncmp(shell_output, again, strlen(again)), "%s", shell_output);
  const char *report = text_of("out/report.md");
  const char *head =
      "\n## 1. The question and the answer\n\n> **Warning.** Values are not finite. The first: "
      "`gated` of layer 0, element ";
  cr_expect(strstr(report, head), "%s", report);
}

Test(overflow, no_sentence_says_identical_or_names_a_size_without_what_it_leaves_out) {
  shell("cd %s && %s run overflow.yaml -q -o out 2>&1", test_folder, shell_program());
  static const char *const lies[] = {"logits identical", "block_out identical",
                                     "1.00e+00 times layer 0"};
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
    cr_expect(!strstr(shell_output, lies[i]), "%s", shell_output);
  cr_expect(strstr(shell_output, "finite on both sides"), "%s", shell_output);
  const char *report = text_of("out/report.md");
  cr_expect(!strstr(report, "It does not travel"), "%s", report);
  cr_expect(strstr(report, "How it grows is not told"), "%s", report);
  cr_expect(strstr(report, "**Without a budget**"), "%s", report);
  cr_expect(!bare(report), "%.200s", bare(report));
  cr_expect(!bare(shell_output), "%.200s", bare(shell_output));
}

Test(overflow, under_strict_it_is_a_failure_that_names_the_place) {
  cr_assert_eq(
      shell("cd %s && sed -i '/^[gbsr].*:/d' overflow.yaml && %s run overflow.yaml -q -o out 2>&1",
            test_folder, shell_program()),
      0, "%s", shell_output);
  cr_assert_eq(
      shell(NO_FIGURES "%s report --strict %s/out/results.h5 2>&1", shell_program(), test_folder),
      1, "%s", shell_output);
  cr_expect(strstr(shell_output, "values are not finite, first at layer 0, gated, element "), "%s",
            shell_output);
  cr_expect(strstr(shell_output, "(--strict)\n"), "%s", shell_output);
  cr_assert_eq(shell("cd %s && %s run overflow.yaml -q -o out --strict >/dev/null 2>&1",
                     test_folder, shell_program()),
               1);
}
