/* What a tokenizer.json is refused for: one line with the file, the place and the fault. */
#include "tests/tokenizer_made.h"

TestSuite(tokenizer_refusals, .init = test_files_begin, .fini = made_end);

static void refuse_json(const char *json, const char *const *words) {
  Status st = {0};
  test_refused(made_read(json, &st) != NULL, &st, words);
  cr_expect(strncmp(st.text, "t.json: ", 8) == 0, "the file is not named: %s", st.text);
}
#define REFUSE(made_fields, ...) refuse_json(made_json((Made)made_fields), WORDS(__VA_ARGS__))
#define OF(...)                                                                                    \
  { __VA_ARGS__ }

static void refuse_pattern(const char *pattern, const char *const *words) {
  const char *split = arena_printf(&test_arena,
                                   "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
                                   "\"Split\", \"pattern\": {\"Regex\": \"%s\"}, \"behavior\": "
                                   "\"Isolated\", \"invert\": false}, " MADE_WORDS "]}",
                                   pattern);
  refuse_json(made_json((Made){.words = split}), words);
}
#define REFUSE_PATTERN(pattern, ...)                                                               \
  refuse_pattern(pattern, WORDS("pre_tokenizer.pretokenizers[0].pattern.Regex: ", __VA_ARGS__))

Test(tokenizer_refusals, what_is_no_json_object) {
  refuse_json("", WORDS("not valid JSON"));
  refuse_json("[]", WORDS("not a JSON object"));
  refuse_json("{\"model\": 1, \"model\": 2}", WORDS("duplicate"));
  refuse_json("{\"model\": \"a\\u0000b\"}",
              WORDS("t.json: tokenizer is not read: line 1, column ", ": a NUL character"));
  refuse_json("{\"model\": {\"\\u0000\": 1}}", WORDS("is not read: ", ": a NUL character"));
  refuse_json("{\"a\":[[[[[[[[[[[[1]]]]]]]]]]]]}", WORDS("nested deeper than 8"));
  refuse_json("{\"version\": \"2.0\"}", WORDS("version: is '2.0', expected 1.0"));
  refuse_json("{\"surprise\": 1}", WORDS("has the key 'surprise', which is not read"));
}

Test(tokenizer_refusals, every_kind_that_is_not_read_by_its_name_and_place) {
  REFUSE(OF(.normalizer = "{\"type\": \"Lowercase\"}"), "normalizer: the normalizer 'Lowercase'");
  REFUSE(OF(.normalizer = "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, "
                          "{\"type\": \"Prepend\", \"prepend\": \"_\"}]}"),
         "normalizer.normalizers[1]: the normalizer 'Prepend'", "NFC, NFD, NFKC, NFKD, Sequence");
  REFUSE(OF(.words = "{\"type\": \"Metaspace\"}"), "pre_tokenizer: the pre-tokenizer 'Metaspace'");
  REFUSE(OF(.words = "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": "
                     "\"BertPreTokenizer\"}]}"),
         "pre_tokenizer.pretokenizers[0]: the pre-tokenizer 'BertPreTokenizer'");
  REFUSE(OF(.decoder = "{\"type\": \"Metaspace\"}"), "decoder: the decoder 'Metaspace'");
  REFUSE(OF(.processor = "{\"type\": \"BertProcessing\"}"),
         "post_processor: the post-processor 'BertProcessing'");
  REFUSE(OF(.processor = "{\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, "
                         "{\"type\": \"BertProcessing\"}]}"),
         "post_processor.processors[1]: the post-processor 'BertProcessing'");
  REFUSE(OF(.processor = "{\"type\": \"Sequence\", \"processors\": [{\"type\": \"Sequence\", "
                         "\"processors\": []}]}"),
         "post_processor.processors[0]: the post-processor 'Sequence' is not read");
  refuse_json("{\"pre_tokenizer\": " MADE_WORDS ", \"model\": {\"type\": \"Unigram\"}}",
              WORDS("model: the model 'Unigram'"));
}

Test(tokenizer_refusals, what_the_model_may_not_ask_for) {
  REFUSE(OF(.model = ", \"byte_fallback\": true"), "model.byte_fallback: is true");
  REFUSE(OF(.model = ", \"dropout\": 0.1"), "model.dropout: is not read");
  REFUSE(OF(.model = ", \"end_of_word_suffix\": \"</w>\""), "model.end_of_word_suffix");
  REFUSE(OF(.model = ", \"continuing_subword_prefix\": \"##\""), "continuing_subword_prefix");
  REFUSE(OF(.more = ", \"truncation\": {\"max_length\": 3}"), "truncation: is not read");
  REFUSE(OF(.more = ", \"padding\": {}"), "padding: is not read");
  REFUSE(OF(.words = "null"), "pre_tokenizer: is missing");
  REFUSE(OF(.words = "{\"type\": \"Whitespace\"}"), "pre_tokenizer: holds no ByteLevel");
  REFUSE(
      OF(.words = "{\"type\": \"Sequence\", \"pretokenizers\": [" MADE_WORDS ", " MADE_WORDS "]}"),
      "pretokenizers[1]: is a second ByteLevel");
}

Test(tokenizer_refusals, vocabularies_and_merges_that_do_not_fit) {
  REFUSE(OF(.vocab = ", \"ab\": -1"), "model.vocab.ab: is -1, expected 0 to 1048575");
  REFUSE(OF(.vocab = ", \"ab\": 4294967296"), "model.vocab.ab: is 4294967296");
  REFUSE(OF(.vocab = ", \"ab\": 1.5"), "model.vocab.ab: is no integer");
  REFUSE(OF(.vocab = ", \"ab\": 32"), "model.vocab.ab: is 32, which is the id of 'A' already");
  REFUSE(OF(.vocab = ", \"\": 300"), "is the id of an empty token");
  REFUSE(OF(.merges = "[\"a b\"]"), "model.merges[0]: makes 'ab', which is not in the vocabulary");
  REFUSE(OF(.merges = "[[\"a\", \"bc\"]]"), "model.merges[0]: joins 'bc'");
  REFUSE(OF(.merges = "[\"ab\"]"), "model.merges[0]: 'ab' is not two tokens");
  REFUSE(OF(.merges = "[\"a  b\"]"), "model.merges[0]: 'a  b' is not two tokens");
  REFUSE(OF(.merges = "[[\"a\"]]"), "model.merges[0]: holds 1 token, expected two");
  REFUSE(OF(.merges = "[[\"a\", 3]]"), "model.merges[0][1]: is no string");
  REFUSE(OF(.merges = "{}"), "model.merges: is no list");
}

Test(tokenizer_refusals, added_tokens_that_do_not_fit) {
  REFUSE(OF(.added = "[{\"id\": 256, \"content\": \"\"}]"), "added_tokens[0].content: has 0 bytes");
  REFUSE(OF(.added = "[{\"id\": 300, \"content\": \"<x>\"}]"),
         "added_tokens[0]: has id 300, where the next free one is 256");
  REFUSE(OF(.added = "[{\"id\": 256, \"content\": \"A\"}]"),
         "added_tokens[0]: has id 256, but 'A' is 32 in the vocabulary");
  REFUSE(OF(.added = "[{\"id\": 256, \"content\": \"<x>\"}, {\"id\": 256, \"content\": \"<x>\"}]"),
         "added_tokens[1]: is the same text as the token of id 256");
  REFUSE(OF(.added = "[{\"id\": 256, \"content\": \"<x>\", \"lstrip\": 1}]"),
         "added_tokens[0].lstrip: is neither true nor false");
  REFUSE(OF(.added = "[{\"id\": 256, \"content\": \"<x>\", \"colour\": 1}]"),
         "added_tokens[0]: has the key 'colour'");
  char content[600];
  memset(content, 'x', sizeof content);
  content[sizeof content - 1] = 0;
  REFUSE(OF(.added = arena_printf(&test_arena, "[{\"id\": 256, \"content\": \"%s\"}]", content)),
         "added_tokens[0].content: has 599 bytes, expected 1 to 512");
}

/* A list of which each token would take the vocabulary 33 bytes is not given 34 MB first. */
Test(tokenizer_refusals, more_added_tokens_than_are_read_before_there_is_room_for_them) {
  enum { TOKENS = 1 << 20, ROOM = 16 << 20 };
  char *list = arena_alloc(&test_arena, 2 * TOKENS + 2, 1), *end = list;
  *end++ = '[';
  for (int i = 0; i < TOKENS; i++) *end++ = '0', *end++ = ',';
  end[-1] = ']';
  const char *json = made_json((Made){.added = list});
  Arena small = arena_carve(&test_arena, ROOM);
  Status st = {0};
  Tokenizer *tokenizer;
  test_refused(tokenizer_read(&small, "t.json", (Bytes){json, strlen(json)}, &tokenizer, &st), &st,
               WORDS("added_tokens: holds 1048576 items, at most 65536 are read"));
}

#define PLAIN_TEMPLATE                                                                             \
  "{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"A\"}}]}"

Test(tokenizer_refusals, templates_that_add_behind_a_text_or_are_two) {
  REFUSE(OF(.processor = "{\"type\": \"Sequence\", \"processors\": [" PLAIN_TEMPLATE
                         ", " PLAIN_TEMPLATE "]}"),
         "post_processor.processors[1]: is a second TemplateProcessing");
  REFUSE(OF(.processor = "{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": "
                         "\"A\", \"type_id\": 0}}, {\"SpecialToken\": {\"id\": \"<e>\"}}]}"),
         "post_processor.single[1]: adds a token behind every text");
  REFUSE(OF(.processor = "{\"type\": \"TemplateProcessing\", \"single\": []}"),
         "post_processor.single: holds no Sequence");
  REFUSE(OF(.processor = "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
                         "{\"id\": \"<s>\"}}], \"special_tokens\": {}}"),
         "post_processor.single[0].SpecialToken.id: is not among special_tokens");
  REFUSE(OF(.processor = "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
                         "{\"id\": \"<s>\"}}], \"special_tokens\": {\"<s>\": {\"ids\": [999]}}}"),
         "post_processor.special_tokens.<s>.ids[0]: is 999, which no token has");
}

Test(tokenizer_refusals, patterns_that_oniguruma_and_pcre2_read_otherwise) {
  REFUSE_PATTERN("a(?i)b", "byte 1", "'(?i)' is not read");
  REFUSE_PATTERN("(?m:.)", "'(?m:' is not read");
  REFUSE_PATTERN("(?<n>a)", "'(?<n' is not read");
  REFUSE_PATTERN("(a)\\\\1", "byte 3", "'\\1' is not read");
  REFUSE_PATTERN("\\\\bx", "'\\b' is not read");
  REFUSE_PATTERN("\\\\h+", "'\\h' is not read");
  REFUSE_PATTERN("\\\\R", "'\\R' is not read");
  REFUSE_PATTERN("\\\\pL", "\\p without a name in braces");
  REFUSE_PATTERN("\\\\p{Script=Han}", "\\p{Script=Han} is not read", "Hiragana");
  REFUSE_PATTERN("[a-z&&[^b]]", "byte 4", "'&&' in a class");
  REFUSE_PATTERN("[[:alpha:]]", "'[:' in a class");
  REFUSE_PATTERN("[a[^b]]", "'[^' in a class");
  REFUSE_PATTERN("a**", "a repeat of a repeat");
  REFUSE_PATTERN("a{2}{3}", "a repeat of a repeat");
  REFUSE_PATTERN("^*", "byte 1", "a repeat of what may match no character");
  REFUSE_PATTERN("(?:a*){2}", "byte 6", "a repeat of what may match no character");
  REFUSE_PATTERN("(?:$(?:.|\\\\n)*){2}-", "byte 14", "a repeat of what may match no character");
  static const char *const empty[] = {"(a|b?)+", "(?>(?=a)|b)+", "(?:a{,2}b{2}?)*", "(?:)?"};
  for (size_t i = 0; i < sizeof empty / sizeof *empty; i++)
    REFUSE_PATTERN(empty[i], "a repeat of what may match no character");
  REFUSE_PATTERN("\\\\xe9", "is no character");
  REFUSE_PATTERN("(?i:ss)", "byte 5", "'ss' under (?i:", "folds into one letter");
  REFUSE_PATTERN("(?i:\u00e9)", "U+00E9 under (?i:");
  REFUSE_PATTERN("(?i:\\\\p{Lu})", "'\\p' under (?i:");
}

Test(tokenizer_refusals, patterns_that_are_none) {
  REFUSE_PATTERN("(a", "byte 0", "the group is not closed");
  REFUSE_PATTERN("a)", "byte 1", "closed that was not opened");
  REFUSE_PATTERN("[a", "the class is not closed");
  REFUSE_PATTERN("+a", "nothing to repeat");
  REFUSE_PATTERN("a|*", "byte 2", "nothing to repeat");
  REFUSE_PATTERN("[b-a]", "ends before it begins");
  REFUSE_PATTERN("[a-\\\\d]", "ends with a class");
  REFUSE_PATTERN("a{3,1}", "ends before it begins");
  REFUSE_PATTERN("a{1001}", "more than 1000 repeats");
  REFUSE_PATTERN("a\\\\", "ends with a backslash");
  REFUSE_PATTERN("(?<=a+)b", "cannot be compiled", "lookbehind");
  REFUSE_PATTERN("(((((((((((((((((((((((((a)))))))))))))))))))))))))", "nested deeper than 20");
  REFUSE_PATTERN("(?:(?:(?:a{1,1000}){1,1000}){1,1000}){1,1000}", "cannot be compiled");
}

/* --- more than is read ------------------------------------------------------------------------ */

/* `times` copies of an item, with commas between. */
static const char *repeated(const char *item, int times) {
  const size_t bytes = strlen(item);
  char *text = arena_alloc(&test_arena, (size_t)times * (bytes + 1) + 1, 1), *end = text;
  for (int i = 0; i < times; i++) end += sprintf(end, "%s%s", i ? "," : "", item);
  return text;
}

#define PRINTED(...) arena_printf(&test_arena, __VA_ARGS__)
#define FORMS(n)                                                                                   \
  PRINTED("{\"type\": \"Sequence\", \"normalizers\": [%s]}", repeated("{\"type\": \"NFC\"}", n))
#define SPLITS(n)                                                                                  \
  PRINTED("{\"type\": \"Sequence\", \"pretokenizers\": [%s]}",                                     \
          repeated("{\"type\": \"Whitespace\"}", n))

Test(tokenizer_refusals, more_steps_than_are_read_in_one_list_or_in_lists_of_lists) {
  REFUSE(OF(.normalizer = FORMS(9)), "normalizer.normalizers: holds 9 items, at most 8 are read");
  REFUSE(OF(.normalizer = PRINTED("{\"type\": \"Sequence\", \"normalizers\": [%s, {\"type\": "
                                  "\"NFD\"}]}",
                                  FORMS(8))),
         "normalizer.normalizers[1]: is the 9th normal form, at most 8 are read");
  REFUSE(OF(.words = SPLITS(33)), "pre_tokenizer.pretokenizers: holds 33 items");
  REFUSE(OF(.words = PRINTED("{\"type\": \"Sequence\", \"pretokenizers\": [%s, " MADE_WORDS "]}",
                             SPLITS(32))),
         "pretokenizers[1]: is more than 32 pre-tokenizers");
}

#define TEMPLATE(single)                                                                           \
  PRINTED("{\"type\": \"TemplateProcessing\", \"single\": [" single "], \"special_tokens\": "      \
          "{\"<s>\": {\"ids\": [%s]}, \"<t>\": {\"ids\": [1]}}}",                                  \
          repeated("0", 8))

Test(tokenizer_refusals, more_tokens_in_front_of_a_text_than_are_read_and_parts_that_are_none) {
  REFUSE(OF(.processor = TEMPLATE("{\"SpecialToken\": {\"id\": \"<s>\"}}, {\"SpecialToken\": "
                                  "{\"id\": \"<t>\"}}, {\"Sequence\": {}}")),
         "post_processor.special_tokens.<t>.ids[0]: is more than 8 tokens in front of a text");
  REFUSE(OF(.processor = TEMPLATE("{}")),
         "post_processor.single[0]: is neither a SpecialToken nor a Sequence");
}

Test(tokenizer_refusals, a_split_by_two_patterns_by_none_and_in_a_way_that_is_none) {
  static const char split[] = "{\"type\": \"Split\", \"pattern\": {%s}, \"behavior\": \"%s\"}";
  REFUSE(OF(.words = PRINTED(split, "\"Regex\": \"a\", \"String\": \"a\"", "Removed")),
         "pre_tokenizer.pattern: holds both of Regex and String");
  REFUSE(OF(.words = PRINTED(split, "", "Removed")),
         "pre_tokenizer.pattern: holds neither of Regex and String");
  REFUSE(OF(.words = PRINTED(split, "\"String\": \"a\"", "Doubled")),
         "pre_tokenizer.behavior: is 'Doubled', expected Removed, Isolated");
}

Test(tokenizer_refusals, what_is_longer_than_is_read) {
  char *token = arena_alloc(&test_arena, (1 << 16) + 2, 1);
  memset(token, 'x', (1 << 16) + 1);
  REFUSE(OF(.vocab = PRINTED(", \"%s\": 300", token)),
         "is the id of a token of 65537 bytes, at most 65536 are read");
  token[8193] = 0;
  REFUSE_PATTERN(token, "the pattern has 8193 bytes, at most 8192 are read");
  Status st = {0}, of_text = {0};
  Tokenizer *none;
  Encoded encoded;
  test_refused(tokenizer_read(&test_arena, "t.json", (Bytes){"{", (64 << 20) + 1}, &none, &st), &st,
               WORDS("t.json: has 67108865 bytes, more than the 67108864 allowed here"));
  test_refused(tokenizer_encode(&test_arena, made((Made){0}), "text",
                                (Bytes){"a", ((size_t)1 << 30) + 1}, &encoded, &of_text),
               &of_text,
               WORDS("text: has 1073741825 bytes of text, at most 1073741824 become tokens"));
}

static void refuse_text(const char *words, const char *text, const char *const *want) {
  Status st = {0};
  Encoded encoded;
  const Tokenizer *tokenizer = made((Made){.words = words});
  test_refused(
      tokenizer_encode(&test_arena, tokenizer, "text", (Bytes){text, strlen(text)}, &encoded, &st),
      &st, want);
}

/* Twice as many steps for each letter more: after fewer than 40 of them a hang. */
Test(tokenizer_refusals, a_pattern_that_does_not_end_is_stopped) {
  char text[64];
  memset(text, 'a', sizeof text);
  strcpy(text + sizeof text - 3, "!b");
  refuse_text(
      "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": "
      "{\"Regex\": \"(?:a+)+b\"}, \"behavior\": \"Isolated\", \"invert\": false}, " MADE_WORDS "]}",
      text,
      WORDS("t.json: pre_tokenizer.pretokenizers[0].pattern.Regex: the pattern gives "
            "up at byte 0 of a piece of 63 bytes",
            "match limit exceeded"));
}

Test(tokenizer_refusals, a_text_that_is_no_utf8_is_named_with_its_byte) {
  refuse_text(NULL, "ab\xff", WORDS("text: byte 2, 0xff, is no UTF-8"));
  refuse_text(NULL, "\xed\xa0\x80", WORDS("text: byte 0, 0xed, is no UTF-8"));
  refuse_text(NULL, "abc\xe2\x82", WORDS("text: byte 3, 0xe2, is no UTF-8"));
}

Test(tokenizer_refusals, a_byte_without_a_token_is_named_where_a_text_has_it) {
  Status st = {0};
  Encoded encoded;
  const Tokenizer *tokenizer =
      made_read("{\"pre_tokenizer\": " MADE_WORDS ", \"model\": {\"type\": \"BPE\", \"vocab\": "
                "{\"a\": 0, \"b\": 1}, \"merges\": []}}",
                &st);
  cr_assert(tokenizer, "%s", st.text);
  test_refused(tokenizer_encode(&test_arena, tokenizer, "text", (Bytes){"abcb", 4}, &encoded, &st),
               &st, WORDS("text: byte 0x63 has no token in t.json", "first 0 tokens"));
}
