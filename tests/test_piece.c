/* The text of a token, as the tables of events and predictions show it. */
#include <criterion/criterion.h>
#include <string.h>

#include "model/piece.h"
#include "tests/tokenizer_made.h"

static const Pieces AS_BYTES = {NULL, true};

static int bytes_of(const char *text, int32_t *token) {
  int T = (int)strlen(text);
  for (int i = 0; i < T; i++) token[i] = (unsigned char)text[i];
  return T;
}

#define EXPECT_PIECE(text, at, want)                                                               \
  do {                                                                                             \
    int32_t token[64];                                                                             \
    char got[16];                                                                                  \
    piece_of(AS_BYTES, token, bytes_of(text, token), at, got, sizeof got);                         \
    cr_expect_str_eq(got, want, "token %d of \"%s\" is shown as \"%s\"", at, text, got);           \
  } while (0)

Test(piece, every_byte_of_a_character_shows_the_character) {
  EXPECT_PIECE("a\xe2\x80\x94z", 0, "a");
  for (int at = 1; at < 4; at++) EXPECT_PIECE("a\xe2\x80\x94z", at, "\xe2\x80\x94");
  EXPECT_PIECE("a\xe2\x80\x94z", 4, "z");
  for (int at = 0; at < 4; at++) EXPECT_PIECE("\xf0\x9f\x98\x80", at, "\xf0\x9f\x98\x80");
}

Test(piece, what_is_no_character_is_shown_as_its_byte) {
  EXPECT_PIECE("\x80", 0, "\\x80");
  EXPECT_PIECE("\xe2\x80", 0, "\\xE2"); /* cut */
  EXPECT_PIECE("\xe2\x80z", 1, "\\x80");
  EXPECT_PIECE("\xc0\xaf", 0, "\\xC0");         /* overlong */
  EXPECT_PIECE("\xed\xa0\x80", 0, "\\xED");     /* a surrogate */
  EXPECT_PIECE("\xf4\x90\x80\x80", 0, "\\xF4"); /* beyond U+10FFFF */
  EXPECT_PIECE("a\nb", 1, "\\n");
  EXPECT_PIECE("a\x07", 1, "\\x07");
}

Test(piece, the_text_around_a_token_is_cut_between_characters) {
  int32_t token[64];
  char around[20];
  int T = bytes_of("one two \xe2\x80\x94 three four five six", token);
  piece_around(AS_BYTES, token, T, 9, around, sizeof around);
  cr_expect_str_eq(around, "one two [\xe2\x80\x94] three", "\"%s\"", around);
  piece_around(AS_BYTES, token, T, 0, around, sizeof around);
  cr_expect_str_eq(around, "[o]ne two \xe2\x80\x94 three", "\"%s\"", around);
  piece_around(AS_BYTES, token, 3, 1, around, sizeof around);
  cr_expect_str_eq(around, "o[n]e");
}

Test(piece, tokens_that_are_no_bytes_are_shown_by_their_ids) {
  const int32_t token[] = {50279, 7, 310, 12, 9};
  char text[32];
  piece_of((Pieces){0}, token, 5, 0, text, sizeof text);
  cr_expect_str_eq(text, "50279");
  piece_around((Pieces){0}, token, 5, 2, text, sizeof text);
  cr_expect_str_eq(text, "50279 7 [310] 12 9");
}

#define EXPECT_SHOWN(bytes, size, want)                                                            \
  do {                                                                                             \
    char got[size];                                                                                \
    piece_show((Bytes){bytes, sizeof bytes - 1}, got, sizeof got);                                 \
    cr_expect_str_eq(got, want, "shown as \"%s\"", got);                                           \
  } while (0)

Test(piece, a_piece_that_is_too_long_is_cut_between_characters_and_says_so) {
  EXPECT_SHOWN("interest", 9, "interest");
  EXPECT_SHOWN("interests", 9, "inter…");
  EXPECT_SHOWN("ab\xe2\x80\x94\xe2\x80\x94\xe2\x80\x94", 9, "ab\xe2\x80\x94…");
  EXPECT_SHOWN("\xe2\x80", 16, "\\xE2\\x80"); /* a part of a character */
  EXPECT_SHOWN("\n\t\0", 16, "\\n\\t\\x00");
  EXPECT_SHOWN("", 4, "");
}

Test(piece, tokens_of_a_tokenizer_are_shown_as_they_stand_in_the_text, .init = test_files_begin,
     .fini = made_end) {
  Status st = {0};
  Tokenizer *tokenizer;
  cr_assert(tokenizer_open(&test_arena, "data/tokenizer/own_2048.json", &tokenizer, &st), "%s",
            st.text);
  const Encoded e = made_encode(tokenizer, "Hello, \u00e9 world!\n");
  const Pieces pieces = {tokenizer, false};
  const int T = (int)e.count;
  char text[32];
  piece_of(pieces, e.id, T, 1, text, sizeof text);
  cr_expect_str_eq(text, "ell");
  piece_around(pieces, e.id, T, 1, text, sizeof text);
  cr_expect_str_eq(text, "H[ell]o, \u00e9 world!\\n", "%s", text);
  piece_around(pieces, e.id, T, T - 1, text, 16);
  cr_expect_str_eq(text, "world![\\n]", "%s", text);
  for (int at = 5; at < 7; at++) { /* a character of two tokens */
    piece_of(pieces, e.id, T, at, text, sizeof text);
    cr_expect_str_eq(text, "\u00e9", "token %d: %s", at, text);
    piece_around(pieces, e.id, T, at, text, 12);
    cr_expect_str_eq(text, "o, [\u00e9] wor", "%s", text);
  }
  piece_of(pieces, (int32_t[]){5000}, 1, 0, text, sizeof text); /* of no token */
  cr_expect_str_eq(text, "5000");
  tokenizer_close(tokenizer);
}
