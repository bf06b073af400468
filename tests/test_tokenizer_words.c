/* The words that pre-tokenizers cut a text into, and what a pattern of Oniguruma's means. */
#include "tests/tokenizer_made.h"

TestSuite(tokenizer_words, .init = test_files_begin, .fini = made_end);

#define EXPECT_WORDS(steps, text, want)                                                            \
  do {                                                                                             \
    const char *got = made_words(steps, text);                                                     \
    cr_expect_str_eq(got, want, "%s of \"%s\": got %s, want %s", steps, text, got, want);          \
  } while (0)

/* A Split by a pattern, as JSON has it. */
#define SPLIT(pattern, behavior, invert)                                                           \
  "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"" pattern "\"}, \"behavior\": \"" behavior     \
  "\", \"invert\": " invert "}"
#define ISOLATED(pattern) SPLIT(pattern, "Isolated", "false")

Test(tokenizer_words, every_behavior_of_a_split) {
  EXPECT_WORDS(SPLIT("-", "Removed", "false"), "a--b-c", "a|b|c");
  EXPECT_WORDS(SPLIT("-", "Isolated", "false"), "a--b-c", "a|-|-|b|-|c");
  EXPECT_WORDS(SPLIT("-", "MergedWithPrevious", "false"), "a--b-c", "a-|-|b-|c");
  EXPECT_WORDS(SPLIT("-", "MergedWithNext", "false"), "a--b-c", "a|-|-b|-c");
  EXPECT_WORDS(SPLIT("-", "Contiguous", "false"), "a--b-c", "a|--|b|-|c");
  EXPECT_WORDS(SPLIT("-", "MergedWithNext", "false"), "a--", "a|-|-");
  EXPECT_WORDS(SPLIT("-", "MergedWithPrevious", "false"), "--a", "-|-|a");
}

Test(tokenizer_words, an_inverted_split_takes_what_lies_between_for_the_match) {
  EXPECT_WORDS(SPLIT("-", "Removed", "true"), "a--b-c", "-|-|-");
  EXPECT_WORDS(SPLIT("-", "Isolated", "true"), "a--b", "a|-|-|b");
  EXPECT_WORDS(SPLIT("-", "MergedWithPrevious", "true"), "a--b-c", "a|-|-b|-c");
  EXPECT_WORDS(SPLIT("-", "MergedWithNext", "true"), "a--b-c", "a-|-|b-|c");
  EXPECT_WORDS(SPLIT("-", "Contiguous", "true"), "a--b-c", "a|--|b|-|c");
}

Test(tokenizer_words, a_split_by_a_string_takes_it_letter_by_letter) {
  static const char dot[] =
      "{\"type\": \"Split\", \"pattern\": {\"String\": \".+\"}, \"behavior\": \"Isolated\", "
      "\"invert\": false}";
  EXPECT_WORDS(dot, "a.+b..", "a|.+|b..");
}

Test(tokenizer_words, byte_level_cuts_as_gpt2_does) {
  EXPECT_WORDS(MADE_WORDS, "It's 2026,  they'LL go!", "It|'s| 2026|,| | they|'|LL| go|!");
  EXPECT_WORDS(MADE_WORDS, "a \n\n b", "a| \n\n| b");
  EXPECT_WORDS("{\"type\": \"ByteLevel\", \"use_regex\": false, \"add_prefix_space\": true}", "a b",
               " a b");
  EXPECT_WORDS("{\"type\": \"ByteLevel\", \"use_regex\": true, \"add_prefix_space\": true}", " a b",
               " a| b");
}

/* Each piece that reaches it is a text of its own. */
Test(tokenizer_words, a_prefix_space_is_put_before_every_piece_of_an_earlier_step) {
  EXPECT_WORDS("{\"type\": \"Digits\", \"individual_digits\": true}, "
               "{\"type\": \"ByteLevel\", \"use_regex\": true, \"add_prefix_space\": true}",
               "a12 b", " a| 1| 2| b");
}

Test(tokenizer_words, digits_are_numbers_of_every_kind) {
  EXPECT_WORDS("{\"type\": \"Digits\", \"individual_digits\": true}", "a12\u0663\u00bdb\u2167",
               "a|1|2|\u0663|\u00bd|b|\u2167");
  EXPECT_WORDS("{\"type\": \"Digits\", \"individual_digits\": false}", "a12\u0663b3",
               "a|12\u0663|b|3");
}

Test(tokenizer_words, punctuation_is_that_of_ascii_and_of_unicode_8) {
  EXPECT_WORDS("{\"type\": \"Punctuation\"}", "a,$b\u2026\u00a3", "a|,|$|b|\u2026|\u00a3");
  EXPECT_WORDS("{\"type\": \"Punctuation\", \"behavior\": \"Contiguous\"}", "a,$b", "a|,$|b");
  EXPECT_WORDS("{\"type\": \"Punctuation\"}", "a\u2e52b", "a\u2e52b"); /* of Unicode 14 */
}

Test(tokenizer_words, whitespace_keeps_words_and_what_is_none) {
  EXPECT_WORDS("{\"type\": \"Whitespace\"}", "  Hi, you_2!\tso ", "Hi|,|you_2|!|so");
}

/* Of what ByteLevel made, steps behind it see letters. */
Test(tokenizer_words, steps_behind_byte_level_see_its_letters) {
  EXPECT_WORDS(MADE_WORDS ", " ISOLATED("\u0120"), "a b", "a| |b");
}

Test(tokenizer_words, a_step_sees_nothing_beyond_its_piece) {
  EXPECT_WORDS(ISOLATED("-") ", " ISOLATED("(?<=-)b|^c|a$"), "xa-bc-cd", "x|a|-|bc|-|c|d");
}

Test(tokenizer_words, an_empty_match_cuts_but_not_behind_a_match) {
  EXPECT_WORDS(ISOLATED("(?=[A-Z])"), "aBcD", "a|Bc|D");
  EXPECT_WORDS(ISOLATED("a*"), "baac", "b|aa|c");
}

Test(tokenizer_words, anchors_stand_at_every_line) {
  EXPECT_WORDS(ISOLATED("\\\\s+$"), "a  \nb  ", "a|  |\nb|  ");
  EXPECT_WORDS(ISOLATED("^b"), "b\nb b", "b|\n|b| b");
  EXPECT_WORDS(ISOLATED(".+"), "a\r\u2028b\nc", "a\r\u2028b|\n|c");
}

Test(tokenizer_words, a_repeat_of_an_interval_is_repeated_not_possessive) {
  EXPECT_WORDS(ISOLATED("a{1,2}+"), "baaaaab", "b|aaaaa|b");
  EXPECT_WORDS(ISOLATED("a{2}?b"), "caabab", "c|aab|a|b");
  EXPECT_WORDS(ISOLATED("a{,2}b"), "aaab", "a|aab");
  EXPECT_WORDS(ISOLATED("a{x}|b{"), "a{x}b{", "a{x}|b{");
}

Test(tokenizer_words, possessive_and_atomic_do_not_give_back) {
  EXPECT_WORDS(ISOLATED("a++ab|a?+c"), "aabac", "aab|ac");
  EXPECT_WORDS(ISOLATED("(?>ab|a)c"), "abcac", "abc|ac");
  EXPECT_WORDS(ISOLATED("(?>[^c]++|[^b]{2,}(?<=^))(?=^)"), "xy\n\n", "xy\n\n");
}

Test(tokenizer_words, white_space_and_words_are_of_unicode) {
  EXPECT_WORDS(ISOLATED("\\\\s"), "a\u00a0b\u3000c\u180ed", "a|\u00a0|b|\u3000|c\u180ed");
  EXPECT_WORDS(ISOLATED("\\\\w+"), "a\u0301_1-\u00b2", "a\u0301_1|-|\u00b2");
  EXPECT_WORDS(ISOLATED("[\\\\w]+"), "a\u0301_1-\u00b2", "a\u0301_1|-\u00b2");
  EXPECT_WORDS(ISOLATED("[^\\\\w]+"), "a\u00bcb\u00b9", "a|\u00bc|b|\u00b9");
  EXPECT_WORDS(ISOLATED("\\\\W+"), "a\u00bc-\u00b9b", "a\u00bc|-|\u00b9b");
  EXPECT_WORDS(ISOLATED("[\\\\W]+"), "a\u00bc-\u00b9b", "a|\u00bc-\u00b9|b");
  EXPECT_WORDS(ISOLATED("\\\\d"), "1\u0663\u00bd", "1|\u0663|\u00bd");
  EXPECT_WORDS(ISOLATED("\\\\S+"), "a b", "a| |b");
}

/* Letters, digits and marks of Unicode 15 and 16, which PCRE2 10.42 does not know. */
Test(tokenizer_words, properties_are_those_of_unicode_16) {
  EXPECT_WORDS(ISOLATED("\\\\p{L}+"), "-\U00031350\ua7cb-", "-|\U00031350\ua7cb|-");
  EXPECT_WORDS(ISOLATED("\\\\p{N}+"), "-\U000116d0-", "-|\U000116d0|-");
  EXPECT_WORDS(ISOLATED("\\\\p{M}+"), "-\u0897-", "-|\u0897|-");
  EXPECT_WORDS(ISOLATED("\\\\p{han}+"), "a\u4e2d\u3005\u3001", "a|\u4e2d\u3005|\u3001");
  EXPECT_WORDS(ISOLATED("\\\\P{L}+|\\\\p{^L}"), "a12b", "a|12|b");
}

Test(tokenizer_words, classes_are_nested_negated_and_mixed) {
  EXPECT_WORDS(ISOLATED("[^(\\\\s|[.,!?])]+"), "ab(c|d)e.f", "ab|(|c|||d|)|e|.|f");
  EXPECT_WORDS(ISOLATED("[\\\\S\\n]+"), "a b\n", "a| |b\n");
  EXPECT_WORDS(ISOLATED("[^\\\\S\\n]+"), "a \t\nb", "a| \t|\nb");
  EXPECT_WORDS(ISOLATED("[\\\\s\\\\S]"), "a\n", "a|\n");
  EXPECT_WORDS(ISOLATED("[]a-]+"), "x]-a", "x|]-a");
  EXPECT_WORDS(ISOLATED("[\\\\x41\\\\x{4e2d}\\\\u0062-d]+"), "A\u4e2dbcde", "A\u4e2dbcd|e");
}

Test(tokenizer_words, ignoring_case_has_the_long_s_and_the_kelvin_sign) {
  EXPECT_WORDS(ISOLATED("(?i:'s|k)"), "a'\u017fb\u212a'S", "a|'\u017f|b|\u212a|'S");
  EXPECT_WORDS(ISOLATED("(?i:a)b"), "AbAB", "Ab|AB");
}
