/* test_tokens: bytes, ids as text and ids as .npy become token ids, and what is no id is refused
 * with its place. */
#include <fcntl.h>
#include <unistd.h>

#include "model/npy.h"
#include "model/tokens.h"
#include "tests/model_files.h"
#include "walk/prompt.h"

TestSuite(tokens, .init = test_files_begin, .fini = test_files_end);

static int32_t *got;
static int64_t got_count;

static void expect_ids(int64_t count, const int32_t *want) {
  cr_assert_eq(got_count, count, "%lld tokens, want %lld", (long long)got_count, (long long)count);
  for (int64_t i = 0; i < count; i++)
    cr_expect_eq(got[i], want[i], "token %lld: got %d, want %d", (long long)i, got[i], want[i]);
}
#define IDS(...)                                                                                   \
  expect_ids(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t), (const int32_t[]){__VA_ARGS__})

static bool read_file(const char *name, int vocab, Status *st) {
  TextReader reader = {.folder = test_folder, .vocab = vocab};
  TokenSource source;
  got = NULL, got_count = -1;
  if (!tokens_open(&test_arena, &reader, name, NULL, test_folder, &source, st)) return false;
  got_count = source.count;
  const bool ok = tokens_take_from(&test_arena, &source, 0, source.count, &got, st);
  if (ok)
    cr_expect_str_eq(tokens_digest(&source).hex,
                     digest_of(got, (size_t)got_count * sizeof *got).hex);
  tokens_close(&source);
  return ok;
}

static bool read_prompt(Prompt prompt, int vocab, Status *st) {
  TextReader reader = {.folder = test_folder, .vocab = vocab};
  int T = -1;
  got = NULL;
  prompt.name = "p0";
  bool ok = prompt_tokens(&test_arena, &prompt, test_folder, &reader, &got, &T, st);
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
  refuse_text("1 a_word_that_is_much_longer_than_a_line_should_be",
              WORDS("'a_word_that_is_much_'"));
}

Test(tokens, a_byte_order_mark_before_integers_is_passed_over) {
  good_text("\xef\xbb\xbf"
            "1 2",
            1000);
  IDS(1, 2);
}

Test(tokens, a_comma_needs_an_integer_before_it) {
  refuse_text("1,,2", WORDS("line 1", "comma without an integer before it", "after 1 integers"));
  refuse_text("1,\n,2", WORDS("line 2", "comma"));
  refuse_text(",1", WORDS("line 1", "comma"));
}

Test(tokens, ids_outside_the_vocabulary_are_refused_with_their_place) {
  refuse_text("1\n2 999 1000 3",
              WORDS("line 2", "integer 4", "1000 is outside the vocabulary 0 … 999"));
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
static const char *write_npy(const char *name, int version, const char *header, const void *data,
                             size_t bytes) {
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
#define HEADER(descr, order, shape)                                                                \
  "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }   \n"

Test(tokens, npy_files_of_int32_are_ids_in_every_version) {
  const int32_t data[] = {7, 255, 0};
  const char *const headers[] = {
      HEADER("'<i4'", "False", "(3,)"), "{'shape':(3,),'descr':'<i4','fortran_order':False}",
      "{\"fortran_order\": False, \"shape\": ( 3 , ), \"descr\": \"<i4\"}"};
  for (int version = 1; version <= 3; version++)
    for (int i = 0; i < 3; i++) {
      Status st = {0};
      write_npy("any-name", version, headers[i], data, sizeof data);
      cr_assert(read_file("any-name", 256, &st), "%s", st.text);
      IDS(7, 255, 0);
    }
}

/* The ids 1, 2, 300 and 4 (1, 2, 3 and 4 in one byte) as numpy stores them in each type. */
Test(tokens, npy_files_of_every_integer_type_are_ids) {
  const char *const descr[] = {"|i1", "|u1", "<i1", "<i2", ">i2", "<u2", ">u2", "<i4",
                               ">i4", "<u4", ">u4", "<i8", ">i8", "<u8", ">u8"};
  for (size_t k = 0; k < sizeof descr / sizeof *descr; k++) {
    const int size = descr[k][2] - '0', third = size == 1 ? 3 : 300, want[] = {1, 2, third, 4};
    unsigned char data[32] = {0};
    for (int i = 0; i < 4; i++)
      for (int b = 0; b < size; b++)
        data[i * size + (descr[k][0] == '>' ? size - 1 - b : b)] =
            (unsigned char)(b < 4 ? want[i] >> 8 * b : 0);
    Status st = {0};
    const char *header = arena_printf(&test_arena, HEADER("'%s'", "False", "(4,)"), descr[k]);
    write_npy("ids.npy", 1, header, data, 4 * (size_t)size);
    cr_assert(read_file("ids.npy", 1000, &st), "%s: %s", descr[k], st.text);
    IDS(1, 2, third, 4);
  }
}

Test(tokens, npy_files_of_one_row_are_ids_in_either_order) {
  const int32_t data[] = {7, 255, 0};
  const char *const shapes[] = {"(3,)", "(1, 3)", "(3, 1)", "(1,3,)", "(1, 1, 3)"},
                    *const orders[] = {"False", "True"};
  for (int i = 0; i < 10; i++) {
    Status st = {0};
    const char *header =
        arena_printf(&test_arena, HEADER("'<i4'", "%s", "%s"), orders[i % 2], shapes[i / 2]);
    write_npy("ids.npy", 1, header, data, sizeof data);
    cr_assert(read_file("ids.npy", 256, &st), "%s", st.text);
    IDS(7, 255, 0);
  }
}

Test(tokens, npy_files_of_other_types_and_shapes_are_refused) {
  refuse_npy(HEADER("'<f8'", "False", "(4,)"), 32,
             WORDS("'<f8'", "expected integers", "astype('int32')"));
  refuse_npy(HEADER("'|b1'", "False", "(32,)"), 32, WORDS("'|b1'", "expected integers"));
  refuse_npy(HEADER("'|O'", "False", "(8,)"), 32, WORDS("'|O'", "expected integers"));
  refuse_npy(HEADER("'<i3'", "False", "(8,)"), 24, WORDS("'<i3'", "expected integers"));
  refuse_npy(HEADER("'|i4'", "False", "(8,)"), 32, WORDS("'|i4'", "expected integers"));
  refuse_npy(HEADER("'<i16'", "False", "(2,)"), 32, WORDS("'<i16'", "expected integers"));
  refuse_npy(HEADER("'<i'", "False", "(8,)"), 32, WORDS("'<i'", "expected integers"));
  refuse_npy(HEADER("''", "False", "(8,)"), 32, WORDS("''", "expected integers"));
  refuse_npy(HEADER("[('a', '<i4')]", "False", "(8,)"), 32, WORDS("records", "expected integers"));
  refuse_npy(HEADER("'<i4'", "None", "(8,)"), 32, WORDS("cannot be read"));
  refuse_npy(HEADER("'<i4'", "False", "(2, 4)"), 32, WORDS("shape (2, 4)", "one row"));
  const char *const no_shapes[] = {
      "(8)", "(-8,)", "(99999999999999999999,)", "(,)", "(8 1)", "(8, ,1)", "8", "(8"};
  for (size_t i = 0; i < sizeof no_shapes / sizeof *no_shapes; i++)
    refuse_npy(arena_printf(&test_arena, HEADER("'<i4'", "False", "%s"), no_shapes[i]), 32,
               WORDS("shape", "cannot be read"));
  refuse_npy(HEADER("'<i4'", "False", "()"), 4, WORDS("shape ()", "one row"));
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
  refuse_npy("{'descr': '<i4", 32, WORDS("expected integers"));
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
    cr_assert(!read_file("cut.npy", 256, &st) && strstr(st.text, "cut.npy: "),
              "%zu bytes accepted, or: %s", count, st.text);
  }
  Status st = {0};
  test_write("cut.npy", file, whole);
  cr_expect(read_file("cut.npy", 256, &st), "%s", st.text);
}

Test(tokens, npy_headers_of_which_a_part_is_read_are_refused) {
  static const char file[12] = "\x93NUMPY\2\0\xf0\0\0";
  NpyHeader header;
  Status st = {0}, cut = {0}, beyond = {0};
  test_refused(npy_header("a.npy", (Bytes){file, 11}, 1000, &header, &cut), &cut,
               WORDS("a.npy: the .npy file is cut off in its first 12 bytes"));
  test_refused(npy_header("a.npy", (Bytes){file, 12}, 1000, &header, &st), &st,
               WORDS("a.npy: the .npy header has 240 bytes, of which 0 are read"));
  test_refused(npy_header("a.npy", (Bytes){file, 12}, 100, &header, &beyond), &beyond,
               WORDS("a.npy: the .npy header has 240 bytes, but only 88 follow"));
}

Test(tokens, npy_versions_and_names_are_checked) {
  Status st = {0}, again = {0};
  test_write("v4.npy", "\x93NUMPY\4\0\0\0\0\0", 12);
  test_refused(read_file("v4.npy", 256, &st), &st, WORDS("v4.npy: ", "version 4.0"));
  test_write("text.npy", "1 2 3", 5);
  test_refused(read_file("text.npy", 256, &again), &again,
               WORDS("text.npy: ", "does not begin as a .npy file"));
}

Test(tokens, npy_ids_outside_the_vocabulary_are_refused_with_their_index) {
  const int32_t high[] = {1, 256, 2}, low[] = {1, 2, -1};
  Status st = {0}, again = {0};
  write_npy("high.npy", 1, HEADER("'<i4'", "False", "(3,)"), high, sizeof high);
  test_refused(read_file("high.npy", 256, &st), &st,
               WORDS("high.npy: ", "index 1 is 256", "0 … 255"));
  write_npy("low.npy", 1, HEADER("'<i4'", "False", "(3,)"), low, sizeof low);
  test_refused(read_file("low.npy", 256, &again), &again, WORDS("low.npy: ", "index 2 is -1"));
}

Test(tokens, npy_ids_beyond_32_bits_are_not_cut) {
  const uint64_t wide = 1ull << 32, widest = UINT64_MAX;
  Status st = {0}, again = {0};
  write_npy("wide.npy", 1, HEADER("'<i8'", "False", "(1,)"), &wide, 8);
  test_refused(read_file("wide.npy", 256, &st), &st, WORDS("wide.npy: ", "index 0 is 4294967296"));
  write_npy("widest.npy", 1, HEADER("'<u8'", "False", "(1,)"), &widest, 8);
  test_refused(read_file("widest.npy", 256, &again), &again,
               WORDS("index 0 is 18446744073709551615"));
}

Test(tokens, a_prompt_takes_its_part_of_a_text) {
  Status st = {0};
  test_write("t.txt", "abcdefgh", 8);
  cr_assert(read_prompt((Prompt){.text = "t.txt", .offset = 2, .length = 3}, 256, &st), "%s",
            st.text);
  IDS('c', 'd', 'e');
  cr_assert(read_prompt((Prompt){.text = "t.txt", .offset = 6}, 256, &st), "%s", st.text);
  IDS('g', 'h');
  cr_assert(read_prompt((Prompt){.text = "t.txt", .length = 8}, 256, &st), "%s", st.text);
  cr_expect_eq(got_count, 8);
  cr_assert(
      read_prompt((Prompt){.text = "data/text/test.txt", .offset = 4000, .length = 171}, 256, &st),
      "%s", st.text);
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
  cr_assert(
      read_prompt((Prompt){.text = "t.txt", .length = 11, .windows = 3, .window = 2}, 256, &st),
      "%s", st.text);
  cr_expect_eq(got_count, 11);
  cr_assert(
      read_prompt((Prompt){.text = "t.txt", .offset = 1, .length = 3, .windows = 1}, 256, &st),
      "%s", st.text);
  IDS('b', 'c', 'd');
  test_refused(
      read_prompt((Prompt){.text = "t.txt", .offset = 2, .length = 10, .windows = 2, .window = 1},
                  256, &st),
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
    test_refused(read_prompt(bad[i], 256, &st), &st,
                 WORDS("prompt 'p0'", "t.txt", "past the end", "8 bytes"));
  }
  Status st = {0};
  test_refused(read_prompt((Prompt){.text = "t.txt", .offset = 8}, 256, &st), &st,
               WORDS("prompt 'p0'", "t.txt", "empty"));
}

Test(tokens, a_string_is_its_bytes) {
  Status st = {0};
  cr_assert(read_prompt((Prompt){.string = "h\xc3\xa9"}, 256, &st), "%s", st.text);
  IDS('h', 0xc3, 0xa9);
  test_refused(read_prompt((Prompt){.string = ""}, 256, &st), &st,
               WORDS("prompt 'p0'", "string", "empty"));
}

Test(tokens, text_for_a_model_of_another_vocabulary_names_the_tokens_key) {
  Status st = {0}, again = {0};
  test_refused(read_prompt((Prompt){.text = "t.txt"}, 50280, &st), &st,
               WORDS("prompt 'p0'", "256", "50280", "`tokens:`", "`tokenizer:`"));
  test_refused(read_prompt((Prompt){.string = "hello"}, 50280, &again), &again,
               WORDS("50280", "`tokens:`", "tokenizer.json"));
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
  cr_assert(read_prompt((Prompt){.tokens = "ids.txt"}, 256, &st),
            "digits are ids here, not bytes: %s", st.text);
  IDS(3, 1, 4, 1, 5);
  cr_assert(read_prompt((Prompt){.tokens = "ids.npy"}, 100000, &st), "%s", st.text);
  IDS(70000, 1, 2);
  test_refused(read_prompt((Prompt){.tokens = "ids.txt", .length = 6}, 256, &st), &st,
               WORDS("prompt 'p0'", "ids.txt", "length 6", "5 tokens"));
}

/* 64 GiB that take no disk: holes, but for what is said to be asked for. */
static void make_huge(const char *name, const char *head, size_t count, const char *middle) {
  const int64_t size = (int64_t)64 << 30;
  test_write(name, head, count);
  int fd = open(test_path(name), O_WRONLY);
  cr_assert(fd >= 0 && ftruncate(fd, size) == 0);
  cr_assert_eq(pwrite(fd, middle, strlen(middle), size / 2), (ssize_t)strlen(middle));
  close(fd);
}

Test(tokens, of_a_text_larger_than_memory_only_the_part_that_is_asked_for_is_read) {
  Status st = {0};
  make_huge("huge.txt", "", 0, "abc");
  cr_assert(
      read_prompt((Prompt){.text = "huge.txt", .offset = (int64_t)32 << 30, .length = 3}, 256, &st),
      "%s", st.text);
  IDS('a', 'b', 'c');
  TextReader reader = {.folder = test_folder, .vocab = 256};
  TokenSource source;
  cr_assert(tokens_open(&test_arena, &reader, "huge.txt", NULL, test_folder, &source, &st), "%s",
            st.text);
  got_count = 6;
  cr_assert(tokens_take_from(&test_arena, &source, ((int64_t)32 << 30) + 1, 2, &got, &st));
  cr_expect(got[0] == 'b' && got[1] == 'c');
  cr_assert(tokens_take(&test_arena, &source, 3, 2, &got, &st), "%s", st.text);
  cr_expect_eq(tokens_window_start(source.count, 3, 2, 1), ((int64_t)32 << 30) - 1);
  IDS(0, 0, 0, 'a', 0, 0);
  tokens_close(&source);
}

Test(tokens, what_memory_does_not_hold_is_refused_with_file_and_sizes) {
  Status whole = {0}, encoded = {0};
  make_huge("huge.txt", "", 0, "");
  test_refused(read_file("huge.txt", 256, &whole), &whole,
               WORDS("huge.txt: ", "68719476736 tokens", "MB of memory"));
  TextReader reader = {.folder = test_folder, .vocab = 256};
  Bytes file;
  Encoded ids;
  cr_assert(file_map(test_path("huge.txt"), &file, &encoded));
  test_refused(text_reader_encode(&test_arena, &reader, "huge.txt", file, &ids, &encoded), &encoded,
               WORDS("huge.txt: is read whole", "68719476736 bytes", "MB of memory"));
  file_unmap(&file);
}

Test(tokens, a_npy_file_given_as_text_is_refused) {
  Status st = {0};
  const int32_t data[] = {1};
  write_npy("ids.npy", 1, HEADER("'<i4'", "False", "(1,)"), data, sizeof data);
  test_refused(read_prompt((Prompt){.text = "ids.npy"}, 256, &st), &st,
               WORDS("prompt 'p0'", "ids.npy", "`tokens`"));
}

Test(tokens, files_of_other_kinds_are_told_by_their_content) {
#define KIND(bytes, ...)                                                                           \
  {                                                                                                \
    bytes, sizeof(bytes) - 1, { __VA_ARGS__ }                                                      \
  }
  static const struct {
    const char *bytes;
    size_t count;
    const char *words[3];
  } kinds[] = {
      KIND("PK\3\4..........\0\0\0\0........\x09\0\0\0arr_0.npy.", "NumPy archive (.npz)",
           "numpy.load"),
      KIND("PK\3\4..........\0\0\0\0........\x10\0\0\0archive/data.pkl.",
           "PyTorch file (.pt, .bin)", "torch.load"),
      KIND("PK\3\4..........\0\0\0\0........\x05\0\0\0a.txt.", "zip archive"),
      KIND("\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "PyTorch file (.pt, .bin)",
           "torch.load"),
      KIND("\x80\4\x95.", "Python pickle"),
      KIND("\x89HDF\r\n\x1a\n.", "HDF5 file"),
      KIND("\x40\0\0\0\0\0\0\0{\"ids\":", "safetensors file"),
      KIND("PAR1....PAR1", "Parquet file"),
      KIND("ARROW1\0\0", "Arrow file"),
      KIND("\x1f\x8b\x08\0", "gzip", "unpack"),
  };
#undef KIND
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    for (int vocab = 256; vocab <= 50280; vocab += 50024) { /* as bytes and as ids */
      Status st = {0}, again = {0};
      test_write("file", kinds[i].bytes, kinds[i].count);
      test_refused(read_file("file", vocab, &st), &st, kinds[i].words);
      if (vocab == 256)
        test_refused(read_prompt((Prompt){.text = "file"}, 256, &again), &again, kinds[i].words);
    }
  Status st = {0};
  test_write("ids.bin", "\x01\0\x2c\x01\x04\0", 6);
  test_refused(read_file("ids.bin", 50280, &st), &st, WORDS("no text", "0x01", "numpy.fromfile"));
  static const char text[] = "PAR1 is a word, and so is BZh9; \x80 is a byte";
  test_write("text", text, sizeof text - 1);
  cr_expect(read_file("text", 256, &st), "text may begin like that: %s", st.text);
}

Test(tokens, a_prompt_of_ids_has_offset_and_windows_too) {
  Status st = {0};
  test_write("ids.txt", "0 1 2 3 4 5 6 7 8 9 10", 22);
  cr_assert(read_prompt((Prompt){.tokens = "ids.txt", .offset = 2, .length = 3}, 50280, &st), "%s",
            st.text);
  IDS(2, 3, 4);
  Prompt window = {.tokens = "ids.txt", .offset = 2, .length = 2, .windows = 4, .window = 3};
  cr_assert(read_prompt(window, 50280, &st), "%s", st.text);
  IDS(9, 10);
}
