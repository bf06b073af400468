/* The report's small parts: escaping, numbers, tables, CSV. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/csv.h"
#include "report/markdown.h"
#include "tests/exhausted.h"

static Arena arena;

static void reserve(void) {
  Status st = {0};
  cr_assert(arena_reserve(&arena, (size_t)64 << 20, exhausted, &st), "%s", st.text);
}

static void release(void) { arena_release(&arena); }

TestSuite(report_parts, .init = reserve, .fini = release);

static void expect_text(const char *what, const char *got, const char *want) {
  cr_expect_str_eq(got, want, "%s\n got: %s\nwant: %s", what, got, want);
}

Test(report_parts, whatever_a_string_holds_it_stays_text) {
  static const char *const cases[][2] = {
      {"Mode 2-0 against mode 2-4", "Mode 2-0 against mode 2-4"},
      {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
      {"a & b", "a &amp; b"},
      {"a|b", "a\\|b"},
      {"`rm`", "\\`rm\\`"},
      {"*a* _b_ ~c~ $d$", "\\*a\\* \\_b\\_ \\~c\\~ \\$d\\$"},
      {"![x](y)", "!\\[x\\](y)"},
      {"back\\slash", "back\\\\slash"},
      {"# no heading", "\\# no heading"},
      {"- no list", "\\- no list"},
      {"12. no list", "12\\. no list"},
      {"12) no list", "12\\) no list"},
      {"3.1e-15", "3.1e-15"},
      {"=cmd()", "\\=cmd()"},
      {"> no quote", "&gt; no quote"},
      {"two\nlines\tand\x1b[31m", "two lines and \\[31m"},
      {"    no code block  ", "no code block"},
      {"größer", "größer"},
      {"", ""},
      {" \n ", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    expect_text(cases[i][0], md_text(&arena, cases[i][0]), cases[i][1]);
}

Test(report_parts, code_that_no_span_can_hold_becomes_text) {
  expect_text("plain", md_code(&arena, "conv1d i8*i8->f32,i8 cpu"), "`conv1d i8*i8->f32,i8 cpu`");
  expect_text("backtick", md_code(&arena, "a`b"), "a\\`b");
  expect_text("bar", md_code(&arena, "a|b"), "a\\|b");
  expect_text("line break", md_code(&arena, "a\nb"), "a b");
  expect_text("empty", md_code(&arena, ""), "—");
}

static char *stream_text;
static size_t stream_size;

static const char *finish(FILE *out) {
  cr_assert(fclose(out) == 0);
  const char *copy = arena_printf(&arena, "%s", stream_text);
  free(stream_text);
  return copy;
}

Test(report_parts, a_fence_is_longer_than_any_run_of_backticks_inside) {
  FILE *out = open_memstream(&stream_text, &stream_size);
  md_fence(out, "yaml", "a: |\n  ````\r\n  <b>\n\x07 end");
  expect_text("fence", finish(out), "`````yaml\na: |\n  ````\n  <b>\n? end\n`````\n\n");
  out = open_memstream(&stream_text, &stream_size);
  md_fence(out, "", "");
  expect_text("empty", finish(out), "```\n```\n\n");
}

Test(report_parts, a_table_is_aligned_by_characters_not_bytes) {
  FILE *out = open_memstream(&stream_text, &stream_size);
  Grid grid = grid_new(&arena, "lrc");
  static const char *const cells[] = {"a", "b", "", "größe", "—", "≠", "x", "1.5", ""};
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) grid_add(&grid, cells[i]);
  grid_write(&grid, out);
  expect_text("table", finish(out),
              "| a     |   b |     |\n"
              "| :---- | --: | :-: |\n"
              "| größe |   — |  ≠  |\n"
              "| x     | 1.5 |     |\n\n");
}

Test(report_parts, one_very_long_cell_does_not_stretch_the_others) {
  FILE *out = open_memstream(&stream_text, &stream_size);
  Grid grid = grid_new(&arena, "l");
  char longest[200];
  memset(longest, 'x', 199);
  longest[199] = 0;
  grid_add(&grid, "a");
  grid_add(&grid, longest);
  grid_write(&grid, out);
  const char *text = finish(out);
  cr_expect_eq(strcspn(text, "\n"), 64, "heading line is %zu wide: %s", strcspn(text, "\n"), text);
  cr_expect(strstr(text, longest) != NULL, "the long cell is whole");
}

Test(report_parts, numbers_say_what_they_are_and_never_round_to_what_they_are_not) {
  expect_text("nine digits", md_exact(&arena, 1.0 / 3), "3.33333333e-01");
  expect_text("negative", md_exact(&arena, -12345.678912), "-1.23456789e+04");
  expect_text("zero", md_exact(&arena, 0), "0");
  expect_text("does not apply", md_exact(&arena, NAN), "—");
  expect_text("infinite", md_short(&arena, -INFINITY), "-∞");
  expect_text("three digits", md_short(&arena, 0.0012345), "1.23e-03");
  expect_text("factor", md_factor(&arena, 1.036), "1.04");
  expect_text("factor", md_factor(&arena, 9.996), "10.0");
  expect_text("factor", md_factor(&arena, 999.6), "1000");
  expect_text("factor", md_factor(&arena, 123456), "1.23e+05");
  expect_text("factor", md_factor(&arena, 0.5), "0.500");
  expect_text("factor", md_factor(&arena, 0.0001), "1.00e-04");
  expect_text("SQNR", md_decibel(&arena, 45.26), "45.3");
  expect_text("SQNR of no difference", md_decibel(&arena, INFINITY), "∞");
  expect_text("share", md_percent(&arena, 1), "100 %");
  expect_text("share", md_percent(&arena, 0), "0 %");
  expect_text("share", md_percent(&arena, 0.999999), "> 99.99 %");
  expect_text("share", md_percent(&arena, 0.000001), "< 0.01 %");
  expect_text("share", md_percent(&arena, 0.5), "50.00 %");
  expect_text("bytes", md_bytes(&arena, 999), "999 B");
  expect_text("bytes", md_bytes(&arena, 12345678), "12.3 MB");
  expect_text("count", md_count(LANGUAGE_ENGLISH, &arena, 1, "tensor"), "1 tensor");
  expect_text("count", md_count(LANGUAGE_ENGLISH, &arena, 0, "tensor"), "0 tensors");
}

typedef struct CsvRow {
  char name[24];
  int32_t small;
  int64_t large;
  double x[2];
} CsvRow;

static const Column csv_columns[] = {
    {"name", COLUMN_TEXT, offsetof(CsvRow, name), sizeof((CsvRow *)0)->name},
    {"small", COLUMN_I32, offsetof(CsvRow, small), sizeof((CsvRow *)0)->small},
    {"large", COLUMN_I64, offsetof(CsvRow, large), sizeof((CsvRow *)0)->large},
    {"x", COLUMN_F64, offsetof(CsvRow, x), sizeof((CsvRow *)0)->x}};
static const Table csv_table = {"made", "made by hand", sizeof(CsvRow), 1, 4, csv_columns};

static const char *csv_of(const CsvRow *rows, size_t count) {
  FILE *out = open_memstream(&stream_text, &stream_size);
  csv_write(out, &csv_table, rows, count);
  return finish(out);
}

/* One field of RFC 4180; returns what follows its delimiter. */
static const char *csv_field(const char *at, char *field) {
  if (*at == '"') {
    for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
      if (*at == '"') at++;
      *field++ = *at;
    }
    at++;
  } else {
    while (*at && *at != ',' && *at != '\r') *field++ = *at++;
  }
  *field = 0;
  return *at == ',' ? at + 1 : at + 2;
}

/* More rows than are made at once, each in its place. */
Test(report_parts, long_csv_has_every_row_in_its_place) {
  enum { ROWS = 70 * 1024 + 5 };
  CsvRow *rows = calloc(ROWS, sizeof *rows);
  for (int i = 0; i < ROWS; i++) rows[i].small = i, rows[i].large = -(int64_t)i * i;
  const char *at = strstr(csv_of(rows, ROWS), "\r\n");
  int lines = 0;
  for (char want[64]; at && at[2]; lines++, at = strstr(at + 2, "\r\n")) {
    snprintf(want, sizeof want, "\r\n,%d,%lld,0,0\r\n", lines, -(long long)lines * lines);
    cr_assert(!strncmp(at, want, strlen(want)), "row %d: %.40s", lines, at + 2);
  }
  cr_expect_eq(lines, ROWS);
  free(rows);
}

Test(report_parts, csv_reads_back_equal) {
  const CsvRow rows[] = {{"plain", -1, INT64_MAX, {0.1, -0.0}},
                         {"comma, \"quote\"", INT32_MIN, INT64_MIN, {DBL_TRUE_MIN, DBL_MAX}},
                         {"two\nlines", 0, 0, {NAN, -INFINITY}},
                         {"twenty-four characters.", 1, 2, {1.0 / 3, -2e-300}}};
  const char *at = csv_of(rows, 4);
  char field[100];
  static const char *const header[] = {"name", "small", "large", "x_0", "x_1"};
  for (int c = 0; c < 5; c++) {
    at = csv_field(at, field);
    expect_text("header", field, header[c]);
  }
  for (int i = 0; i < 4; i++) {
    at = csv_field(at, field);
    expect_text("name", field, rows[i].name);
    at = csv_field(at, field);
    cr_expect_eq(strtol(field, NULL, 10), rows[i].small, "row %d small: got %s, want %d", i, field,
                 rows[i].small);
    at = csv_field(at, field);
    cr_expect_eq(strtoll(field, NULL, 10), rows[i].large, "row %d large: got %s, want %lld", i,
                 field, (long long)rows[i].large);
    for (int x = 0; x < 2; x++) {
      at = csv_field(at, field);
      double got = *field ? strtod(field, NULL) : NAN, want = rows[i].x[x];
      cr_expect(isnan(want) ? !*field : memcmp(&got, &want, sizeof got) == 0,
                "row %d x_%d: got %a (%s), want %a", i, x, got, field, want);
    }
  }
  cr_expect_eq(*at, 0, "something stands after the last row: %s", at);
}

Test(report_parts, a_spreadsheet_takes_no_text_for_a_formula) {
  const CsvRow rows[] = {{"=cmd()", -1, -2, {-3, 4}},
                         {"@a", 0, 0, {0, 0}},
                         {"+a,b", 0, 0, {0, 0}},
                         {"-a", 0, 0, {0, 0}}};
  expect_text("csv", csv_of(rows, 4),
              "name,small,large,x_0,x_1\r\n'=cmd(),-1,-2,-3,4\r\n'@a,0,0,0,0\r\n\"'+a,b\",0,0,0,"
              "0\r\n'-a,0,0,0,0\r\n");
}

Test(report_parts, a_text_that_fills_its_column_ends_there) {
  CsvRow row = {"", 7, 0, {0, 0}};
  memset(row.name, 'n', sizeof row.name);
  expect_text("csv", csv_of(&row, 1),
              "name,small,large,x_0,x_1\r\nnnnnnnnnnnnnnnnnnnnnnnnn,7,0,0,0\r\n");
}

Test(report_parts, an_empty_table_is_its_header) {
  expect_text("csv", csv_of(NULL, 0), "name,small,large,x_0,x_1\r\n");
}
