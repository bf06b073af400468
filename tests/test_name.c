/* name and columns: what may be a name, and how wide a text is on a terminal. */
#include "base/name.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/columns.h"
#include "family/mode.h"
#include "measure/tables.h"

Test(name, any_utf8_without_slash_and_control_characters_is_one) {
  static const char *const valid[] = {"0",
                                      "a b",
                                      " ",
                                      "-",
                                      "...",
                                      ".a",
                                      "a.layer_00",
                                      "Z_",
                                      "2-4-blocked",
                                      "\xC3\xA4",
                                      "地址",
                                      "\xF0\x9F\x91\x8D",
                                      "a\\b",
                                      "\xEF\xBF\xBD",
                                      "abcdefghijklmnopqrstuvwxyz0123456789abc",
                                      "甲乙丙丁戊己庚辛壬癸子丑寅"};
  static const char *const invalid[] = {"",
                                        ".",
                                        "..",
                                        "a/b",
                                        "/",
                                        "a\n",
                                        "\x7F",
                                        "\xC2\x80",
                                        "\xC2\x9F",
                                        "\x80",
                                        "\xC3",
                                        "a\xFF",
                                        "\xC0\xAF",
                                        "\xED\xA0\x80",
                                        "\xF4\x90\x80\x80",
                                        "abcdefghijklmnopqrstuvwxyz0123456789abcd",
                                        "甲乙丙丁戊己庚辛壬癸子丑寅卯"};
  for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
    cr_expect(name_valid(valid[i]), "'%s'", valid[i]);
  for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
    cr_expect(!name_valid(invalid[i]), "'%s'", invalid[i]);
}

Test(name, what_cannot_be_shown_becomes_a_question_mark) {
  static const struct {
    const char *text, *plain;
  } rows[] = {{"", ""},
              {"2-0 é 甲 👍 \xEF\xBF\xBD", "2-0 é 甲 👍 \xEF\xBF\xBD"},
              {"a\x1b[31m\x7f\x01", "a?[31m??"},
              {"\xFF\xC3", "??"},
              {"x\xC2\x9B"
               "b",
               "x?b"},
              {"\xED\xA0\x80", "???"},
              {"\xE7\x94", "??"},
              {"a\n\tb\r", "a\n\tb?"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[64];
    strcpy(text, rows[i].text);
    text_make_plain(text, "\n\t");
    cr_expect_str_eq(text, rows[i].plain, "row %zu: '%s'", i, text);
  }
}

Test(name, the_longest_name_fits_every_place_whole) {
  cr_expect_eq(NAME_BYTES_MAX + 1, TEXT_NAME);
  cr_expect_eq(sizeof((Mode *)0)->name, NAME_BYTES_MAX + 1);
}

Test(name, wide_letters_take_two_columns_and_marks_none) {
  static const struct {
    const char *text;
    int width;
  } rows[] = {{"", 0},     {"2-0", 3}, {"\xC3\xA4", 1}, {"a\xCC\x88", 1}, {"地址", 4},
              {"α", 1},    {"ｆ", 2},  {"한글", 4},     {"👍", 2},         {"👍🏽", 2},
              {"かな", 4}, {"—…·", 3}, {"。", 2},       {"\xFF", 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    cr_expect_eq(columns_of(rows[i].text), rows[i].width, "'%s': %d", rows[i].text,
                 columns_of(rows[i].text));
}
