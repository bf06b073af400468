/* The text of a token, as the tables of events and predictions show it. */
#include <criterion/criterion.h>
#include <string.h>

#include "model/piece.h"

static int bytes_of(const char *text, int32_t *token) {
  int T = (int)strlen(text);
  for (int i = 0; i < T; i++) token[i] = (unsigned char)text[i];
  return T;
}

#define EXPECT_PIECE(text, at, want)                                                               \
  do {                                                                                             \
    int32_t token[64];                                                                             \
    char got[16];                                                                                  \
    piece_of(token, bytes_of(text, token), at, true, got, sizeof got);                             \
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
  piece_around(token, T, 9, true, around, sizeof around);
  cr_expect_str_eq(around, "one two [\xe2\x80\x94] three", "\"%s\"", around);
  piece_around(token, T, 0, true, around, sizeof around);
  cr_expect_str_eq(around, "[o]ne two \xe2\x80\x94 three", "\"%s\"", around);
  piece_around(token, 3, 1, true, around, sizeof around);
  cr_expect_str_eq(around, "o[n]e");
}

Test(piece, tokens_that_are_no_bytes_are_shown_by_their_ids) {
  const int32_t token[] = {50279, 7, 310, 12, 9};
  char text[32];
  piece_of(token, 5, 0, false, text, sizeof text);
  cr_expect_str_eq(text, "50279");
  piece_around(token, 5, 2, false, text, sizeof text);
  cr_expect_str_eq(text, "50279 7 [310] 12 9");
}
