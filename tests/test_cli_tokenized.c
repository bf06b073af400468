/* The program on a model whose text goes through a tokenizer.json: tests/made_model.h's, with the
 * six tokens a, b, a space, ab, a space and a, the end of a line. */
#define Made MadeTensor
#define Model MadeModel
#include "tests/made_model.h"
#undef Model
#undef Made
#include "tests/shell.h"

static void begin(void) {
  test_files_begin();
  shell_begin();
}

static void end(void) {
  shell_end();
  test_files_end();
}

TestSuite(cli_tokenized, .init = begin, .fini = end);

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

static void write_string(const char *name, const char *text) {
  test_write(name, text, strlen(text));
}

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

#define RUN(want, ...)                                                                             \
  do {                                                                                             \
    char line[1024];                                                                               \
    snprintf(line, sizeof line, __VA_ARGS__);                                                      \
    const int status = shell("%s %s 2>&1", shell_program(), line);                                 \
    cr_assert_eq(status, want, "%s: exit status %d: %s", line, status, shell_output);              \
  } while (0)
#define SAYS(text) cr_expect(strstr(shell_output, text), "lacks \"%s\": %s", text, shell_output)

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
