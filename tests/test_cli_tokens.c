/* The program's `tokens`: ids, pieces, .npy, and the same ids as the Python package. */
#include "tests/shell.h"

TestSuite(cli_tokens, .init = shell_begin, .fini = shell_end);

#define OWN "--tokenizer data/tokenizer/own_2048.json"

static void write_text(const char *text) {
  char path[128];
  snprintf(path, sizeof path, "%s/text.txt", shell_folder);
  FILE *file = fopen(path, "wb");
  cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

#define EXPECT_TOKENS(flags, status, want)                                                         \
  do {                                                                                             \
    const int got =                                                                                \
        shell("%s tokens %s --text %s/text.txt 2>&1", shell_program(), flags, shell_folder);       \
    cr_expect_eq(got, status, "exit status %d: %s", got, shell_output);                            \
    cr_expect(strstr(shell_output, want), "%s\nlacks: %s", shell_output, want);                    \
  } while (0)

Test(cli_tokens, ids_stand_on_one_line_and_pieces_on_their_own) {
  write_text("Hello, world!\n");
  EXPECT_TOKENS(OWN, 0, "40 1369 79 12 555 1 199\n");
  EXPECT_TOKENS(OWN " --pieces", 0,
                "40\tH\n1369\tell\n79\to\n12\t,\n555\t world\n1\t!\n199\t\\n\n");
}

Test(cli_tokens, a_model_of_bytes_has_them_for_ids) {
  write_text("Hi\xe2\x82\xac");
  EXPECT_TOKENS("", 0, "72 105 226 130 172\n");
  EXPECT_TOKENS("--pieces", 0, "72\tH\n105\ti\n226\t\\xE2\n");
}

Test(cli_tokens, ids_are_written_for_numpy) {
  write_text("Hello, world!\n");
  cr_assert_eq(shell("%s tokens " OWN " --text %s/text.txt -o %s/ids.npy 2>&1", shell_program(),
                     shell_folder, shell_folder),
               0, "%s", shell_output);
  cr_expect_str_eq(shell_output, "");
  cr_assert_eq(shell(SHELL_PYTHON "$P -c \"import numpy; a = numpy.load('%s/ids.npy'); "
                                  "print(a.dtype, a.tolist())\"",
                     shell_folder),
               0);
  cr_expect_str_eq(shell_output, "int32 [40, 1369, 79, 12, 555, 1, 199]\n");
}

Test(cli_tokens, a_text_that_does_not_decode_to_itself_is_told_with_its_byte) {
  write_text("abe\xcc\x81");
  EXPECT_TOKENS(OWN, 0, "text.txt: from its byte 2 on the text is not what its tokens decode to");
}

Test(cli_tokens, what_is_wrong_is_told_with_its_place) {
  write_text("ab\xff");
  EXPECT_TOKENS(OWN, 2, "text.txt: byte 2, 0xff, is no UTF-8");
  EXPECT_TOKENS("--tokenizer data/README.md", 2, "data/README.md: tokenizer is not valid JSON");
  EXPECT_TOKENS("--tokenizer none.json", 2, "none.json: cannot be opened");
  EXPECT_TOKENS("--model none", 2, "none");
  /* ids of a vocabulary of 2,048 are none of a model of bytes */
  write_text("Hello");
  EXPECT_TOKENS(OWN " --model data/mamba-bytes-10m", 2,
                "token 1, 'ell', has id 1369 in data/tokenizer/own_2048.json, outside the model's "
                "vocabulary 0 … 255");
  cr_expect_eq(shell("%s tokens " OWN " 2>&1", shell_program()), 2);
  cr_expect(strstr(shell_output, "--text"), "%s", shell_output);
}

/* 60 kB, or 10 MB where DRIFTSCOPE_EXHAUSTIVE is set: every variant of a tokenizer.json that the
 * script has, of the shipped one and of that which DRIFTSCOPE_TOKENIZER names. */
Test(cli_tokens, random_unicode_has_the_ids_of_the_python_package) {
  const char *named = getenv("DRIFTSCOPE_TOKENIZER");
  const bool exhaustive = getenv("DRIFTSCOPE_EXHAUSTIVE") != NULL;
  if (shell(SHELL_PYTHON "$P -c 'import tokenizers' 2>/dev/null"))
    cr_skip_test("no Python package tokenizers");
  cr_expect_eq(shell(SHELL_PYTHON "$P tests/check_tokenizers.py %s %s %d "
                                  "data/tokenizer/own_2048.json %s 2>&1",
                     shell_program(), shell_folder, exhaustive ? 10000000 : 60000,
                     named ? named : ""),
               0, "%s", shell_output);
  cr_expect(strstr(shell_output, ", 0 differ"), "%s", shell_output);
}
