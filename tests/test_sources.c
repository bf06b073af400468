/* Sides made elsewhere, as a user compares them: two dumps by the command line, dumps and modes by
 * a spec. What differs has the numbers that this file computes by itself; what cannot be compared
 * is refused in one line that names it; other inputs are the first thing that is said. */
#include "measure/tables.h"
#include "tests/small_model.h"
#include "tests/source_files.h"

TestSuite(sources, .init = sources_begin, .fini = test_files_end);

/* --- dump against dump ------------------------------------------------------------------------ */

Test(sources, equal_dumps_in_two_containers_are_said_to_be_identical_before_all_else) {
  Arrays all = usual();
  write_npz("a.npz", &all);
  cr_assert_eq(mkdir(test_path("b"), 0700), 0);
  for (int i = 0; i < all.count; i++)
    write_made(arena_printf(&test_arena, "b/%s", all.part[i].name), all.part[i].content);
  COMPARE(0, "a.npz", "b");
  expect_first("a against b: IDENTICAL: all 6 tensors are the same in every bit; if these should "
               "be two computations, one did not take effect");
  read_report();
  SAYS("**identical in every bit**");
  SAYS("If a and b should be two computations, one of them did not take effect.");
}

/* Two elements of y in layer 1 and one of x in layer 2. */
Test(sources, figures_of_a_pair_of_dumps_are_those_of_the_elements_that_differ) {
  Arrays all = usual();
  write_npz("a.npz", &all);
  put(&all, 1, 1, 2, 3, value_at(1, 1, 11) + 0.5f);
  put(&all, 1, 1, 4, 0, value_at(1, 1, 16) - 0.25f);
  put(&all, 2, 0, 0, 0, value_at(2, 0, 0) + 2.0f);
  write_npz("b.npz", &all);
  COMPARE(0, "a.npz", "b.npz");
  SAYS(
      "a against b: 2 of 6 tensors differ\na against b: first differs at layer 1, y, relative L2 ");
  double base = 0, sum = 0;
  for (int i = 0; i < VALUES_A_TENSOR; i++) {
    base += (double)value_at(1, 1, i) * (double)value_at(1, 1, i);
    sum += (double)value_at(1, 1, i);
  }
  const double error = 0.5 * 0.5 + 0.25 * 0.25;
  expect_cell("y", 1, "rel_l2", sqrt(error / base));
  expect_cell("y", 1, "rmse", sqrt(error / VALUES_A_TENSOR));
  expect_cell("y", 1, "max_abs", 0.5);
  expect_cell("y", 1, "mean_abs", 0.75 / VALUES_A_TENSOR);
  expect_cell("y", 1, "mean_base", sum / VALUES_A_TENSOR);
  expect_cell("y", 1, "mean_diff", 0.25 / VALUES_A_TENSOR);
  expect_cell("y", 1, "differing", 2.0 / VALUES_A_TENSOR);
  expect_cell("y", 1, "first_index", 11);
  expect_cell("y", 1, "worst_index", 11);
  expect_cell("y", 1, "token_worst", 2);
  expect_cell("y", 1, "token_worst_share", 0.8);
  expect_cell("y", 1, "channel_worst", 3);
  expect_cell("y", 0, "identical", 1);
  expect_cell("x", 2, "max_abs", 2);
  expect_cell("x", 2, "identical", 0);
}

/* As many columns of a table as there are tensors that are followed: of one there is one. */
Test(sources, dump_of_a_single_tensor_a_layer_has_a_whole_report) {
  Arrays a = {.count = 0}, b = {.count = 0};
  for (int layer = 0; layer < LAYERS; layer++)
    for (int side = 0; side < 2; side++) {
      float value[VALUES_A_TENSOR];
      for (int i = 0; i < VALUES_A_TENSOR; i++)
        value[i] = value_at(layer, 0, i) + (side ? ldexpf(1, layer - 10) : 0);
      add_floats(side ? &b : &a, arena_printf(&test_arena, "h.%d.out", layer), TOKENS, WIDTH,
                 value);
    }
  write_npz("a.npz", &a);
  write_npz("b.npz", &b);
  COMPARE(0, "a.npz", "b.npz");
  cr_assert_eq(shell("grep '^|  *| `out`' %s/out/report.md", test_folder), 0);
  int bars = 0;
  for (const char *at = shell_output; *at; at++) bars += *at == '|';
  cr_expect_eq(bars, 3, "%s", shell_output);
}

Test(sources, what_stands_on_one_side_or_is_no_tensor_is_listed) {
  Arrays all = usual();
  write_npz("a.npz", &all);
  float value[VALUES_A_TENSOR] = {1};
  for (int layer = 0; layer < LAYERS; layer++)
    add_floats(&all, arena_printf(&test_arena, "layers.%d.only_here", layer), TOKENS, WIDTH, value);
  write_npz("b.npz", &all);
  add_array(&all, "words", NPY("|U1", "False", "(1,)"), "x\0\0", 4);
  write_npz("b.npz", &all);
  COMPARE(0, "a.npz", "b.npz");
  expect_first("a against b: IDENTICAL: all 6 tensors ");
  SAYS("; not compared: 3 tensors of b, 1 array of b of no tensor\n");
  read_report();
  SAYS("- In b alone, and so not compared with a: `only_here`.",
       "Not compared: 3 tensors of b, 1 array of b of no tensor.",
       "of dumps with several passes, which are prompts, there are intervals");
  NOT_SAYS("windows: N");
}

Test(sources, arrays_that_no_pattern_names_are_listed_with_type_and_shape) {
  Arrays all = usual();
  write_npz("a.npz", &all);
  add_array(&all, "weights", NPY("<f8", "False", "(2,)"), (double[]){1, 2}, 16);
  write_npz("b.npz", &all);
  SPEC(0, "title: t\nsources:\n  a: {dump: a.npz, names: \"layers.{layer}.{tensor}\"}\n"
          "  b: {dump: b.npz, names: \"layers.{layer}.{tensor}\"}\npairs: [[a, b]]\n");
  read_report();
  SAYS("Of no tensor that is compared: 1 array.");
  cr_assert_eq(shell("tail -1 %s/out/tables/source_left.csv", test_folder), 0);
  SAYS("b,weights,float64,[2]");
}

/* With what a terminal would obey, and cut within a character. */
Test(sources, a_name_that_is_no_plain_text_is_the_same_in_a_run_s_report_and_in_its_file_s) {
  char cut[2 * TEXT_KERNEL + 1] = "";
  for (int i = 0; i < TEXT_KERNEL; i++) strcat(cut, "\xC3\xA4");
  Arrays all = usual();
  write_npz("a.npz", &all);
  add_array(&all, "red\x1B[31m", NPY("<f8", "False", "(2,)"), (double[]){1, 2}, 16);
  add_array(&all, cut, NPY("<f8", "False", "(2,)"), (double[]){1, 2}, 16);
  write_npz("b.npz", &all);
  SPEC(0, "title: t\nsources:\n  a: {dump: a.npz, names: \"layers.{layer}.{tensor}\"}\n"
          "  b: {dump: b.npz, names: \"layers.{layer}.{tensor}\"}\npairs: [[a, b]]\n");
  RUN(0, "report %s/out/results.h5 -o %s/again", test_folder, test_folder);
  cr_expect_eq(shell("cd %s && diff -r out/tables again/tables && diff out/report.md "
                     "again/report.md && grep -c 'red?' out/tables/source_left.csv",
                     test_folder),
               0, "%s", shell_output);
}

/* --- other inputs, values and shapes ---------------------------------------------------------- */

static void write_tokens(const char *file, const int64_t *id) {
  Arrays all = usual();
  add_tokens(&all, id);
  write_npz(file, &all);
}

#define TWO_SOURCES                                                                                \
  "title: t\nsources: {a: {dump: a.npz}, b: {dump: b.npz, inputs: any}}\npairs: [[a, b]]\n"

Test(sources, other_tokens_are_the_first_line_and_fail_unless_they_are_allowed) {
  write_tokens("a.npz", (int64_t[]){3, 1, 4, 1, 5});
  write_tokens("b.npz", (int64_t[]){3, 1, 4, 9, 5});
  COMPARE(1, "a.npz", "b.npz");
  expect_first("NOT THE SAME QUESTION: a and b were given other tokens: token 3 of prompt 'dump' "
               "is 1 and 9\n");
  read_report();
  const char *question = strstr(shell_output, "> **Not the same question.** a and b were given");
  cr_expect(question && question < strchr(shell_output, '|'), "%s", shell_output);
  RUN(1, "report %s/out/results.h5 --lang zh", test_folder);
  expect_first("问的不是同一件事：a 与 b 的输入词元不同：提示“dump”的词元 3 分别为 1 与 9\n");
  SPEC(0, TWO_SOURCES);
  expect_first("a against b: ");
  SAYS("\nother inputs, as is meant (inputs: any): a and b were given other tokens: token 3");
  NOT_SAYS("NOT THE SAME QUESTION: ");
  read_report();
  SAYS("\nOther inputs, as is meant (`inputs: any`): a and b were given other tokens");
  NOT_SAYS("Not the same question");
}

Test(sources, tokens_of_sources_that_nobody_compares_may_be_others) {
  write_tokens("a.npz", (int64_t[]){3, 1, 4, 1, 5});
  write_tokens("b.npz", (int64_t[]){3, 1, 4, 1, 5});
  write_tokens("c.npz", (int64_t[]){2, 7, 1, 8, 2});
  write_tokens("d.npz", (int64_t[]){2, 7, 1, 8, 2});
  SPEC(0, "title: t\nsources: {a: {dump: a.npz}, b: {dump: b.npz}, c: {dump: c.npz}, d: {dump: "
          "d.npz}}\npairs: [[a, b], [c, d]]\n");
  NOT_SAYS("NOT THE SAME QUESTION");
  SPEC(1, "title: t\nsources: {a: {dump: a.npz}, b: {dump: b.npz}, c: {dump: c.npz}}\n"
          "three_way: {pair: [a, b], against: c}\n");
  SAYS("c were given other tokens: token 0 of prompt 'dump' is 3 and 2");
}

/* One source's word holds for its own pairs alone. */
Test(sources, other_inputs_that_are_not_meant_are_told_beside_those_that_are) {
  write_tokens("a.npz", (int64_t[]){3, 1, 4, 1, 5});
  write_tokens("b.npz", (int64_t[]){3, 1, 4, 9, 5});
  write_tokens("c.npz", (int64_t[]){2, 7, 1, 8, 2});
  SPEC(1, "title: t\nsources: {a: {dump: a.npz}, b: {dump: b.npz}, c: {dump: c.npz, inputs: any}}\n"
          "pairs: [[c, a], [a, b]]\n");
  expect_first("NOT THE SAME QUESTION: a and b were given other tokens: token 3");
  SPEC(0, "title: t\nsources: {a: {dump: a.npz}, b: {dump: b.npz}, c: {dump: c.npz, inputs: any}}\n"
          "pairs: [[c, a], [c, b]]\n");
  NOT_SAYS("NOT THE SAME QUESTION");
  SAYS("other inputs, as is meant (inputs: any): a and c were given other tokens: token 0");
}

Test(sources, token_that_is_no_id_is_refused_by_place) {
  write_tokens("a.npz", (int64_t[]){3, 1, 4, 1, 5});
  write_tokens("b.npz", (int64_t[]){3, 1, (int64_t)1 << 40, 1, 5});
  COMPARE(2, "a.npz", "b.npz");
  expect_one_line();
  SAYS("b.npz: input_ids: token 2 is 1099511627776, and no id");
}

Test(sources, arrays_that_cannot_be_read_are_listed_with_the_reason) {
  Arrays all = usual();
  write_npz("a.npz", &all);
  add_array(&all, "words", NPY("<U2", "False", "(1,)"), "h\0\0\0i\0\0\0", 8);
  write_npz("b.npz", &all);
  COMPARE(0, "a.npz", "b.npz");
  read_report();
  SAYS("| b      | `words` | not read | ");
}

Test(sources, more_tensors_than_can_be_compared_are_refused) {
  Arrays all = {.count = 0};
  const float one = 1;
  char *text = arena_printf(&test_arena, "title: t\nsources: {a: {dump: a}, b: {dump: a}}\n"
                                         "pairs: [[a, b]]\n");
  add_floats(&all, "x", 1, 1, &one);
  make_folder("a");
  for (int i = 0; i < 65; i++)
    write_made(arena_printf(&test_arena, "a/layers.0.t%d.npy", i), all.part[0].content);
  write_spec("s.yaml", text);
  RUN(2, "validate %s/s.yaml", test_folder);
  SAYS("a: its layers and ends have more than 64 tensors of different names");
}

Test(sources, equal_tokens_and_tokens_that_one_side_tells_are_no_other_question) {
  write_tokens("a.npz", (int64_t[]){3, 1, 4, 1, 5});
  write_tokens("b.npz", (int64_t[]){3, 1, 4, 1, 5});
  Arrays all = usual();
  write_npz("c.npz", &all);
  COMPARE(0, "a.npz", "b.npz");
  expect_first("a against b: IDENTICAL");
  COMPARE(0, "c.npz", "b.npz");
  expect_first("c against b: IDENTICAL");
}

/* Rounding makes no token's embedding another's; another token does. */
Test(sources, embedding_of_another_token_is_another_question_and_a_rounded_one_is_not) {
  float value[VALUES_A_TENSOR];
  for (int i = 0; i < VALUES_A_TENSOR; i++) value[i] = value_at(0, 2, i);
  const char *const file[] = {"a.npz", "b.npz", "c.npz"};
  for (int f = 0; f < 3; f++) {
    Arrays all = usual();
    float own[VALUES_A_TENSOR];
    for (int i = 0; i < VALUES_A_TENSOR; i++)
      own[i] = f == 1 && i / WIDTH == 3 ? value[i % WIDTH]
               : f == 2                 ? roundf(value[i] * 170) / 170 /* |x| <= 0.75: 8 bits */
                                        : value[i];
    add_floats(&all, "embedding", TOKENS, WIDTH, own);
    write_npz(file[f], &all);
  }
  COMPARE(1, "a.npz", "b.npz");
  expect_first("NOT THE SAME QUESTION: a and b were not given the same input: token 3 of prompt "
               "'dump' differs in embedding by ");
  RUN(1, "report %s/out/results.h5 --lang zh", test_folder);
  expect_first("问的不是同一件事：a 与 b 的输入不同：提示“dump”的词元 3 在 embedding 中相差");
  COMPARE(0, "a.npz", "c.npz");
  expect_first("a against c: 1 of 7 tensors differ");
  SPEC(0, TWO_SOURCES);
  expect_first("a against b: ");
  SAYS("\nother inputs, as is meant (inputs: any): a and b were not given the same input: token 3");
}

Test(sources, first_value_that_is_not_finite_is_named_before_all_else) {
  Arrays all = usual();
  write_npz("a.npz", &all);
  put(&all, 1, 1, 1, 2, NAN);
  put(&all, 2, 0, 3, 3, INFINITY);
  write_npz("b.npz", &all);
  COMPARE(0, "a.npz", "b.npz");
  expect_first("NOT FINITE: first at layer 1, y, element 6 ([1, 2]), of b (prompt dump); ");
  SAYS("2 values in 2 tensors");
  expect_cell("y", 1, "nonfinite", 1);
  RUN(1, "compare %s/a.npz %s/b.npz -q --fresh --strict -o %s/out", test_folder, test_folder,
      test_folder);
}

Test(sources, other_shapes_are_refused_with_both) {
  Arrays a = usual(), b = usual();
  write_npz("a.npz", &a);
  float value[VALUES_A_TENSOR] = {0};
  b.count = 0;
  for (int layer = 0; layer < LAYERS; layer++)
    add_floats(&b, arena_printf(&test_arena, "layers.%d.y", layer), TOKENS, layer == 1 ? 3 : WIDTH,
               value);
  write_npz("b.npz", &b);
  COMPARE(2, "a.npz", "b.npz");
  SAYS("b.npz: layers.1.y: is [5, 3], and y of ");
  SAYS("is [5, 4]");
  expect_one_line();
}

/* --- passes ----------------------------------------------------------------------------------- */

#define STEPS "\"step{pass}/layers.{layer}.{tensor}\""

/* So many passes; of the last one the array `lacks` is left out. */
static void write_steps(const char *file, int passes, const char *lacks, float more) {
  Arrays all = {.count = 0};
  for (int p = 0; p < passes; p++)
    for (int layer = 0; layer < LAYERS; layer++)
      for (int t = 0; t < 2; t++) {
        float value[VALUES_A_TENSOR];
        const char *name =
            arena_printf(&test_arena, "step%d/layers.%d.%s", p, layer, tensor_names[t]);
        for (int i = 0; i < VALUES_A_TENSOR; i++)
          value[i] = value_at(layer + p, t, i) + more * (float)(layer + 1);
        if (!lacks || strcmp(name, lacks) != 0) add_floats(&all, name, TOKENS, WIDTH, value);
      }
  write_npz(file, &all);
}

Test(sources, passes_are_prompts_and_all_of_them_have_the_same_tensors) {
  static const char spec[] = "title: t\nsources:\n  a: {dump: a.npz, names: " STEPS "}\n"
                             "  b: {dump: b.npz, names: " STEPS "}\npairs: [[a, b]]\n";
  write_steps("a.npz", 3, NULL, 0);
  write_steps("b.npz", 3, NULL, 0.125f);
  SPEC(0, spec);
  cr_assert_eq(shell("cut -d, -f1 %s/out/tables/pair_stats.csv | sort -u | wc -l", test_folder), 0);
  cr_expect_eq(atoi(shell_output), 1 + 3, "%s", shell_output);
  write_steps("b.npz", 2, NULL, 0.125f);
  SPEC(2, spec);
  SAYS("b.npz: has 2 passes, and ");
  SAYS("a.npz has 3");
  expect_one_line();
  write_steps("b.npz", 3, "step2/layers.1.x", 0.125f);
  SPEC(2, spec);
  SAYS("b.npz: step0/layers.1.x: stands in pass 0, and not in pass 2");
  expect_one_line();
}

/* --- what the spec says of them --------------------------------------------------------------- */

/* One token's error grows from 2^-10 by 2 a layer in x, which stands last, and stays in y. */
Test(sources, tensor_that_leaves_a_layer_is_the_one_that_the_spec_names, .timeout = 60) {
  Arrays a = usual();
  write_npz("a.npz", &a);
  for (int layer = 0; layer < LAYERS; layer++)
    for (int i = 0; i < VALUES_A_TENSOR; i++) {
      put(&a, layer, 0, i / WIDTH, i % WIDTH, value_at(layer, 0, i) * (1 + ldexpf(1, layer - 10)));
      put(&a, layer, 1, i / WIDTH, i % WIDTH, value_at(layer, 1, i) * (1 + ldexpf(1, -10)));
    }
  write_npz("b.npz", &a);
#define STREAM(more, gates)                                                                        \
  "title: t\nsources: {a: {dump: a.npz" more "}, b: {dump: b.npz}}\npairs: [[a, b]]\n" gates
  /* a gate on block_out is one on what leaves a layer */
  SPEC(0, STREAM("", "gate: {pair: [a, b], growth: 1.01}\n"));
  SAYS("gate 1: pass: a against b, y of every layer: growth over the layers 1,");
  SPEC(1, STREAM(", stream: x", "gate: {pair: [a, b], growth: 1.01}\n"));
  SAYS("gate 1: FAIL: a against b, x of every layer: growth over the layers 4,");
  SPEC(2, STREAM(", stream: z", ""));
  SAYS("no layer has a tensor 'z'");
  expect_one_line();
}

/* What a results file cannot hold is refused before anything is compared. */
Test(sources, more_layers_than_any_model_has_are_refused) {
  const float value = 1;
  Arrays all = usual();
  add_floats(&all, "layers.1023.x", 1, 1, &value);
  write_npz("a.npz", &all);
  COMPARE(2, "a.npz", "a.npz");
  SAYS("layer 3 is missing"); /* as many may be */
  cr_assert_eq(mkdir(test_path("b"), 0700), 0);
  for (int i = 0; i < 1025; i++)
    write_made(arena_printf(&test_arena, "b/layers.%d.x.npy", i),
               made_npy(NPY("<f4", "False", "(1, 1)"), &value, sizeof value));
  COMPARE(2, "b", "b");
  SAYS("/b: has 1025 layers, by the numbers in its names, at most 1024 are read\n");
  expect_one_line();
  cr_expect(access(test_path("out"), F_OK) != 0, "a folder was made");
}

/* All of them but the array of this name. */
static Arrays without(const Arrays *all, const char *name) {
  Arrays rest = {.count = 0};
  for (int i = 0; i < all->count; i++)
    if (strncmp(all->part[i].name, name, strlen(name)) != 0) rest.part[rest.count++] = all->part[i];
  return rest;
}

/* y leaves a layer; what it carries is followed where both have it. */
Test(sources, what_leaves_a_layer_may_be_missing_in_some) {
  const Arrays all = usual();
  Arrays other = usual();
  put(&other, 1, 1, 2, 3, 64);
  const Arrays b = without(&other, "layers.0.y"), c = without(&b, "layers.1.y"),
               d = without(&c, "layers.2.y");
  write_npz("a.npz", &all);
  write_npz("b.npz", &b);
  write_npz("c.npz", &c);
  write_npz("d.npz", &d);
  COMPARE(0, "a.npz", "b.npz");
  SAYS("first differs at layer 1, y,");
  expect_cell("y", 1, "differing", 1.0 / VALUES_A_TENSOR);
  COMPARE(0, "b.npz", "a.npz");
  COMPARE(0, "a.npz", "c.npz");
  SAYS("IDENTICAL: all 4 tensors are the same in every bit");
  COMPARE(0, "a.npz", "d.npz");
  SAYS("IDENTICAL: all 3 tensors are the same in every bit");
  SPEC(0, "title: t\nsources: {a: {dump: a.npz}, b: {dump: b.npz}, d: {dump: d.npz}}\n"
          "pairs: [[a, d], [d, b], [b, a]]\n");
}

Test(sources, gates_hold_for_a_pair_of_dumps_by_what_a_tensor_is_for) {
  Arrays all = usual();
  float value[VALUES_A_TENSOR];
  for (int i = 0; i < VALUES_A_TENSOR; i++) value[i] = value_at(5, 0, i);
  add_floats(&all, "lm_head", TOKENS, WIDTH, value);
  write_npz("a.npz", &all);
  memcpy(all.part[6].content.bytes + all.part[6].content.count - sizeof(float),
         &(float){value[VALUES_A_TENSOR - 1] + 0.5f}, sizeof(float));
  put(&all, 2, 1, 0, 0, value_at(2, 1, 0) + 0.25f);
  write_npz("b.npz", &all);
  SPEC(1, "title: t\nsources: {a: {dump: a.npz}, b: {dump: b.npz}}\npairs: [[a, b]]\ngate:\n"
          "  - {pair: [a, b], max_abs: 0.25}\n"
          "  - {pair: [a, b], max_abs: 0.2}\n"
          "  - {pair: [a, b], tensor: logits, max_abs: 0.5}\n"
          "  - {pair: [a, b], top1_agreement: 0.1}\n"
          "  - {pair: [a, b], tensor: scan, max_abs: 1}\n");
  SAYS("gate 1: pass: a against b, y of layer 2: largest absolute difference 0.25,");
  SAYS("gate 2: FAIL: a against b, y of layer 2: largest absolute difference 0.25,");
  SAYS("gate 3: pass: a against b, lm_head: largest absolute difference 0.5,");
  SAYS("gate 4: pass: a against b, lm_head: ");
  SAYS("gate 5: FAIL: a against b, scan of layer 2: largest absolute difference —, limit at most "
       "1; it was not measured");
}

Test(sources, names_of_modes_and_of_the_results_file_are_refused) {
  Arrays all = usual();
  write_npz("a.npz", &all);
#define NAMED(name)                                                                                \
  "title: t\nsources: {" name ": {dump: a.npz}, b: {dump: a.npz}}\npairs: [[" name ", b]]\n"
  SPEC(2, NAMED("2-0"));
  SAYS("'2-0' is a mode: a source needs a name of its own");
  expect_one_line();
  SPEC(2, "modes: {own: {base: fp32}}\n" NAMED("own"));
  SAYS("'own' is a mode: a source needs a name of its own");
  expect_one_line();
  SPEC(2, NAMED("fp64"));
  SAYS("'fp64' is a name of the results file's own");
  expect_one_line();
}

#define WITH_MODEL                                                                                 \
  "title: t\nmodel: model\nrewrite: none\nprompts: [{name: p, tokens: p.txt}]\n"                   \
  "sources: {a: {dump: a.npz}}\n"

Test(sources, lists_of_modes_refuse_a_source) {
  Arrays all = usual();
  write_npz("a.npz", &all);
  write_spec("p.txt", "1 2 3 4 5");
  static const char *const asked[] = {
      "compare_all: [a]\n",
      "mend: [a]\n",
      "swaps: {pair: [a, fp32]}\n",
      "restore: {mode: a, limit: 0.1}\n",
      "restore: {mode: fp32, to: a, limit: 0.1}\n",
      "micro: [{operator: scan, inputs: [normal], modes: [a]}]\n",
      "budget: [a]\n",
      "repair: {mode: a, to: fp32, tensor: scan, layer: 0, prompt: p, token: 0, channel: 0}\n",
      "repair: {mode: fp32, to: a, tensor: scan, layer: 0, prompt: p, token: 0, channel: 0}\n",
      "evaluation: {tokens: p.txt, length: 4, modes: [a]}\n",
      "cost: {lengths: [4], modes: [a]}\n",
  };
  for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
    SPEC(2, arena_printf(&test_arena, "%spairs: [[fp64, fp32]]\n%s", WITH_MODEL, asked[i]));
    cr_expect(strstr(shell_output, "'a' is a source, whose tensors were made elsewhere"), "%s: %s",
              asked[i], shell_output);
    expect_one_line();
  }
}

Test(sources, plan_names_the_dumps_and_runs_nothing) {
  write_steps("a.npz", 2, NULL, 0);
  write_steps("b.npz", 2, NULL, 0.5f);
  write_spec("s.yaml", "title: t\nsources:\n  a: {dump: a.npz, names: " STEPS "}\n"
                       "  b: {dump: b.npz, names: " STEPS "}\npairs: [[a, b]]\n");
  RUN(0, "validate %s/s.yaml", test_folder);
  SAYS("a.npz, 12 arrays, 12 of them used, 3 layers, names: step{pass}/layers.{layer}.{tensor}");
  SAYS("\n# source b: ");
  SAYS("\n# prompt 1: 5 tokens");
  SAYS("# results file: 24 tensors");
}

/* --- against modes ---------------------------------------------------------------------------- */

/* A run of two prompts on a small model, whose results file is a dump of its modes. Two tensors of
 * mode 1 are float16, and stand as float32. */
#define OURS(name, first)                                                                          \
  "title: ours\nmodel: model\nbackend: cpu\nrewrite: none\n"                                       \
  "prompts: [{name: p, tokens: " first "}, {name: q, tokens: q.txt}]\n" name

static void run_ours(void) {
  small_model(2);
  write_spec("p.txt", "17 3 200 5 41");
  write_spec("o.txt", "17 3 201 5 41");
  write_spec("q.txt", "4 0 9 9 1 255 7");
  write_spec("ours.yaml", OURS("pairs: [[fp64, 1]]\nkeep: {tensors: all}\n", "p.txt"));
  RUN(0, "run %s/ours.yaml -q -o %s/ours", test_folder, test_folder);
}

Test(sources, mode_equals_its_own_results_file_in_every_bit, .timeout = 60) {
  run_ours();
#define THEN                                                                                       \
  "sources: {then: {dump: ours/results.h5, names: \"driftscope:1\"}}\n"                            \
  "pairs: [[1, then], [fp64, then]]\n"
  SPEC(0, OURS(THEN, "p.txt"));
  expect_first("1 against then: IDENTICAL: all ");
  /* and against the reference the dump has the mode's own figures, in every other cell */
  cr_expect_eq(shell("cd %s && for r in 1 then; do awk -F, -v r=$r 'NR == 1 {for (i = 1; i <= NF; "
                     "i++) at[$i] = i; next} $at[\"base\"] == \"fp64\" && $at[\"other\"] == r "
                     "{$at[\"other\"] = $at[\"checked\"] = $at[\"same_kernel\"] = \"\"; print}' "
                     "out/tables/pair_stats.csv >$r.txt; done; wc -l <1.txt; diff 1.txt "
                     "then.txt",
                     test_folder),
               0, "%s", shell_output);
  cr_expect_geq(atoi(shell_output), 2 * 2 * 8, "%s", shell_output);
}

Test(sources, results_file_of_other_tokens_is_another_question, .timeout = 60) {
  run_ours();
  SPEC(1, OURS(THEN, "o.txt"));
  expect_first("NOT THE SAME QUESTION: ");
  SAYS("token 2 of prompt 'p'");
}

/* --- other programs --------------------------------------------------------------------------- */

Test(sources, dumps_of_transformers_have_numpys_figures_and_an_exported_run_its_own,
     .timeout = 900) {
  const int status =
      shell(SHELL_PYTHON "$P tests/check_dumps.py %s %s 2>&1", shell_program(), test_folder);
  if (status == 77) cr_skip_test("torch, transformers or safetensors is not installed");
  cr_assert_eq(status, 0, "%s", shell_output);
  printf("%s", shell_output);
}
