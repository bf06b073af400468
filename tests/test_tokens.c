/* test_tokens: bytes, ids as text and ids as .npy become token ids, and what is no id is refused with its place. */
#include "model/tokens.h"
#include "tests/model_files.h"

TestSuite(tokens, .init = test_files_begin, .fini = test_files_end);

static int32_t *got;
static int64_t got_count;

static void expect_ids(int64_t count, const int32_t *want) {
  cr_assert_eq(got_count, count, "%lld tokens, want %lld", (long long)got_count, (long long)count);
  for (int64_t i = 0; i < count; i++)
    cr_expect_eq(got[i], want[i], "token %lld: got %d, want %d", (long long)i, got[i], want[i]);
}
#define IDS(...) expect_ids(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t), (const int32_t[]){__VA_ARGS__})

static bool read_file(const char *name, int vocab, Status *st) {
  got = NULL, got_count = -1;
  return tokens_of_file(&test_arena, test_path(name), vocab, &got, &got_count, st);
}

static bool read_prompt(Prompt prompt, int vocab, Status *st) {
  int T = -1;
  got = NULL;
  prompt.name = "p0";
  bool ok = tokens_of_prompt(&test_arena, &prompt, test_folder, vocab, &got, &T, st);
  got_count = T;
  return ok;
}

static void good_text(const char *text, int vocab) {
  Status st = {0};
  test_write("ids.txt", text, strlen(text));
  cr_assert(read_file("ids.txt", vocab, &st), "'%s': %s", text, st.text);
}

static void refuse_text(const char *text, const char *const *words) {
  Status st = {0};
  test_write("ids.txt", text, strlen(text));
  test_refused(read_file("ids.txt", 1000, &st), &st, words);
  cr_expect(strstr(st.text, "/ids.txt: "), "the file is not named: %s", st.text);
}

Test(tokens, integers_of_a_text_are_ids) {
  good_text("1 2\t3\r\n4,5, 6 ,7\n\n999\n", 1000);
  IDS(1, 2, 3, 4, 5, 6, 7, 999);
  good_text("0", 1);
  IDS(0);
  good_text("50279,\n0,\n", 50280);
  IDS(50279, 0);
}

Test(tokens, what_is_no_decimal_integer_is_refused_with_its_line_and_number) {
  refuse_text("1 2\n3 08 4", WORDS("line 2", "integer 4", "'08'", "leading zeros"));
  refuse_text("1\n\n00", WORDS("line 3", "integer 2", "'00'"));
  refuse_text("1 -2", WORDS("line 1", "integer 2", "'-2'", "sign"));
  refuse_text("+1", WORDS("line 1", "integer 1", "'+1'"));
  refuse_text("1 2.0 3", WORDS("line 1", "integer 2", "'2.0'"));
  refuse_text("0x10", WORDS("'0x10'"));
  refuse_text("1e2", WORDS("'1e2'"));
  refuse_text("[1, 2]", WORDS("integer 1", "'[1'"));
  refuse_text("1 2]", WORDS("integer 2", "'2]'"));
  refuse_text("1;2", WORDS("'1;2'"));
  refuse_text("\xef\xbb\xbf"
              "1 2",
              WORDS("line 1", "integer 1"));
  refuse_text("1 a_word_that_is_much_longer_than_a_line_should_be", WORDS("'a_word_that_is_much_'"));
}

Test(tokens, a_comma_needs_an_integer_before_it) {
  refuse_text("1,,2", WORDS("line 1", "comma without an integer before it", "after 1 integers"));
  refuse_text("1,\n,2", WORDS("line 2", "comma"));
  refuse_text(",1", WORDS("line 1", "comma"));
}

Test(tokens, ids_outside_the_vocabulary_are_refused_with_their_place) {
  refuse_text("1\n2 999 1000 3", WORDS("line 2", "integer 4", "1000 is outside the vocabulary 0 … 999"));
  refuse_text("4294967297", WORDS("4294967297 is outside"));
  refuse_text("18446744073709551617", WORDS("18446744073709551617 is outside"));
  refuse_text("99999999999999999999999999999999", WORDS("is outside the vocabulary"));
}

Test(tokens, files_without_tokens_are_refused) {
  refuse_text("", WORDS("holds no tokens"));
  refuse_text(" \n\n", WORDS("holds no tokens"));
  Status st = {0};
  test_refused(read_file("none.txt", 256, &st), &st, WORDS("none.txt", "cannot be opened"));
}

Test(tokens, bytes_of_a_file_are_ids_where_the_vocabulary_is_256) {
  Status st = {0};
  test_write("bytes", "a\0\xff\n1", 5);
  cr_assert(read_file("bytes", 256, &st), "%s", st.text);
  IDS('a', 0, 255, '\n', '1');
}

/* A .npy file: version, header text as it is, values. */
static const char *write_npy(const char *name, int version, const char *header, const void *data, size_t bytes) {
  size_t n = strlen(header), at = version == 1 ? 10 : 12;
  unsigned char *file = arena_alloc(&test_arena, at + n + bytes, 1);
  memcpy(file, "\x93NUMPY", 6);
  file[6] = (unsigned char)version;
  for (size_t i = 8; i < at; i++) file[i] = (unsigned char)(n >> 8 * (i - 8));
  memcpy(file + at, header, n);
  if (bytes) memcpy(file + at + n, data, bytes);
  return test_write(name, file, at + n + bytes);
}

static void refuse_npy(const char *header, size_t bytes, const char *const *words) {
  const int32_t data[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (int version = 1; version <= 3; version++) {
    Status st = {0};
    write_npy("ids.npy", version, header, data, bytes);
    test_refused(read_file("ids.npy", 256, &st), &st, words);
    cr_expect(strstr(st.text, "/ids.npy: "), "the file is not named: %s", st.text);
  }
}
#define HEADER(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }   \n"

Test(tokens, npy_files_of_int32_are_ids_in_every_version) {
  const int32_t data[] = {7, 255, 0};
  const char *const headers[] = {HEADER("'<i4'", "False", "(3,)"), "{'shape':(3,),'descr':'<i4','fortran_order':False}",
                                 "{\"fortran_order\": False, \"shape\": ( 3 , ), \"descr\": \"<i4\"}"};
  for (int version = 1; version <= 3; version++)
    for (int i = 0; i < 3; i++) {
      Status st = {0};
      write_npy("any-name", version, headers[i], data, sizeof data);
      cr_assert(read_file("any-name", 256, &st), "%s", st.text);
      IDS(7, 255, 0);
    }
}

Test(tokens, npy_files_of_other_types_and_shapes_are_refused) {
  refuse_npy(HEADER("'<i8'", "False", "(4,)"), 32, WORDS("int32", "'<i4'", "convert", "astype('<i4')"));
  refuse_npy(HEADER("'>i4'", "False", "(8,)"), 32, WORDS("'<i4'", "convert"));
  refuse_npy(HEADER("[('a', '<i4')]", "False", "(8,)"), 32, WORDS("'<i4'", "convert"));
  refuse_npy(HEADER("'<i4'", "True", "(8,)"), 32, WORDS("fortran_order"));
  refuse_npy(HEADER("'<i4'", "False", "(2, 4)"), 32, WORDS("one-dimensional"));
  refuse_npy(HEADER("'<i4'", "False", "()"), 4, WORDS("one-dimensional"));
  refuse_npy(HEADER("'<i4'", "False", "(8)"), 32, WORDS("one-dimensional"));
  refuse_npy(HEADER("'<i4'", "False", "(-8,)"), 32, WORDS("one-dimensional"));
  refuse_npy(HEADER("'<i4'", "False", "(99999999999999999999,)"), 32, WORDS("one-dimensional"));
}

Test(tokens, npy_files_whose_size_differs_from_the_shape_are_refused) {
  refuse_npy(HEADER("'<i4'", "False", "(8,)"), 28, WORDS("shape is (8,)", "28 bytes"));
  refuse_npy(HEADER("'<i4'", "False", "(7,)"), 32, WORDS("shape is (7,)", "32 bytes"));
  refuse_npy(HEADER("'<i4'", "False", "(8,)"), 31, WORDS("shape is (8,)", "31 bytes"));
  refuse_npy(HEADER("'<i4'", "False", "(4611686018427387904,)"), 0,
             WORDS("shape is (4611686018427387904,)", "0 bytes"));
  refuse_npy(HEADER("'<i4'", "False", "(0,)"), 0, WORDS("holds no tokens"));
}

Test(tokens, npy_headers_that_are_malformed_are_refused) {
  refuse_npy("", 32, WORDS("not a dictionary"));
  refuse_npy("[]", 32, WORDS("not a dictionary"));
  refuse_npy("{", 32, WORDS("cannot be read"));
  refuse_npy("{}", 32, WORDS("lacks"));
  refuse_npy("{'descr': '<i4', 'shape': (8,)}", 32, WORDS("lacks", "fortran_order"));
  refuse_npy("{'descr': '<i4', 'descr': '<i4', 'shape': (8,)}", 32, WORDS("'descr' unexpectedly"));
  refuse_npy("{'descr': '<i4', 'kind': 1}", 32, WORDS("'kind' unexpectedly"));
  refuse_npy("{'descr': '<i4' 'shape': (8,)}", 32, WORDS("cannot be read"));
  refuse_npy("{'descr': '<i4", 32, WORDS("'<i4'"));
  refuse_npy("{'a_key_that_is_far_too_long': 1}", 32, WORDS("cannot be read"));
  refuse_npy(HEADER("'<i4'", "False", "(8,)") "x", 32, WORDS("cannot be read"));
}

Test(tokens, npy_files_that_are_cut_off_are_refused) {
  const char header[] = HEADER("'<i4'", "False", "(2,)");
  unsigned char file[256] = "\x93NUMPY\1\0";
  const size_t n = sizeof header - 1, whole = 10 + n + 8;
  file[8] = (unsigned char)n;
  memcpy(file + 10, header, n);
  for (size_t count = 6; count < whole; count++) {
    Status st = {0};
    test_write("cut.npy", file, count);
    cr_assert(!read_file("cut.npy", 256, &st) && strstr(st.text, "cut.npy: "), "%zu bytes accepted, or: %s", count,
              st.text);
  }
  Status st = {0};
  test_write("cut.npy", file, whole);
  cr_expect(read_file("cut.npy", 256, &st), "%s", st.text);
}

Test(tokens, npy_versions_and_names_are_checked) {
  Status st = {0}, again = {0};
  test_write("v4.npy", "\x93NUMPY\4\0\0\0\0\0", 12);
  test_refused(read_file("v4.npy", 256, &st), &st, WORDS("v4.npy: ", "version 4.0"));
  test_write("text.npy", "1 2 3", 5);
  test_refused(read_file("text.npy", 256, &again), &again, WORDS("text.npy: ", "does not begin as a .npy file"));
}

Test(tokens, npy_ids_outside_the_vocabulary_are_refused_with_their_index) {
  const int32_t high[] = {1, 256, 2}, low[] = {1, 2, -1};
  Status st = {0}, again = {0};
  write_npy("high.npy", 1, HEADER("'<i4'", "False", "(3,)"), high, sizeof high);
  test_refused(read_file("high.npy", 256, &st), &st, WORDS("high.npy: ", "index 1 is 256", "0 … 255"));
  write_npy("low.npy", 1, HEADER("'<i4'", "False", "(3,)"), low, sizeof low);
  test_refused(read_file("low.npy", 256, &again), &again, WORDS("low.npy: ", "index 2 is -1"));
}

Test(tokens, a_prompt_takes_its_part_of_a_text) {
  Status st = {0};
  test_write("t.txt", "abcdefgh", 8);
  cr_assert(read_prompt((Prompt){.text = "t.txt", .offset = 2, .length = 3}, 256, &st), "%s", st.text);
  IDS('c', 'd', 'e');
  cr_assert(read_prompt((Prompt){.text = "t.txt", .offset = 6}, 256, &st), "%s", st.text);
  IDS('g', 'h');
  cr_assert(read_prompt((Prompt){.text = "t.txt", .length = 8}, 256, &st), "%s", st.text);
  cr_expect_eq(got_count, 8);
  cr_assert(read_prompt((Prompt){.text = "data/text/test.txt", .offset = 4000, .length = 171}, 256, &st), "%s",
            st.text);
  cr_expect_eq(got_count, 171);
}

Test(tokens, windows_spread_from_the_offset_to_the_end_of_the_text) {
  Status st = {0};
  test_write("t.txt", "abcdefghijk", 11);
  static const char want[4][3] = {"cd", "ef", "gh", "jk"}; /* from 2 + 0, 2, 4, 7 */
  for (int w = 0; w < 4; w++) {
    Prompt window = {.text = "t.txt", .offset = 2, .length = 2, .windows = 4, .window = w};
    cr_assert(read_prompt(window, 256, &st), "%s", st.text);
    IDS(want[w][0], want[w][1]);
  }
  cr_assert(read_prompt((Prompt){.text = "t.txt", .length = 11, .windows = 3, .window = 2}, 256, &st), "%s", st.text);
  cr_expect_eq(got_count, 11);
  cr_assert(read_prompt((Prompt){.text = "t.txt", .offset = 1, .length = 3, .windows = 1}, 256, &st), "%s", st.text);
  IDS('b', 'c', 'd');
  test_refused(read_prompt((Prompt){.text = "t.txt", .offset = 2, .length = 10, .windows = 2, .window = 1}, 256, &st),
               &st, WORDS("prompt 'p0'", "t.txt", "past the end", "11 bytes"));
}

Test(tokens, a_prompt_past_the_end_of_its_text_is_refused) {
  test_write("t.txt", "abcdefgh", 8);
  const Prompt bad[] = {{.text = "t.txt", .offset = 6, .length = 3},
                        {.text = "t.txt", .offset = 9, .length = 1},
                        {.text = "t.txt", .offset = -1, .length = 1},
                        {.text = "t.txt", .offset = INT64_MIN},
                        {.text = "t.txt", .offset = INT64_MAX, .length = INT32_MAX},
                        {.text = "t.txt", .length = -1}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    Status st = {0};
    test_refused(read_prompt(bad[i], 256, &st), &st, WORDS("prompt 'p0'", "t.txt", "past the end", "8 bytes"));
  }
  Status st = {0};
  test_refused(read_prompt((Prompt){.text = "t.txt", .offset = 8}, 256, &st), &st,
               WORDS("prompt 'p0'", "t.txt", "empty"));
}

Test(tokens, a_string_is_its_bytes) {
  Status st = {0};
  cr_assert(read_prompt((Prompt){.string = "h\xc3\xa9"}, 256, &st), "%s", st.text);
  IDS('h', 0xc3, 0xa9);
  test_refused(read_prompt((Prompt){.string = ""}, 256, &st), &st, WORDS("prompt 'p0'", "string", "empty"));
}

Test(tokens, text_for_a_model_of_another_vocabulary_names_the_tokens_key) {
  Status st = {0}, again = {0};
  test_refused(read_prompt((Prompt){.text = "t.txt"}, 50280, &st), &st,
               WORDS("prompt 'p0'", "256", "50280", "`tokens`", "`text`"));
  test_refused(read_prompt((Prompt){.string = "hello"}, 50280, &again), &again, WORDS("50280", "`tokens`", "`string`"));
}

Test(tokens, a_prompt_of_ids_is_read_whole_or_in_part) {
  Status st = {0};
  const int32_t data[] = {70000, 1, 2};
  test_write("ids.txt", "3 1 4 1 5", 9);
  write_npy("ids.npy", 1, HEADER("'<i4'", "False", "(3,)"), data, sizeof data);
  cr_assert(read_prompt((Prompt){.tokens = "ids.txt"}, 50280, &st), "%s", st.text);
  IDS(3, 1, 4, 1, 5);
  cr_assert(read_prompt((Prompt){.tokens = "ids.txt", .length = 2}, 50280, &st), "%s", st.text);
  IDS(3, 1);
  cr_assert(read_prompt((Prompt){.tokens = "ids.txt"}, 256, &st), "digits are ids here, not bytes: %s", st.text);
  IDS(3, 1, 4, 1, 5);
  cr_assert(read_prompt((Prompt){.tokens = "ids.npy"}, 100000, &st), "%s", st.text);
  IDS(70000, 1, 2);
  test_refused(read_prompt((Prompt){.tokens = "ids.txt", .length = 6}, 256, &st), &st,
               WORDS("prompt 'p0'", "ids.txt", "length 6", "5 tokens"));
}

Test(tokens, a_npy_file_given_as_text_is_refused) {
  Status st = {0};
  const int32_t data[] = {1};
  write_npy("ids.npy", 1, HEADER("'<i4'", "False", "(1,)"), data, sizeof data);
  test_refused(read_prompt((Prompt){.text = "ids.npy"}, 256, &st), &st, WORDS("prompt 'p0'", "ids.npy", "`tokens`"));
}
