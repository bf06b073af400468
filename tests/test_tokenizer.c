/* Texts as ids, against what the Python package `tokenizers` gives, and by hand. */
#include <jansson.h>
#include <time.h>

#include "model/tokenizer/normal.h"
#include "tests/tokenizer_made.h"

TestSuite(tokenizer, .init = test_files_begin, .fini = made_end);

/* --- the golden lines ------------------------------------------------------------------------- */

static void expect_line(const Tokenizer *tokenizer, const char *name, const json_t *line,
                        int number) {
  Status st = {0};
  Encoded got;
  const json_t *text = json_object_get(line, "text"), *want = json_object_get(line, name);
  cr_assert(json_is_string(text) && json_is_array(want), "line %d has no text or no '%s'", number,
            name);
  const Bytes bytes = {json_string_value(text), json_string_length(text)};
  cr_assert(tokenizer_encode(&test_arena, tokenizer, "line", bytes, &got, &st), "line %d: %s",
            number, st.text);
  cr_expect_eq((size_t)got.count, json_array_size(want), "line %d: %lld ids, want %zu", number,
               (long long)got.count, json_array_size(want));
  for (size_t i = 0; i < json_array_size(want) && i < (size_t)got.count; i++)
    cr_expect_eq(got.id[i], json_integer_value(json_array_get(want, i)),
                 "line %d, token %zu: got %d, want %lld", number, i, got.id[i],
                 (long long)json_integer_value(json_array_get(want, i)));
}

/* Returns how many there were. */
static int expect_golden(const char *tokenizer_path, const char *golden_path, const char *name) {
  Status st = {0};
  Tokenizer *tokenizer;
  Bytes file;
  int number = 0;
  cr_assert(tokenizer_open(&test_arena, tokenizer_path, &tokenizer, &st), "%s", st.text);
  cr_assert(file_map(golden_path, &file, &st), "%s", st.text);
  for (size_t at = 0; at < file.count;) {
    const char *begin = file.data + at, *end = memchr(begin, '\n', file.count - at);
    const size_t length = end ? (size_t)(end - begin) : file.count - at;
    json_error_t error;
    json_t *line = json_loadb(begin, length, JSON_ALLOW_NUL, &error);
    cr_assert(line, "line %d: %s", number + 1, error.text);
    expect_line(tokenizer, name, line, ++number);
    json_decref(line);
    at += length + 1;
  }
  tokenizer_close(tokenizer);
  file_unmap(&file);
  return number;
}

Test(tokenizer, the_shipped_tokenizer_gives_the_ids_of_the_python_package) {
  cr_expect_eq(expect_golden("data/tokenizer/own_2048.json", "data/tokenizer/own_2048_golden.jsonl",
                             "own_2048"),
               165);
}

/* DRIFTSCOPE_TOKENIZER: a tokenizer.json, such as GPT-NeoX-20B's; DRIFTSCOPE_TOKENIZER_GOLDEN:
 * lines
 * {"text": …, NAME: [ids]}, NAME being the file's own without .json. */
Test(tokenizer, a_tokenizer_that_is_named_gives_the_ids_of_its_golden_lines) {
  const char *path = getenv("DRIFTSCOPE_TOKENIZER"),
             *golden = getenv("DRIFTSCOPE_TOKENIZER_GOLDEN");
  if (!path || !golden)
    cr_skip_test("DRIFTSCOPE_TOKENIZER and DRIFTSCOPE_TOKENIZER_GOLDEN name none");
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  const char *stem = arena_printf(&test_arena, "%.*s", (int)strcspn(name, "."), name);
  cr_expect_gt(expect_golden(path, golden, stem), 0);
}

/* --- merges ----------------------------------------------------------------------------------- */

#define EXPECT_PIECES(tokenizer, text, want)                                                       \
  do {                                                                                             \
    const char *got = made_pieces(tokenizer, text);                                                \
    cr_expect_str_eq(got, want, "\"%s\": got %s, want %s", text, got, want);                       \
  } while (0)

#define VOCAB ", \"ab\": 256, \"bc\": 257, \"abc\": 258, \"aa\": 259, \"aaaa\": 260, \"abcd\": 261"

Test(tokenizer, the_first_merge_of_the_list_is_made_first_and_the_leftmost_of_equals) {
  const Tokenizer *bc = made((Made){.vocab = VOCAB, .merges = "[\"b c\", \"a b\", \"ab c\"]"});
  EXPECT_PIECES(bc, "abcab", "a|bc|ab");
  const Tokenizer *ab = made((Made){.vocab = VOCAB, .merges = "[\"a b\", \"b c\", \"ab c\"]"});
  EXPECT_PIECES(ab, "abcab", "abc|ab");
  const Tokenizer *aa =
      made((Made){.vocab = VOCAB, .merges = "[[\"a\", \"a\"], [\"aa\", \"aa\"]]"});
  EXPECT_PIECES(aa, "aaaaaaa", "aaaa|aa|a");
}

Test(tokenizer, a_word_that_is_a_token_is_that_token_where_merges_are_ignored) {
  const Made made_it = {.vocab = VOCAB, .merges = "[\"b c\"]"};
  Made ignoring = made_it;
  ignoring.model = ", \"ignore_merges\": true";
  EXPECT_PIECES(made(made_it), "abcd abc", "a|bc|d| |a|bc");
  EXPECT_PIECES(made(ignoring), "abcd abc", "abcd| |a|bc");
}

/* What the model does not have is looked for in the text alone, not among the words' letters. */
Test(tokenizer, an_added_token_in_letters_is_no_word_where_merges_are_ignored) {
  const Tokenizer *ignoring =
      made((Made){.model = ", \"ignore_merges\": true",
                  .added = "[{\"id\": 256, \"content\": \"\u0120b\", \"normalized\": false}]"});
  EXPECT_PIECES(ignoring, "a b", "a| |b");
  EXPECT_PIECES(ignoring, "a\u0120b", "a| b"); /* its piece, as the decoder has it */
}

/* Around the length from which on a heap finds the next merge. */
Test(tokenizer, short_and_long_words_are_merged_alike) {
  const Tokenizer *tokenizer =
      made((Made){.vocab = VOCAB, .merges = "[\"b c\", \"a a\", \"a b\", \"aa aa\", \"a bc\"]"});
  char text[400] = "";
  unsigned draw = 1;
  for (int n = 0; n < 399; n++) {
    draw = draw * 1103515245u + 12345u;
    text[n] = "aabc"[draw >> 16 & 3];
    if (n < 30) continue;
    /* A cut where no merge can reach over it: d joins with nothing. */
    char parts[820] = "";
    const char *whole = made_pieces(tokenizer, text), *last = strrchr(whole, '|');
    snprintf(parts, sizeof parts, "%sd", text);
    const char *longer = made_pieces(tokenizer, parts);
    cr_expect(strncmp(longer, whole, strlen(whole)) == 0 && last, "%s: %s, but %s", text, whole,
              longer);
    if (n > 60 && n + 37 < (int)sizeof text) n += 36, memset(text + n - 36, 'b', 36);
  }
}

/* --- normal forms ----------------------------------------------------------------------------- */

static Bytes normal_form(const char *json, const char *text) {
  Status st = {0};
  Bytes result;
  NormalForms forms = {0};
  json_t *root = json_loads(json, 0, NULL);
  const Field at = {.file = "t.json", .value = root};
  cr_assert(normal_read(&at, &forms, &st), "%s", st.text);
  cr_assert(normal_apply(&test_arena, &forms, "text", 0, (Bytes){text, strlen(text)}, &result, &st),
            "%s", st.text);
  json_decref(root);
  return result;
}

#define EXPECT_FORM(type, text, want)                                                              \
  do {                                                                                             \
    const Bytes got = normal_form("{\"type\": \"" type "\"}", text);                               \
    cr_expect(got.count == strlen(want) && memcmp(got.data, want, got.count) == 0,                 \
              "%s of \"%s\": got \"%.*s\", want \"%s\"", type, text, (int)got.count, got.data,     \
              want);                                                                               \
  } while (0)

/* One letter of three bytes becomes eighteen: six times what there is room for at first. */
Test(tokenizer, a_normal_form_may_be_many_times_as_long) {
  char text[3 * 40 + 1] = "", want[33 * 40 + 1] = "";
  for (int i = 0; i < 40; i++)
    strcat(text, "\ufdfa"),
        strcat(want, "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 "
                     "\u0648\u0633\u0644\u0645");
  EXPECT_FORM("NFKC", text, want);
}

Test(tokenizer, every_normal_form) {
  EXPECT_FORM("NFC", "xe\u0301y \u212b \ufb01", "x\u00e9y \u00c5 \ufb01");
  EXPECT_FORM("NFD", "x\u00e9y \u212b", "xe\u0301y A\u030a");
  EXPECT_FORM("NFKC", "\ufb01 \u00bd \u1e9b\u0323", "fi 1\u20442 \u1e69");
  EXPECT_FORM("NFKD", "\u1e9b\u0323\uff21", "s\u0323\u0307A");
  EXPECT_FORM("NFC", "\u1112\u1161\u11ab", "\ud55c");
  EXPECT_FORM("NFC", "a\u0315\u0300", "\u00e0\u0315"); /* marks in their order */
  EXPECT_FORM("NFKD", "\ufdfa",
              "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 "
              "\u0639\u0644\u064a\u0647 \u0648\u0633\u0644\u0645");
}

/* U+08D3, a mark of Unicode 11, and U+11935 U+11930, a composition of 13. */
Test(tokenizer, what_came_after_unicode_9_is_left_as_it_is) {
  EXPECT_FORM("NFC", "a\u0301\u08d3\u0323", "\u00e1\u08d3\u0323");
  EXPECT_FORM("NFC", "\U00011935\U00011930", "\U00011935\U00011930");
  EXPECT_FORM("NFKC", "\u32ff", "\u32ff");
}

Test(tokenizer, too_many_marks_in_a_row_are_refused) {
  char text[4096] = "a";
  for (int i = 0; i < 1100; i++) memcpy(text + 1 + 2 * i, i % 2 ? "\u0301" : "\u0323", 2);
  Status st = {0};
  Encoded encoded;
  const Tokenizer *tokenizer = made((Made){.normalizer = "{\"type\": \"NFC\"}"});
  test_refused(
      tokenizer_encode(&test_arena, tokenizer, "text", (Bytes){text, strlen(text)}, &encoded, &st),
      &st, WORDS("text: more than 1024 combining marks in a row at byte 2049"));
}

Test(tokenizer, the_first_byte_that_a_text_does_not_decode_to_is_known) {
  const Tokenizer *plain = made((Made){0}),
                  *nfc = made((Made){.normalizer = "{\"type\": \"NFC\"}"}),
                  *words = made((Made){.words = "{\"type\": \"Sequence\", \"pretokenizers\": "
                                                "[{\"type\": \"Whitespace\"}, " MADE_WORDS "]}"}),
                  *space = made((Made){.words = "{\"type\": \"ByteLevel\", \"add_prefix_space\": "
                                                "true}"});
  cr_expect_eq(made_encode(plain, "abe\u0301").differs, -1);
  cr_expect_eq(made_encode(nfc, "abe\u0301").differs, 2);
  cr_expect_eq(made_encode(nfc, "ab\u00e9").differs, -1);
  cr_expect_eq(made_encode(words, "ab cd").differs, 2);
  cr_expect_eq(made_encode(words, "ab ").differs, 2);
  cr_expect_eq(made_encode(space, "ab").differs, 0);
  cr_expect_eq(made_encode(space, " ab").differs, -1);
}

/* --- added tokens ----------------------------------------------------------------------------- */

#define TOKEN(id, text, flags) "{\"id\": " #id ", \"content\": \"" text "\"" flags "}"
#define RAW ", \"normalized\": false"

Test(tokenizer, the_longest_added_token_is_taken_at_the_first_place) {
  const Tokenizer *tokenizer =
      made((Made){.added = "[" TOKEN(256, "<a>", RAW) ", " TOKEN(257, "<a><b>", RAW) ", " TOKEN(
                      258, "a><b", RAW) "]"});
  EXPECT_PIECES(tokenizer, "x<a><b>y<a>a><b", "x|<a><b>|y|<a>|a><b");
}

Test(tokenizer, added_tokens_take_white_space_where_they_strip) {
  const Tokenizer *tokenizer =
      made((Made){.added = "[" TOKEN(256, "<l>", RAW ", \"lstrip\": true") ", " TOKEN(
                      257, "<r>", RAW ", \"rstrip\": true") ", " TOKEN(258, "<n>", RAW) "]"});
  EXPECT_PIECES(tokenizer, "a <l> b", "a|<l>| |b");
  EXPECT_PIECES(tokenizer, "a <r> \nb", "a| |<r>|b");
  EXPECT_PIECES(tokenizer, "a <n> b", "a| |<n>| |b");
  EXPECT_PIECES(tokenizer, "<r> \u3000 <l>", "<r>|<l>"); /* the first one has them all */
}

Test(tokenizer, a_single_word_is_found_where_no_word_goes_on) {
  const Tokenizer *tokenizer =
      made((Made){.added = "[" TOKEN(256, "cat", RAW ", \"single_word\": true") "]"});
  EXPECT_PIECES(tokenizer, "cat,cat", "cat|,|cat");
  EXPECT_PIECES(tokenizer, "cats acat \u00e9cat cat\u0301",
                "c|a|t|s| |a|c|a|t| |\xc3|\xa9|c|a|t| |c|a|t|\xcc|\x81");
}

Test(tokenizer, a_normalized_token_is_looked_for_in_the_normal_form) {
  static const char nfd[] = "{\"type\": \"NFD\"}";
  const Tokenizer *normal =
      made((Made){.normalizer = nfd, .added = "[" TOKEN(256, "\u01ce", "") "]"});
  const Tokenizer *raw =
      made((Made){.normalizer = nfd, .added = "[" TOKEN(256, "\u01ce", RAW) "]"});
  cr_expect_eq(made_encode(normal, "\u01ce").count, 1);
  cr_expect_eq(made_encode(normal, "a\u030c").count, 1);
  cr_expect_eq(made_encode(raw, "\u01ce").count, 1);
  cr_expect_eq(made_encode(raw, "a\u030c").count, 3);
}

#define FRONT_TEMPLATE                                                                             \
  "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\", "          \
  "\"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], \"pair\": [], "             \
  "\"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": [256], \"tokens\": [\"<s>\"]}}}"

static void expect_front(const char *processor) {
  const int32_t *front;
  const Tokenizer *tokenizer =
      made((Made){.added = "[" TOKEN(256, "<s>", RAW) "]", .processor = processor});
  cr_assert_eq(tokenizer_front(tokenizer, &front), 1, "%s", processor);
  cr_expect_eq(front[0], 256);
  EXPECT_PIECES(tokenizer, "ab", "a|b");
}

/* Alone, and in a sequence as Llama 3's file has it. */
Test(tokenizer, tokens_that_a_template_puts_in_front_are_told_apart) {
  const int32_t *front;
  expect_front(FRONT_TEMPLATE);
  expect_front(
      "{\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\", "
      "\"add_prefix_space\": true, \"trim_offsets\": false, \"use_regex\": true}, " FRONT_TEMPLATE
      "]}");
  cr_expect_eq(tokenizer_front(made((Made){0}), &front), 0);
}

/* --- pieces, time ----------------------------------------------------------------------------- */

Test(tokenizer, every_byte_has_a_letter_and_every_letter_its_byte) {
  for (int byte = 0; byte < 256; byte++) {
    char letter[4];
    const char *end = letter_put((unsigned char)byte, letter), *at = letter;
    cr_expect_eq(letter_byte((uint32_t)letter_next(&at)), byte);
    cr_expect_eq(at, end);
  }
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* 256 KiB of one letter, of one space, of one line end, each of which a quadratic way would
 * take minutes for. */
Test(tokenizer, a_long_word_takes_no_longer_than_its_length) {
  enum { BYTES = 1 << 18 };
  Status st = {0};
  Tokenizer *tokenizer;
  cr_assert(tokenizer_open(&test_arena, "data/tokenizer/own_2048.json", &tokenizer, &st), "%s",
            st.text);
  char *text = arena_alloc(&test_arena, BYTES + 1, 1);
  for (const char *letter = "e \n"; *letter; letter++) {
    memset(text, *letter, BYTES);
    const double start = seconds();
    const Encoded encoded = made_encode(tokenizer, text);
    const double taken = seconds() - start;
    cr_expect_eq(encoded.differs, -1);
    cr_expect_lt(taken, 2, "256 KiB of 0x%02x took %.2f s", *letter, taken);
  }
  tokenizer_close(tokenizer);
}

#ifdef __SANITIZE_ADDRESS__
static const double english_s = 3;
#else
static const double english_s = 0.3;
#endif

Test(tokenizer, a_megabyte_of_english_takes_less_than_three_tenths_of_a_second) {
  enum { BYTES = 1050000 }; /* the text three times, and some spaces */
  Status st = {0};
  Tokenizer *tokenizer;
  Bytes file;
  cr_assert(tokenizer_open(&test_arena, "data/tokenizer/own_2048.json", &tokenizer, &st) &&
                file_map("data/text/valid.txt", &file, &st),
            "%s", st.text);
  char *text = arena_alloc(&test_arena, BYTES + 1, 1);
  memset(text, ' ', BYTES);
  for (size_t at = 0; at + file.count <= BYTES; at += file.count)
    memcpy(text + at, file.data, file.count);
  text[BYTES] = 0;
  const double start = seconds();
  const Encoded encoded = made_encode(tokenizer, text);
  const double taken = seconds() - start;
  cr_expect_eq(encoded.differs, -1);
  cr_expect_lt(taken, english_s, "1 MB took %.2f s", taken);
  file_unmap(&file);
  tokenizer_close(tokenizer);
}
