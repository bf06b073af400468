/* The program on a model whose text goes through a tokenizer.json: tests/made_model.h's, with the
 * six tokens a, b, a space, ab, a space and a, the end of a line. */
#include "tests/made_shell.h"

TestSuite(cli_tokenized, .init = made_shell_begin, .fini = made_shell_end);

#define TOKENIZER_OF(more)                                                                         \
  "{\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": "     \
  "true}, \"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"vocab\": "      \
  "{\"a\": 0, \"b\": 1, \"\\u0120\": 2, \"ab\": 3, \"\\u0120a\": 4, \"\\u010a\": 5}, "             \
  "\"merges\": [\"a b\", \"\\u0120 a\"]}" more "}"
#define TOKENIZER TOKENIZER_OF("")
/* The same ids of every text, but another file. */
#define ANOTHER TOKENIZER_OF(", \"version\": \"1.0\"")
#define WITH_FRONT                                                                                 \
  TOKENIZER_OF(", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": "             \
               "[{\"SpecialToken\": {\"id\": \"s\"}}, {\"Sequence\": {\"id\": \"A\"}}], "          \
               "\"special_tokens\": {\"s\": {\"ids\": [5]}}}")

/* The model, and 800 bytes of text: "ab a ba bb\n" again and again, tokens 3 4 2 1 0 2 1 1 5. */
static void write_model(const char *tokenizer) {
  char text[801];
  for (int i = 0; i < 800; i++) text[i] = "ab a ba bb\n"[i % 11];
  text[800] = 0;
  write_shard(model_of("F32"), "model.safetensors", 0, false);
  CONFIG();
  write_string("text.txt", text);
  if (tokenizer) write_string("tokenizer.json", tokenizer);
}

#define TEXTS "--text %s/text.txt --calibration %s/text.txt --windows 2 --window-length 16"

Test(cli_tokenized, every_command_reads_text_by_the_tokenizer_beside_the_checkpoint) {
  write_model(TOKENIZER);
  RUN(0, "tokens --model %s --text %s/text.txt", test_folder, test_folder);
  SAYS("3 4 2 1 0 2 1 1 5 3 4");
  RUN(0, "compare 2-0 2-4 --model %s " TEXTS " --length 20 -q -o %s/a", test_folder, test_folder,
      test_folder, shell_folder);
  RUN(0, "eval --mode 0,2-4 --model %s " TEXTS " -q", test_folder, test_folder, test_folder);
  RUN(0, "calibrate --model %s --text %s/text.txt --windows 2 --window-length 16 -q", test_folder,
      test_folder);
  RUN(0, "micro silu --model %s --text %s/text.txt --length 8 -q -o %s/m", test_folder, test_folder,
      shell_folder);
}

/* The same run as of the ids that `tokens` prints: every table, times excepted. */
Test(cli_tokenized, a_text_and_its_ids_are_the_same_tables) {
  write_model(TOKENIZER);
  RUN(0, "tokens --model %s --text %s/text.txt -o %s/ids.npy", test_folder, test_folder,
      test_folder);
  RUN(0, "compare 2-0 2-4 --model %s " TEXTS " --length 30 -q -o %s/a", test_folder, test_folder,
      test_folder, shell_folder);
  RUN(0,
      "compare 2-0 2-4 --model %s --tokens %s/ids.npy --calibration %s/ids.npy --windows 2 "
      "--window-length 16 --length 30 -q -o %s/b",
      test_folder, test_folder, test_folder, shell_folder);
  RUN(0, "report %s/a/results.h5 %s/b/results.h5", shell_folder, shell_folder);
  SAYS("nothing changed");
}

Test(cli_tokenized, tables_show_pieces_with_what_stands_around) {
  write_model(TOKENIZER);
  write_string("s.yaml", "title: t\nmodel: .\npairs: [[fp64, 1]]\nevents: {share: 0.01}\nprompts:\n"
                         "  - {name: p, text: text.txt, length: 90}\n"
                         "evaluation: {text: text.txt, windows: 4, length: 16}\n");
  RUN(0, "run %s/s.yaml -q -o %s/a", test_folder, shell_folder);
  cr_assert_eq(shell("cat %s/a/tables/event_strip.csv %s/a/tables/evaluation_token*.csv",
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  SAYS(",ab,");
  SAYS(",\\n,");
}

/* Bytes say where, tokens how much. */
Test(cli_tokenized, an_offset_is_a_byte_and_a_length_a_number_of_tokens) {
  write_model(TOKENIZER);
  write_string("s.yaml", "title: t\nmodel: .\npairs: [[1, fp32]]\nprompts:\n"
                         "  - {name: o, text: text.txt, offset: 3, length: 4}\n"
                         "  - {name: w, text: text.txt, offset: 11, length: 9, windows: 2}\n"
                         "  - {name: s, string: abab b}\n");
  RUN(0, "run %s/s.yaml -q -o %s/a", test_folder, shell_folder);
  cr_assert_eq(shell(SHELL_PYTHON "$P -c \"import h5py; f = h5py.File('%s/a/results.h5'); "
                                  "print([(n, f['prompts'][n]['token_id'][()].tolist()) for n in "
                                  "sorted(f['prompts'])])\" 2>&1",
                     shell_folder),
               0, "%s", shell_output);
  /* from byte 3, "a ba bb": without the space in front; the last window ends with the text, "ab a
   * ba b" */
  SAYS("('o', [0, 2, 1, 0])");
  SAYS("('s', [3, 3, 2, 1])");
  SAYS("('w00', [3, 4, 2, 1, 0, 2, 1, 1, 5])");
  SAYS("('w01', [");
}

Test(cli_tokenized, what_is_wrong_is_told_with_line_and_column) {
  write_model(TOKENIZER);
  write_string("t.txt", "ab \xc3\xa9");
#define SPEC(prompt, more)                                                                         \
  "title: t\nmodel: .\npairs: [[1, fp32]]\nprompts: [{name: p, " prompt "}]\n" more
  static const struct {
    const char *spec, *says;
  } rows[] = {
      {SPEC("text: t.txt, offset: 4", ""), "s.yaml:4:27: key 'text': "},
      {SPEC("text: t.txt, offset: 4", ""),
       "t.txt: offset 4 is amid a character, which begins at 3"},
      {SPEC("text: t.txt, offset: 9", ""), "offset 9 reaches past the end, it has 5 bytes"},
      {SPEC("text: text.txt, offset: 790, length: 30", ""),
       "tokens from byte 790 on, fewer than the length 30"},
      {SPEC("text: t.txt", ""), "t.txt: byte 0xc3 has no token in"},
      {SPEC("text: text.txt", "tokenizer: none.json\n"),
       "s.yaml:5:12: key 'tokenizer': none.json: cannot be opened"},
      {SPEC("string: ab", "tokenizer: text.txt\n"), "text.txt: tokenizer is not valid JSON"},
      {SPEC("string: ab", "add_bos: maybe\n"), "add_bos"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    write_string("s.yaml", rows[i].spec);
    RUN(2, "validate %s/s.yaml", test_folder);
    SAYS(rows[i].says);
  }
}

Test(cli_tokenized, an_id_that_the_model_does_not_have_is_told_with_its_piece) {
  write_model(NULL);
  write_string("big.json",
               "{\"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": "
               "\"BPE\", \"vocab\": {\"a\": 0, \"b\": 7, \"\\u0120\": 2, \"\\u010a\": 5}, "
               "\"merges\": []}}");
  RUN(2, "eval --mode fp32 --model %s --text %s/text.txt --tokenizer %s/big.json", test_folder,
      test_folder, test_folder);
  SAYS("text.txt: token 2, 'b', has id 7 in ");
  SAYS("big.json, outside the model's vocabulary 0 … 5");
}

Test(cli_tokenized, without_a_tokenizer_both_ways_are_named) {
  write_model(NULL);
  write_string("s.yaml", SPEC("text: text.txt", ""));
  RUN(2, "validate %s/s.yaml", test_folder);
  SAYS("prompt 'p': ");
  SAYS("no tokenizer.json stands beside the checkpoint, and its vocabulary is 6, not 256");
  SAYS("`tokenizer:`");
  SAYS("`tokens:`");
  /* and one that lies elsewhere is taken when it is named */
  write_string("else.json", TOKENIZER);
  write_string("s.yaml", SPEC("text: text.txt", "tokenizer: else.json\n"));
  RUN(0, "validate %s/s.yaml", test_folder);
  SAYS("tokenizer: \"else.json\"");
}

Test(cli_tokenized, another_tokenizer_is_another_run_even_of_the_same_ids) {
  write_model(TOKENIZER);
  write_string("s.yaml", SPEC("text: text.txt, length: 20", ""));
  RUN(0, "run %s/s.yaml -q -o %s/a", test_folder, shell_folder);
  RUN(0, "run %s/s.yaml -q -o %s/a", test_folder, shell_folder);
  write_string("tokenizer.json", ANOTHER);
  RUN(2, "run %s/s.yaml -q -o %s/a", test_folder, shell_folder);
  SAYS("text");
}

Test(cli_tokenized, tokens_in_front_of_a_text_are_asked_for) {
  write_model(WITH_FRONT);
  RUN(2, "tokens --model %s --text %s/text.txt", test_folder, test_folder);
  SAYS("tokenizer.json: puts '\\n' in front of every text: say whether it is wanted");
  RUN(0, "tokens --model %s --text %s/text.txt --add-bos", test_folder, test_folder);
  cr_expect(!strncmp(shell_output, "5 3 4 2 ", 8), "%s", shell_output);
  RUN(0, "tokens --model %s --text %s/text.txt --no-bos", test_folder, test_folder);
  cr_expect(!strncmp(shell_output, "3 4 2 ", 6), "%s", shell_output);
  write_string("s.yaml", SPEC("text: text.txt, length: 20", "add_bos: true\n"));
  RUN(0, "validate %s/s.yaml", test_folder);
  SAYS("add_bos: true\n");
  write_string("s.yaml", SPEC("text: text.txt, length: 20", ""));
  RUN(2, "validate %s/s.yaml", test_folder);
  SAYS("`add_bos: true`");
}

/* --- tasks ------------------------------------------------------------------------------------ */

/* "ab a ba" is the tokens 3 4 2 1 0, "ab b" 3 2 1. */
static void write_tasks(void) {
  write_string("likely.jsonl", "{\"context\": \"ab\", \"target\": \" a ba\"}\n"
                               "{\"context\": \"b\", \"target\": \"b\"}\n");
  write_string("choose.jsonl",
               "{\"context\": \"ab\", \"choices\": [\"a ba\", \"b\"], \"gold\": 1}\n"
               "{\"context\": \"ab a\", \"choices\": [\"b\", \"a\"], \"gold\": 0}\n"
               "{\"context\": \"b b\", \"choices\": [\"a\", \"bb\"], \"gold\": 0}\n");
}

#define TASKS                                                                                      \
  "title: t\nmodel: .\ncompare_all: [fp32]\nkeep: {tensors: [logits]}\nprompts:\n"                 \
  "  - {name: long, string: ab a ba}\n  - {name: short, string: ab b}\n"                           \
  "evaluation: {tasks: [{file: likely.jsonl}, {file: choose.jsonl}]}\n"

/* As the logits of the same tokens in a prompt say; likely: tokens 1 to 4 behind 3. */
Test(cli_tokenized, a_task_is_scored_from_the_logits_that_a_prompt_of_its_text_has) {
  write_model(TOKENIZER);
  write_tasks();
  write_string("s.yaml", TASKS);
  write_string("score.py",
               "import sys, h5py, numpy\n"
               "f = h5py.File(sys.argv[1])\n"
               "def log_p(prompt, first):\n"
               "    g = f['prompts'][prompt]\n"
               "    id, x = g['token_id'][()], g['fp64/logits'][()]\n"
               "    p = x - numpy.log(numpy.exp(x).sum(1, keepdims=True))\n"
               "    return sum(p[i - 1, id[i]] for i in range(first, len(id)))\n"
               "rows = {(r['task'], r['sample']): r for r in f['tables/task_samples'][()]\n"
               "        if r['mode'] == b'fp64'}\n"
               "a, b = log_p('long', 1), log_p('short', 1)\n"
               "target, choice = rows[b'likely', 0], rows[b'choose', 0]\n"
               "assert abs(target['log_p'] - a) < 1e-12 * abs(a), (target, a)\n"
               "assert abs(choice['log_p'] - b) < 1e-12 * abs(b), (choice, b)\n"
               "assert abs(choice['margin'] - (b - a)) < 1e-12 * abs(a), (choice, b - a)\n"
               "assert choice['answer'] == (b > a) and choice['right'] == (b > a), choice\n"
               "assert choice['answer_norm'] == (b / 1 > a / 4), choice\n"
               "print('scored as', a, b)\n");
  RUN(0, "run %s/s.yaml -q -o %s/a", test_folder, shell_folder);
  cr_assert_eq(shell(SHELL_PYTHON "$P %s/score.py %s/a/results.h5 2>&1", test_folder, shell_folder),
               0, "%s", shell_output);
  SAYS("scored as -");
}

Test(cli_tokenized, eval_and_run_say_the_same_of_a_task_in_report_and_tables) {
  write_model(TOKENIZER);
  write_tasks();
  write_string("s.yaml", TASKS);
  RUN(0, "run %s/s.yaml -q -o %s/a", test_folder, shell_folder);
  cr_assert_eq(shell("grep -c '^likely,' %s/a/tables/tasks.csv; grep '^choose,fp32' "
                     "%s/a/tables/tasks.csv; grep -c '^choose,fp' %s/a/tables/task_samples.csv; "
                     "grep papers %s/a/report.md",
                     shell_folder, shell_folder, shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect(!strncmp(shell_output, "2\nchoose,fp32,choices,acc,3,0,0,", 32), "%s", shell_output);
  SAYS("\n6\n");
  SAYS("**likely** (2 samples; papers give acc)");
  SAYS("**choose** (3 samples; papers give acc)");
  RUN(0,
      "eval --mode fp32 --model %s --task %s/likely.jsonl --task %s/choose.jsonl --text "
      "%s/text.txt --windows 2 --window-length 16 --json -q",
      test_folder, test_folder, test_folder, test_folder);
  write_string("eval.json", shell_output);
  cr_assert_eq(
      shell(SHELL_PYTHON
            "$P -c \"import json, h5py; e = json.load(open('%s/eval.json'))['task_samples']; "
            "r = h5py.File('%s/a/results.h5')['tables/task_samples'][()]; print(len(r), "
            "[x['log_p'] for x in e] == r['log_p'].tolist())\" 2>&1",
            test_folder, shell_folder),
      0, "%s", shell_output);
  cr_expect_str_eq(shell_output, "10 True\n");
}

Test(cli_tokenized, two_tasks_of_one_name_are_refused) {
  write_model(TOKENIZER);
  write_tasks();
  cr_assert_eq(
      shell("mkdir %s/other && cp %s/likely.jsonl %s/other", test_folder, test_folder, test_folder),
      0);
  write_string("s.yaml", SPEC("string: ab",
                              "evaluation: {tasks: [{file: likely.jsonl}, {file: choose.jsonl}, "
                              "{file: other/likely.jsonl}]}\n"));
  RUN(2, "validate %s/s.yaml", test_folder);
  SAYS("s.yaml:5:73: key 'file': other/likely.jsonl: a task before it is called 'likely' too: "
       "rename the file");
}

/* A fullwidth a, which NFKC makes an a. */
Test(cli_tokenized, samples_that_do_not_decode_to_themselves_are_told_with_the_first_and_a_count) {
  write_model(TOKENIZER_OF(", \"normalizer\": {\"type\": \"NFKC\"}"));
  write_tasks();
  write_string("wide.jsonl",
               "{\"context\": \"ab\", \"choices\": [\"a\", \"b\"], \"gold\": 1}\n\n"
               "{\"context\": \"\xef\xbd\x81\", \"choices\": [\"b\", \"ab\"], \"gold\": 0}\n"
               "{\"context\": \"a\", \"choices\": [\"b\", \"\xef\xbd\x81\"], \"gold\": 0}\n");
#define EVAL                                                                                       \
  "eval --mode fp32 --model %s --text %s/text.txt --windows 2 --window-length 16 --task %s/"
  RUN(0, EVAL "wide.jsonl", test_folder, test_folder, test_folder);
  SAYS("wide.jsonl: line 3: the tokens decode to another text, as those of 2 of 3 samples do: ");
  SAYS("tokenizer.json changes it");
  RUN(0, EVAL "likely.jsonl", test_folder, test_folder, test_folder);
  cr_expect(!strstr(shell_output, "decode"), "%s", shell_output);
}

/* No text is read but the task's own: this tokenizer has the letters a and b alone. */
Test(cli_tokenized, a_task_is_asked_without_any_other_text) {
  write_model(TOKENIZER);
  write_tasks();
  RUN(0, "eval --mode fp32 --model %s --task %s/likely.jsonl -q", test_folder, test_folder);
  SAYS("likely: 2 samples; papers give acc");
  cr_expect(!strstr(shell_output, "bits"), "%s", shell_output);
}
