/* falcon_mamba as a user has it: made checkpoints, specs that name its tensor, a whole run, and
 * transformers' own logits. */
#include "family/family.h"
#include "family/mamba1.h"
#include "model/synth.h"
#include "tests/model_files.h"
#include "tests/shell.h"
#include "walk/subject.h"

TestSuite(falcon_files, .init = test_files_begin, .fini = test_files_end);

/* --- made checkpoints and specs --------------------------------------------------------------- */

static const SynthShape small = {"small", 64, 2, 256, 1 << 30, "falcon_mamba", true};

static const char *made(const SynthShape *shape) {
  Status st = {0};
  Progress quiet = progress_start(true);
  const char *folder = test_path(shape->name);
  cr_assert(synth_write(shape, WEIGHT_F32, 1, folder, &quiet, test_arena, &st), "%s", st.text);
  return folder;
}

Test(falcon_files, a_made_checkpoint_is_read_as_the_shape_says) {
  Checkpoint c;
  Status st = {0};
  cr_assert(checkpoint_open(&test_arena, made(&small), &c, &st), "%s", st.text);
  const Config want = synth_config(&small), *got = &c.config;
  cr_expect(got->family == &family_falcon_mamba && got->mixer_eps == want.mixer_eps &&
            got->D == 64 && got->E == 128 && got->R == 4 && !got->tied && !want.tied);
  cr_expect_neq(c.end[END_HEAD].data, c.end[END_EMBEDDING].data);
  cr_expect_eq(c.unused, 0);
}

Test(falcon_files, the_published_shape_is_the_published_one) {
  const SynthShape *shape = synth_shape("falcon-mamba-7b");
  cr_assert(shape);
  const Config c = synth_config(shape);
  cr_expect(c.family == &family_falcon_mamba && c.D == 4096 && c.E == 8192 && c.N == 16 &&
            c.R == 256 && c.K == 4 && c.layers == 64 && c.vocab == 65024 && !c.tied &&
            c.eps == 1e-5 && c.mixer_eps == 1e-6);
}

static bool checked(const char *model, const char *more, Status *st) {
  static const char *const text = "title: t\nmodel: %s\nrewrite: none\ncompare_all: [fp32]\n"
                                  "prompts: [{name: p, string: abc}]\n%s\n";
  const char *spec_text = arena_printf(&test_arena, text, model, more);
  Spec spec;
  Subject subject;
  cr_assert(spec_parse(&test_arena, "t.yaml", spec_text, strlen(spec_text), &spec, st), "%s",
            st->text);
  return subject_check(&test_arena, &spec, &subject, st);
}

Test(falcon_files, a_spec_may_name_the_tensor_where_the_model_has_it) {
  static const struct {
    const char *more, *where;
  } rows[] = {
      {"keep: {tensors: [dbc_norm]}", "t.yaml:6:"},
      {"gate: {pair: [fp64, fp32], tensor: dbc_norm, layer: all, rel_l2: 1}", "t.yaml:6:"},
      {"repair: {mode: fp32, to: fp64, prompt: p, layer: 0, tensor: dbc_norm, token: 1, channel: "
       "2}",
       "t.yaml:6:"}};
  const char *falcon = made(&small);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    Status good = {0}, bad = {0};
    cr_expect(checked(falcon, rows[i].more, &good), "%s", good.text);
    test_refused(checked("data/mamba-bytes-10m", rows[i].more, &bad), &bad,
                 WORDS(rows[i].where, "'dbc_norm' is no tensor of this model", "\"mamba\""));
  }
}

/* --- whole runs ------------------------------------------------------------------------------- */

Test(falcon_files, a_run_with_every_study_names_the_norms_and_every_row_is_gsls, .timeout = 120) {
  const char *folder = made(&small);
  char here[512];
  cr_assert(getcwd(here, sizeof here));
  const char *spec = arena_printf(
      &test_arena,
      "title: small\nmodel: %s\ncalibration: {text: %s/data/text/valid.txt, windows: 2, length: "
      "64}\nprompts: [{name: p, text: %s/data/text/test.txt, length: 32, windows: 2}]\npairs: "
      "[[2-0, 2-4]]\nbudget: all\nswaps: {pair: [2-0, 2-4]}\nrestore: {mode: 2-0, limit: "
      "0.001, most: 1}\nmend: [2-0]\nevaluation: {text: %s/data/text/test.txt, windows: 2, length: "
      "32}\nmicro: [{operator: rmsnorm, inputs: [captured, normal], shapes: [3x16]}]\n",
      folder, here, here, here);
  test_write("a.yaml", spec, strlen(spec));
  cr_assert_eq(shell("%s run %s/a.yaml -q -o %s/a 2>&1", shell_program(), test_folder, test_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell("%s verify %s/a/results.h5 2>&1", shell_program(), test_folder), 0, "%s",
               shell_output);
  cr_expect_eq(shell("grep -c ',dbc_norm,' %s/a/tables/tensor_stats.csv", test_folder), 0);
  /* A prompt, a layer and a side; two prompts, two layers, two modes and the reference. */
  cr_expect_eq(atoi(shell_output), 12, "%s", shell_output);
  cr_expect_eq(shell("grep -c ',s_dbc_norm,' %s/a/tables/scales.csv", test_folder), 0);
  cr_expect_eq(atoi(shell_output), 2, "%s", shell_output);
  cr_expect_eq(shell("grep -c '`dbc_norm`' %s/a/report.md", test_folder), 0, "%s", shell_output);
  /* norm, dt, B and C, of two layers and of each of two prompts' first. */
  cr_expect_eq(shell("grep -c 'rmsnorm.*captured' %s/a/tables/micro.csv", test_folder), 0);
  cr_expect_geq(atoi(shell_output), 16, "%s", shell_output);
}

Test(falcon_files, logits_are_those_of_transformers_in_float64, .timeout = 300) {
  const int status =
      shell(SHELL_PYTHON "$P tests/check_transformers.py %s %s 2>&1", shell_program(), test_folder);
  if (status == 77) cr_skip_test("torch or transformers is not installed");
  cr_assert_eq(status, 0, "%s", shell_output);
  printf("%s", shell_output);
}
