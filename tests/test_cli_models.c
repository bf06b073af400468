/* The program on models that are not the shipped one: vocabularies that are no bytes, weights that
 * it does not use or that are zero, files as numpy writes them. The model is tests/made_model.h's:
 * six tokens, two layers. */
#include "command/flags.h"
#include "experiment/experiment.h"
#include "family/family.h"
#include "family/mamba1.h"
#include "model/rewrite.h"
#include "model/tokens.h"
#include "walk/texts.h"
/* names that tests/made_model.h gives to things of its own */
#define Model MadeModel
#undef WORDS
#include "tests/made_shell.h"
#undef Model

TestSuite(cli_models, .init = made_shell_begin, .fini = made_shell_end);

/* The model in test_folder, and 600 ids in ids.txt (text) and ids.npy (int64, [1, 600], as
 * tokenizers and numpy give). */
static void write_inputs(MadeModel *m) {
  const char header[] = "{'descr': '<i8', 'fortran_order': False, 'shape': (1, 600), }\n";
  enum { IDS = 600, HEAD = 10, NPY = HEAD + sizeof header - 1 };
  char text[3 * IDS] = "";
  unsigned char npy[NPY + IDS * 8] = "\x93NUMPY\1\0";
  npy[8] = NPY - HEAD;
  memcpy(npy + HEAD, header, NPY - HEAD);
  for (int i = 0; i < IDS; i++) {
    npy[NPY + 8 * i] = (unsigned char)(i * i % 6);
    text[2 * i] = (char)('0' + i * i % 6);
    text[2 * i + 1] = ' ';
  }
  write_shard(m, "model.safetensors", 0, false);
  test_write("ids.npy", npy, sizeof npy);
  test_write("ids.txt", text, strlen(text));
}

#define INPUTS "--model %s --tokens %s/ids.npy --calibration %s/ids.txt"
#define FOLDERS test_folder, test_folder, test_folder
#define WINDOWS "--windows 2 --window-length 16"

Test(cli_models, every_command_runs_on_token_ids) {
  write_inputs(model_of("F32"));
  CONFIG();
  cr_assert_eq(shell(NO_FIGURES "%s compare 2-0 2-4 " INPUTS " " WINDOWS
                                " --length 20 -q -o %s/a 2>&1",
                     shell_program(), FOLDERS, shell_folder),
               0, "%s", shell_output);
  cr_expect(strstr(shell_output, "2-0 against 2-4: "), "%s", shell_output);
  cr_assert_eq(
      shell("%s eval --mode 0,2-4 " INPUTS " " WINDOWS " --json -q 2>&1", shell_program(), FOLDERS),
      0, "%s", shell_output);
  cr_expect(strstr(shell_output, "perplexity"), "%s", shell_output);
  cr_assert_eq(shell("%s calibrate --model %s --tokens %s/ids.npy " WINDOWS " -q 2>&1",
                     shell_program(), test_folder, test_folder),
               0, "%s", shell_output);
  cr_expect(strstr(shell_output, "s_in") && strstr(shell_output, "\n1 "), "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES "%s micro conv1d " INPUTS " " WINDOWS
                                " --length 20 -q -o %s/m 2>&1",
                     shell_program(), FOLDERS, shell_folder),
               0, "%s", shell_output);
  cr_assert_eq(shell(NO_FIGURES
                     "%s micro exp --model %s --tokens %s/ids.txt --length 20 -q -o %s/e 2>&1",
                     shell_program(), test_folder, test_folder, shell_folder),
               0, "%s", shell_output);
}

Test(cli_models, ids_in_text_and_in_npy_are_the_same_run) {
  write_inputs(model_of("F32"));
  CONFIG();
  for (const char *const *kind = WORDS("txt", "npy"); *kind; kind++)
    cr_assert_eq(
        shell(NO_FIGURES
              "%s compare 0 2-4 --model %s --tokens %s/ids.%s --calibration %s/ids.%s " WINDOWS
              " --offset 3 --length 20 -q -o %s/%s 2>&1",
              shell_program(), test_folder, test_folder, *kind, test_folder, *kind, shell_folder,
              *kind),
        0, "%s", shell_output);
  cr_expect_eq(shell("cmp %s/txt/tables/tensor_stats.csv %s/npy/tables/tensor_stats.csv",
                     shell_folder, shell_folder),
               0, "%s", shell_output);
}

Test(cli_models, without_tokens_the_error_says_what_to_give) {
  static const struct {
    const char *command, *asks, *asks_not;
  } rows[] = {
      {"compare 2-0 2-4",
       "give --tokenizer FILE, or --tokens FILE and --calibration FILE, both token ids", "prompt"},
      {"compare 1 fp32", "give --tokenizer FILE, or --tokens FILE, a file of token ids",
       "--calibration"},
      {"compare 2-0 2-4 --text data/text/test.txt",
       "give --tokenizer FILE, or --tokens FILE and --calibration FILE", "prompt"},
      {"compare 2-0 2-4 --tokens ids",
       "give --tokenizer FILE, or --calibration FILE, a file of token ids", "--tokens FILE"},
      {"eval", "give --tokenizer FILE, or --tokens FILE and --calibration FILE", "prompt"},
      {"eval --mode fp32", "give --tokenizer FILE, or --tokens FILE, a file of", "--calibration"},
      {"calibrate", "give --tokenizer FILE, or --tokens FILE, a file of", "--calibration"},
      {"micro scan", "give --tokenizer FILE, or --tokens FILE and --calibration FILE", "prompt"},
      {"micro silu", "give --tokenizer FILE, or --tokens FILE, a file of", "--calibration"}};
  write_inputs(model_of("F32"));
  CONFIG();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    cr_expect_eq(shell("%s %s --model %s 2>&1", shell_program(), rows[i].command, test_folder), 2,
                 "%s", shell_output);
    cr_expect(strstr(shell_output, rows[i].asks) && strstr(shell_output, "vocabulary is 6") &&
                  !strstr(shell_output, rows[i].asks_not),
              "%s: %s", rows[i].command, shell_output);
  }
}

static bool rewrite_fits(Status *st) {
  Checkpoint c;
  cr_assert(checkpoint_open(&test_arena, test_folder, &c, st), "%s", st->text);
  return rewrite_check(&c, REWRITE_QUAMBA, test_arena, st);
}

/* A rotation may gather in one element what a row has in all, and may not. */
Test(cli_models, a_row_that_the_rewrite_makes_too_large_for_float32_is_named) {
  Status fits = {0}, st = {0};
  MadeModel *m = model_of("F32");
  double *row = tensor(m, "backbone.embeddings.weight")->value + 2 * 4;
  CONFIG();
  row[0] = 0x1p127, row[1] = row[2] = row[3] = 0;
  write_inputs(m);
  cr_expect(rewrite_fits(&fits), "%s", fits.text);
  row[1] = row[2] = row[3] = 0x1p127;
  write_inputs(m);
  cr_expect(!rewrite_fits(&st) &&
                strstr(st.text, "'backbone.embeddings.weight': element 8 is 3.40282367e+38 after "
                                "the rewrite, which float32 cannot hold"),
            "%s", st.text);
}

/* Neither with the rewrite nor without it: it is not the rewrite that is at fault. */
Test(cli_models, a_model_whose_float64_is_not_finite_is_said_to_be_so) {
  MadeModel *m = model_of("F32");
  Made *gain = tensor(m, "backbone.layers.0.norm.weight");
  for (int i = 0; i < 4; i++) gain->value[i] = 0x1p126;
  write_inputs(m);
  CONFIG();
  cr_expect_eq(shell("%s compare 0 fp64 " INPUTS " " WINDOWS " --length 9 -q -o %s/a 2>&1",
                     shell_program(), FOLDERS, shell_folder),
               2);
  cr_expect(strstr(shell_output, "the rewrite cannot be proved: the float64 ") &&
                strstr(shell_output,
                       " of layer 0 of the first 9 tokens of prompt 'text' is not finite\n"),
            "%s", shell_output);
}

/* verify needs a device to say anything; what it lacks before that is a text. */
Test(cli_models, verify_needs_no_text) {
  write_inputs(model_of("F32"));
  CONFIG();
  cr_expect_neq(shell("%s verify --model %s -q 2>&1", shell_program(), test_folder), 1, "%s",
                shell_output);
  cr_expect(!strstr(shell_output, "text") && !strstr(shell_output, "tokens"), "%s", shell_output);
}

Test(cli_models, what_verify_makes_of_its_seed_is_enough_to_load_a_model) {
  write_inputs(model_of("F32"));
  CONFIG();
  Options options = {.model = test_folder,
                     .rewrite = "quamba",
                     .offset = -1,
                     .length = 9,
                     .windows = 2,
                     .window_length = 16,
                     .alpha = 0.9999,
                     .threads = -1,
                     .seed = 7};
  Spec spec;
  Subject subject;
  Status st = {0};
  Progress quiet = progress_start(true);
  cr_assert(flags_verify(&test_arena, &options, &spec, &st) && flags_apply(&options, &spec, &st),
            "%s", st.text);
  cr_assert(subject_check(&test_arena, &spec, &subject, &st), "%s", st.text);
  texts_make(&test_arena, &spec, options.length, &subject);
  cr_assert(experiment_load(&test_arena, &spec, NULL, &quiet, &subject, &st), "%s", st.text);
  cr_assert(layers_ride_all(subject.layers, &st), "%s", st.text);
  cr_expect(subject.prompt[0].T == 9 && subject.calibration_count == 32);
  cr_expect_eq(subject.layers->places, 2, "nine modes ask for the layers, one after the other");
  const int32_t *again = tokens_made(&test_arena, 7, 6, 32),
                *other = tokens_made(&test_arena, 8, 6, 32);
  cr_expect(!memcmp(again, subject.calibration_token, 32 * sizeof *again), "the seed decides");
  cr_expect(memcmp(again, other, 32 * sizeof *again), "another seed is another prompt");
  int met = 0;
  for (int i = 0; i < 32; i++) {
    cr_assert(again[i] >= 0 && again[i] < 6, "%d", again[i]);
    met |= 1 << again[i];
  }
  cr_expect_eq(met, 0x3F, "the whole vocabulary is met: %x", (unsigned)met);
  for (int layer = 0; layer < 2; layer++)
    for (int s = 0; s < S_COUNT; s++)
      cr_expect(subject.model.scales[layer].scale[s] > 0, "layer %d, %s", layer,
                family_mamba1.tensors.scale[s]);
}

Test(cli_models, calibrate_prints_other_choices_of_every_scale_and_the_same_as_json) {
  cr_assert_eq(shell("%s calibrate -q --choices --windows 2 --window-length 64 | awk 'NR > 1 && $3 "
                     "== \"conv1d_silu\" && $4 == \"calibrated\"' | wc -l",
                     shell_program()),
               0);
  cr_expect_eq(atoi(shell_output), 24, "%s", shell_output);
  cr_assert_eq(shell("%s calibrate -q --choices --json --windows 2 --window-length 64 | grep -c "
                     "'\"choice\": \"least\"'",
                     shell_program()),
               0);
  cr_expect_eq(atoi(shell_output), 24 * 7, "%s", shell_output);
}

Test(cli_models, calibrate_and_compare_take_their_scales_from_one_default_text) {
  cr_assert_eq(
      shell("%s calibrate -q --windows 2 --window-length 64 | awk 'NR == 2 {print $2 + 0}'",
            shell_program()),
      0);
  const double printed = atof(shell_output);
  cr_assert_eq(
      shell(NO_FIGURES
            "%s compare 0 2-4 -q --windows 2 --window-length 64 --length 5 -o %s/a 2>&1 >/dev/null "
            "&& awk -F, '$3 == 0 && $4 == \"s_in\" {print $6 + 0}' %s/a/tables/scales.csv",
            shell_program(), shell_folder, shell_folder),
      0, "%s", shell_output);
  cr_expect(printed > 0 && fabs(atof(shell_output) / printed - 1) < 1e-5, "%s, calibrate %g",
            shell_output, printed);
}

Test(cli_models, the_default_offset_is_of_the_default_text_alone) {
  write_inputs(model_of("F32"));
  test_write("short.txt", "A short text of one's own.", 26);
  cr_expect_eq(shell(NO_FIGURES "%s compare 1 fp32 --text %s/short.txt --length 20 -q -o %s/a 2>&1",
                     shell_program(), test_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect_eq(shell(NO_FIGURES "%s compare 1 fp32 --text a --tokens b 2>&1", shell_program()), 2);
  cr_expect(strstr(shell_output, "--tokens stands beside --text"), "%s", shell_output);
}

Test(cli_models, weights_that_are_not_used_are_an_error_unless_asked_for_and_then_on_record) {
  MadeModel *m = model_of("F32");
  add(m, "F32", "backbone.layers.2.norm.weight", 1, 4, 0, 0);
  write_inputs(m);
  CONFIG();
  cr_expect_eq(shell(NO_FIGURES "%s compare 1 fp32 " INPUTS " --length 9 -q -o %s/a 2>&1",
                     shell_program(), FOLDERS, shell_folder),
               2);
  cr_expect(
      strstr(shell_output,
             "1 tensor that this model does not use: backbone.layers.2.norm.weight") &&
          strstr(shell_output, "if config.json is right, run without it with --ignore-unused"),
      "%s", shell_output);
  cr_assert_eq(shell("%s compare 1 fp32 " INPUTS " --length 9 -q --ignore-unused -o %s/a 2>&1",
                     shell_program(), FOLDERS, shell_folder),
               0, "%s", shell_output);
  cr_expect_eq(shell("sed -n 5p %s/a/report.md", shell_folder), 0);
  cr_expect(strstr(shell_output, "The checkpoint holds 1 tensor that the model does not use: "
                                 "backbone.layers.2.norm.weight"),
            "%s", shell_output);
  cr_expect_eq(
      shell("h5dump -a unused_weights %s/a/results.h5 2>/dev/null || strings %s/a/results.h5",
            shell_folder, shell_folder),
      0);
  cr_expect(strstr(shell_output, "backbone.layers.2.norm.weight"), "%s", shell_output);
  for (const char *const *command = WORDS("eval --mode fp32 " WINDOWS, "micro exp", "calibrate");
       *command; command++) {
    const char *more = strcmp(*command, "calibrate") ? "" : WINDOWS;
    cr_expect_eq(shell("%s %s %s --model %s --tokens %s/ids.txt -q 2>&1", shell_program(), *command,
                       more, test_folder, test_folder),
                 2);
    cr_expect(strstr(shell_output, "--ignore-unused"), "%s: %s", *command, shell_output);
  }
}

/* Logits that are all zero stay all zero: nothing is divided by their size. */
Test(cli_models, a_model_with_zero_embedding_norm_or_head_runs) {
  for (const char *const *name =
           WORDS("backbone.embeddings.weight", "backbone.norm_f.weight", "lm_head.weight");
       *name; name++) {
    MadeModel *m = model_of("F32");
    add(m, "F32", "lm_head.weight", 2, 6, 4, 0);
    memset(tensor(m, *name)->value, 0, sizeof tensor(m, *name)->value);
    write_inputs(m);
    CONFIG("tie_word_embeddings", "false");
    cr_expect_eq(shell(NO_FIGURES "%s compare 2-0 2-4 " INPUTS " " WINDOWS
                                  " --length 20 -q --fresh -o %s/a 2>&1",
                       shell_program(), FOLDERS, shell_folder),
                 0, "%s: %s", *name, shell_output);
    cr_expect(!strstr(shell_output, "nan"), "%s: %s", *name, shell_output);
  }
}

Test(cli_models, announced_paths_lead_there_from_where_the_user_stands) {
  write_inputs(model_of("F32"));
  CONFIG();
  mkdir(test_path("specs"), 0777);
  const char spec[] =
      "title: t\nmodel: ..\nprompts: [{name: p, tokens: ../ids.txt, length: 9}]\n"
      "calibration: {tokens: ../ids.npy, windows: 2, length: 16}\npairs: [[2-0, 2-4]]\n"
      "evaluation: {tokens: ../ids.txt, windows: 2, length: 8}\n";
  test_write("specs/a.yaml", spec, sizeof spec - 1);
  cr_assert_eq(shell("ln -s %s %s/here && ln -s here/specs %s/link && realpath %s", test_folder,
                     shell_folder, shell_folder, shell_program()),
               0);
  char program[256];
  cr_assert_eq(sscanf(shell_output, "%255s", program), 1);
  cr_assert_eq(shell("cd %s && %s run here/specs/a.yaml -o out 2>&1", shell_folder, program), 0,
               "%s", shell_output);
  cr_expect(strstr(shell_output, " here: 2 layers") &&
                strstr(shell_output, " 16 tokens of here/ids.npy ") &&
                strstr(shell_output, " 8 tokens of here/ids.txt,"),
            "%s", shell_output);
  /* behind a link ".." is not the folder in front of it */
  cr_assert_eq(shell("cd %s && %s run link/a.yaml -o linked 2>&1", shell_folder, program), 0, "%s",
               shell_output);
  cr_expect(strstr(shell_output, " 16 tokens of link/../ids.npy "), "%s", shell_output);
}

/* Names with what means something to YAML, Markdown, CSV, LaTeX, gnuplot and paths, and with
 * letters of two columns. */
Test(cli_models, names_in_any_script_stand_in_every_output, .timeout = 120) {
  write_inputs(model_of("F32"));
  CONFIG();
  static const char spec[] =
      "title: t\nmodel: .\ncalibration: {tokens: ids.npy, windows: 2, length: 16}\n"
      "prompts:\n  - {name: '地址 一', tokens: ids.txt, length: 9}\n  - {name: \"a|b' %.x\", "
      "tokens: ids.npy, length: 7}\n"
      "modes:\n  '乙 #2': {base: '甲', conv_out: i8}\n  '甲': {base: 2-4, scan_order: blocked}\n"
      "  'α_1, \"$x^2\" & {y}': {base: '甲', out_proj: f32}\n"
      "pairs: [['甲', '乙 #2'], ['乙 #2', '甲'], ['α_1, \"$x^2\" & {y}', '甲']]\n"
      "swaps: {pair: ['甲', '乙 #2']}\n";
  test_write("a.yaml", spec, sizeof spec - 1);
  cr_assert_eq(shell("%s validate %s/a.yaml", shell_program(), test_folder), 0, "%s", shell_output);
  cr_expect(strstr(shell_output, "\nstage        甲         乙 #2      α_1, \"$x^2\" & {y}\n") &&
                strstr(shell_output, "\nconv_out     f32        i8         f32 "),
            "%s", shell_output);
  cr_assert_eq(
      shell("%s run %s/a.yaml -q -o %s/a 2>&1", shell_program(), test_folder, shell_folder), 0,
      "%s", shell_output);
  cr_expect(strstr(shell_output, "甲 against 乙 #2: "), "%s", shell_output);
  cr_expect_eq(
      shell("%s report %s/a/results.h5 -o %s/b 2>&1", shell_program(), shell_folder, shell_folder),
      0, "%s", shell_output);
  cr_expect_eq(shell("grep -c '^地址 一,甲,' %s/a/tables/tensor_stats.csv", shell_folder), 0, "%s",
               shell_output);
  cr_expect_eq(
      shell("grep -cF '\"α_1, \"\"$x^2\"\" & {y}\"' %s/a/tables/tensor_stats.csv", shell_folder),
      0);
  cr_expect_eq(
      shell("grep -cF '{α}\\_1, \\char34{}\\$x\\textasciicircum{}2' %s/a/tables.tex", shell_folder),
      0);
  cr_expect_eq(shell("grep -cF '甲 against 乙 #2' %s/a/report.html", shell_folder), 0);
  /* two pairs of the same names the other way round are two figures, and each is there */
  cr_expect_eq(
      shell("cd %s/a && grep -o 'plots/[^ ]*svg' report.md | sort | uniq -d", shell_folder), 0);
  cr_expect_eq(strlen(shell_output), 0, "%s", shell_output);
  cr_expect_eq(shell("cd %s/a && for f in $(grep -o 'plots/[^ ]*svg' report.md); do test -s $f || "
                     "echo $f; done",
                     shell_folder),
               0);
  cr_expect_eq(strlen(shell_output), 0, "not drawn: %s", shell_output);
  cr_expect_eq(shell("P=/usr/bin/python3; $P -c 'import h5py' 2>/dev/null || P=python3; $P -c "
                     "'import h5py' 2>/dev/null || { echo skipped; exit 0; }; $P -c 'import h5py, "
                     "sys; f = h5py.File(sys.argv[1]); print(sorted(f[\"prompts\"]), "
                     "f[\"prompts/地址 一/乙 #2/layer_01/conv1d\"].dtype)' %s/a/results.h5 2>&1",
                     shell_folder),
               0, "%s", shell_output);
  cr_expect(!strcmp(shell_output, "[\"a|b' %.x\", '地址 一'] float32\n") ||
                !strcmp(shell_output, "skipped\n"),
            "%s", shell_output);
}

Test(cli_models, a_run_that_was_stopped_finds_its_layers_under_any_prompt_name) {
  write_inputs(model_of("F32"));
  CONFIG();
  static const char spec[] = "title: t\nmodel: .\nprompts: [{name: '地址. %', tokens: ids.txt, "
                             "length: 9}]\npairs: [[1, fp32]]\n";
  test_write("a.yaml", spec, sizeof spec - 1);
  cr_assert_eq(
      shell("%s run %s/a.yaml -q -o %s/a 2>&1", shell_program(), test_folder, shell_folder), 0,
      "%s", shell_output);
  cr_expect_eq(shell("ls %s/a | grep -c parts", shell_folder), 1, "the journal is left: %s",
               shell_output);
}
