/* The report's languages: the sources of the report are read and every text in them is held against
 * the table; and a whole report in Chinese holds no English sentence. */
#include "family/family.h"
#include "family/mamba1.h"
#include "report/language.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <glob.h>

#include "base/file.h"
#include "base/progress.h"
#include "report/html.h"
#include "report/retold.h"
#include "tests/report_rows.h"

TestSuite(language, .init = reserve, .fini = release);

/* --- the sources: string literals and what stands around them --------------------------------- */

typedef enum Mark { PLAIN, SAID, COUNTED, FAULT } Mark;

typedef struct Literal {
  const char *file, *owner, *text; /* owner: the function or the table that it stands in */
  Mark mark;
} Literal;

typedef struct Source {
  const char *file, *at;
  Mark mark[256]; /* of the open parentheses */
  int depth, braces;
  char owner[64];
} Source;

enum { LITERALS_MAX = 8192 };
static Literal literal[LITERALS_MAX];
static int literals;

static Mark mark_of(const char *name, size_t length) {
  static const struct {
    const char *name;
    Mark mark;
  } known[] = {{"say", SAID},
               {"WORD", SAID},
               {"WORDS", SAID},
               {"md_count", COUNTED},
               {"progress_count", COUNTED},
               {"FAIL", FAULT},
               {"FAIL_CHECK", FAULT},
               {"progress_say", SAID},
               {"progress_phase", SAID},
               {"progress_done", SAID},
               {"progress_line", SAID},
               {"progress_tell", SAID}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strlen(known[i].name) == length && !strncmp(known[i].name, name, length))
      return known[i].mark;
  return PLAIN;
}

static Mark innermost(const Source *s) {
  for (int i = s->depth; i-- > 0;)
    if (s->mark[i]) return s->mark[i];
  return PLAIN;
}

static void read_word(Source *s) {
  size_t length = strspn(s->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
  bool call = s->at[length] == '(';
  if (s->braces == 0 && s->depth == 0)
    snprintf(s->owner, sizeof s->owner, "%.*s", (int)length, s->at);
  if (call) {
    cr_assert(s->depth < 256);
    s->mark[s->depth++] = mark_of(s->at, length);
  }
  s->at += length + call;
}

/* Literals with nothing but space between them are one. */
static void read_literal(Source *s) {
  char *text = arena_alloc(&arena, strlen(s->at) < 20000 ? strlen(s->at) : 20000, 1), *to = text;
  while (*s->at == '"') {
    for (s->at++; *s->at != '"'; s->at++) {
      bool escaped = *s->at == '\\';
      s->at += escaped;
      *to++ = escaped && *s->at == 'n' ? '\n' : *s->at;
    }
    s->at++;
    const char *next = s->at + strspn(s->at, " \n");
    if (*next == '"') s->at = next;
  }
  cr_assert(literals < LITERALS_MAX);
  Mark mark = innermost(s);
  if (mark == COUNTED) text = arena_printf(&arena, "%%ld %s", text);
  if (*text)
    literal[literals++] = (Literal){s->file, arena_printf(&arena, "%s", s->owner), text, mark};
}

static void read_source(const char *path) {
  Status st = {0};
  Bytes text;
  cr_assert(file_read(&arena, path, (size_t)1 << 20, &text, &st), "%s", st.text);
  Source s = {.file = arena_printf(&arena, "%s", path),
              .at = arena_printf(&arena, "%.*s", (int)text.count, (const char *)text.data)};
  while (*s.at) {
    if (!strncmp(s.at, "/*", 2)) {
      s.at = strstr(s.at, "*/") + 2;
    } else if (*s.at == '#') {
      do s.at += 1 + strcspn(s.at + 1, "\n");
      while (*s.at && s.at[-1] == '\\');
    } else if (*s.at == '\'') {
      s.at += s.at[1] == '\\' ? 4 : 3;
    } else if (*s.at == '"') {
      read_literal(&s);
    } else if (isalpha((unsigned char)*s.at) || *s.at == '_') {
      read_word(&s);
    } else {
      if (*s.at == '(') s.mark[s.depth++] = PLAIN;
      if (*s.at == ')') s.depth--;
      s.braces += (*s.at == '{') - (*s.at == '}');
      s.at++;
    }
  }
  cr_assert(s.depth == 0 && s.braces == 0, "%s: %d parentheses and %d braces are left open", path,
            s.depth, s.braces);
}

static void read_sources(void) {
  static const char *const runs[] = {"harness/experiment/*.c", "harness/walk/*.c",
                                     "harness/study/*.c",      "harness/study/micro/micro.c",
                                     "harness/command/run.c",  "harness/command/vectors.c"};
  glob_t found;
  cr_assert(glob("harness/report/*.c", 0, NULL, &found) == 0);
  for (int i = 0; i < 6; i++) cr_assert(glob(runs[i], GLOB_APPEND, NULL, &found) == 0);
  for (size_t i = 0; i < found.gl_pathc; i++)
    if (!strstr(found.gl_pathv[i], "/chinese.c") && !strstr(found.gl_pathv[i], "/language.c"))
      read_source(found.gl_pathv[i]);
  globfree(&found);
  cr_assert(literals > 400, "only %d literals were found", literals);
}

static const Phrase *entry_of(const char *english) {
  for (size_t i = 0; i < chinese_count; i++)
    if (!strcmp(chinese[i].english, english)) return &chinese[i];
  return NULL;
}

/* Four lower-case English words in a row make a sentence. Code spans, and fences, are passed
 * over. */
static const char *sentence_in(const char *text) {
  int words = 0;
  const char *start = text;
  for (const char *at = text; *at;) {
    size_t fence = strspn(at, "`"), word = strspn(at, "abcdefghijklmnopqrstuvwxyz'");
    if (fence) {
      const char *end = strstr(at + fence, arena_printf(&arena, "%.*s", (int)fence, at));
      at = end ? end + fence : at + fence;
      words = 0;
    } else if (word) {
      if (words++ == 0) start = at;
      at += word;
      if (words == 4) return arena_printf(&arena, "%.60s", start);
      if (*at != ' ') words = 0;
    } else {
      if (*at != ' ' || at[1] == ' ') words = 0;
      at++;
    }
  }
  return NULL;
}

Test(language, every_text_that_is_said_has_a_chinese_wording) {
  read_sources();
  for (int i = 0; i < literals; i++)
    if ((literal[i].mark == SAID || literal[i].mark == COUNTED) && strcmp(literal[i].text, "%s"))
      cr_expect(entry_of(literal[i].text), "%s: no Chinese for \"%s\"", literal[i].file,
                literal[i].text);
}

Test(language, no_wording_is_left_over_or_stands_twice) {
  read_sources();
  for (size_t p = 0; p < chinese_count; p++) {
    bool used = false;
    for (int i = 0; i < literals; i++)
      used |= literal[i].mark && !strcmp(literal[i].text, chinese[p].english);
    cr_expect(used, "nothing says \"%s\"", chinese[p].english);
    cr_expect_eq(entry_of(chinese[p].english), &chinese[p], "\"%s\" stands twice",
                 chinese[p].english);
  }
}

/* The first literal that is said so; -1: none is. */
static int said_first(const char *english) {
  for (int i = 0; i < literals; i++)
    if (literal[i].mark && !strcmp(literal[i].text, english)) return i;
  return -1;
}

Test(language, wordings_stand_by_the_file_that_says_them_first) {
  read_sources();
  for (size_t p = 1; p < chinese_count; p++) {
    const int before = said_first(chinese[p - 1].english), at = said_first(chinese[p].english);
    cr_expect(before < 0 || at < 0 || literal[at].file == literal[before].file || at > before,
              "\"%s\", of %s, stands behind a wording of %s", chinese[p].english, literal[at].file,
              literal[before].file);
  }
}

/* Errors are English; so are gnuplot's commands. */
static bool stays_english(const Literal *l) {
  static const char *const owners[] = {"preamble", "style", "figure_begin"};
  if (l->mark != PLAIN || !strstr(l->file, "/report/")) return true;
  for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
    if (strstr(l->owner, owners[i])) return true;
  return !strncmp(l->text, "set ", 4) || strstr(l->text, "\nset ") || strstr(l->text, " with ");
}

Test(language, no_sentence_of_the_report_is_left_unsaid) {
  read_sources();
  for (int i = 0; i < literals; i++) {
    const char *sentence = stays_english(&literal[i]) ? NULL : sentence_in(literal[i].text);
    if (strstr(literal[i].text, "label '"))
      sentence = literal[i].text; /* an axis is named by figure_text(say(…)) */
    cr_expect(!sentence, "%s, %s: \"%s\" is not said", literal[i].file, literal[i].owner, sentence);
  }
}

/* --- the wordings ----------------------------------------------------------------------------- */

enum { CONVERSIONS_MAX = 16 };

/* The types of a template's arguments, in the order of the arguments; false where it is no
 * well-formed template. A % with no conversion behind it is a percent sign of a text that is no
 * template. */
static bool conversions_of(const char *text, char type[CONVERSIONS_MAX][8], int *count) {
  int next = 0, placed = 0;
  *count = 0;
  memset(type, 0, CONVERSIONS_MAX * sizeof *type);
  for (const char *at = text; (at = strchr(at, '%')); at++) {
    if (at[1] == '%') {
      at++;
      continue;
    }
    const char *from = at + 1;
    size_t digits = strspn(from, "0123456789");
    int place = next;
    if (digits && from[digits] == '$') {
      place = atoi(from) - 1;
      from += digits + 1;
      placed++;
    }
    from += strspn(from, "-+#.0123456789*");
    size_t length = strspn(from, "lzhj");
    if (!from[length] || !strchr("diouxXeEfgGcsp", from[length])) continue;
    if (place < 0 || place >= CONVERSIONS_MAX || type[place][0]) return false;
    snprintf(type[place], sizeof *type, "%.*s", (int)length + 1, from);
    next++;
    at = from + length;
  }
  *count = next;
  for (int i = 0; i < next; i++)
    if (!type[i][0]) return false;
  return placed == 0 || placed == next;
}

Test(language, a_template_takes_the_same_arguments_in_both_languages) {
  for (size_t p = 0; p < chinese_count; p++) {
    char want[CONVERSIONS_MAX][8], got[CONVERSIONS_MAX][8];
    int wanted, found;
    cr_expect(conversions_of(chinese[p].english, want, &wanted), "%s", chinese[p].english);
    cr_expect(conversions_of(chinese[p].chinese, got, &found), "ill-formed: %s",
              chinese[p].chinese);
    cr_expect_eq(found, wanted, "\"%s\" has %d arguments, \"%s\" %d", chinese[p].chinese, found,
                 chinese[p].english, wanted);
    for (int i = 0; i < wanted && i < found; i++)
      cr_expect_str_eq(got[i], want[i], "argument %d of \"%s\" is %%%s, of \"%s\" %%%s", i + 1,
                       chinese[p].chinese, got[i], chinese[p].english, want[i]);
  }
}

Test(language, conversions_out_of_order_missing_and_doubled_are_told) {
  char type[CONVERSIONS_MAX][8];
  int count;
  cr_expect(conversions_of("%2$s … %1$.3f, 95 %% and 5 %", type, &count) && count == 2);
  cr_expect_str_eq(type[0], "f");
  cr_expect_str_eq(type[1], "s");
  cr_expect(conversions_of("%lld of %zu", type, &count) && !strcmp(type[0], "lld") &&
            !strcmp(type[1], "zu"));
  cr_expect(!conversions_of("%1$s %1$s", type, &count), "an argument taken twice");
  cr_expect(!conversions_of("%3$s %1$s", type, &count), "an argument left out");
  cr_expect(!conversions_of("%1$s %s", type, &count), "places for some only");
}

static int lines_of(const char *text) {
  int lines = 0;
  for (; *text; text++) lines += *text == '\n';
  return lines;
}

/* Nothing to say in another way: units, names, and a share that needs no word behind it. */
static const char *const same_in_chinese[] = {"%s of", " %s", "`block_out`", "`logits`", "GB/s"};

Test(language, wordings_are_chinese_and_keep_the_shape_of_the_text) {
  for (size_t p = 0; p < chinese_count; p++) {
    const char *english = chinese[p].english, *wording = chinese[p].chinese;
    bool ascii = true, may = false;
    for (const char *c = wording; *c; c++) ascii = ascii && (unsigned char)*c < 128;
    for (size_t i = 0; i < sizeof same_in_chinese / sizeof *same_in_chinese; i++)
      may = may || !strcmp(same_in_chinese[i], english);
    cr_expect(*wording, "\"%s\" is empty", english);
    cr_expect_eq(ascii, may, "\"%s\": \"%s\"", english, wording);
    cr_expect_eq(lines_of(wording), lines_of(english), "lines of \"%s\"", wording);
    size_t shape = strspn(english, "#>-\n%");
    if (strchr("#>-\n", *english))
      cr_expect(!strncmp(english, wording, shape), "\"%s\" begins otherwise", wording);
    cr_expect(!sentence_in(wording), "English in \"%s\"", wording);
  }
}

/* --- whole reports ---------------------------------------------------------------------------- */

/* Title, question, and what else the file brings is quoted as it is. */
static const char *without_quotes(const char *text) {
  char *copy = arena_printf(&arena, "%s", text);
  for (char *line = copy; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
    if (line == copy || !strncmp(line, "> Does a float", 14))
      memset(line, '-', strcspn(line, "\n"));
  return copy;
}

static const char *page_of(Language language, const char *markdown) {
  Status st = {0};
  char *html = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&html, &size);
  cr_assert(html_write(language, out, markdown, ".", arena, &st), "%s", st.text);
  cr_assert(fclose(out) == 0);
  const char *copy = arena_printf(&arena, "%s", html);
  free(html);
  return copy;
}

Test(language, a_chinese_report_holds_no_english_sentence_and_no_mark_that_markdown_missed) {
  for (int prompts = 1; prompts <= 2; prompts++) {
    memset(made, 0, sizeof *made);
    ReportData *d = made_run(&arena, made, prompts);
    d->language = LANGUAGE_CHINESE;
    row_shape(made, "2-0", "2-4", T_BLOCK_OUT, prompts, "jumps", 7)->parting = 3;
    row_no_shape(made, "fp64", "2-4", T_BLOCK_OUT, prompts, "few_layers");
    DriftShape *doubt = row_shape(made, "fp64", "2-0", T_BLOCK_OUT, prompts, "accumulates", -1);
    SET_TEXT(doubt->rival, "saturates"), doubt->rival_layer = 12, doubt->told = 0,
                                         doubt->needed = 32;
    made->tensor[3].nonfinite = 2;
    made->tensor[4].q8_nans = 1;
    for (int i = 0; i < d->table_count; i++)
      if (d->tables[i].table == &table_drift_shape) d->tables[i].count = made->shapes;
    data_arrange(&arena, d);
    const char *text = body_of(d), *sentence = sentence_in(without_quotes(text));
    cr_expect(!sentence, "\"%s\" in\n%s", sentence, text);
    cr_expect(strstr(text, "## 1. 问题与结论"), "%s", text);
    cr_expect(strstr(text, "第 0 层的 `conv1d_silu`（提示 address）"), "%s", text);
    const char *page = page_of(LANGUAGE_CHINESE, text);
    cr_expect(strstr(page, "<html lang=\"zh\">"), "%.200s", page);
    EXPECT_NONE(page, "**");
  }
}

Test(language, english_is_the_same_before_and_after) {
  ReportData *d = made_run(&arena, made, 2);
  const char *before = body_of(d);
  d->language = LANGUAGE_CHINESE;
  cr_expect_str_neq(body_of(d), before);
  d->language = LANGUAGE_ENGLISH;
  cr_expect_str_eq(body_of(d), before);
  cr_expect(strstr(page_of(LANGUAGE_ENGLISH, before), "<html lang=\"en\">"));
}

Test(language, tables_line_up_where_a_letter_is_two_columns_wide) {
  ReportData *d = made_run(&arena, made, 1);
  d->language = LANGUAGE_CHINESE;
  const char *text = part_of(body_of(d), "## 2. ", "### 2-0");
  EXPECT_LINE(text, "| 阶段         | 2-0        | 2-4          |       |");
  EXPECT_LINE(text, "| `scan_order` | `blocked`  | `sequential` | **≠** |");
}

Test(language, names_are_en_and_zh) {
  Language language = LANGUAGE_COUNT;
  cr_expect(language_find("zh", &language) && language == LANGUAGE_CHINESE);
  cr_expect(language_find("en", &language) && language == LANGUAGE_ENGLISH);
  cr_expect(!language_find("de", &language) && !language_find("", &language));
}

/* --- sentences that were said before, and numbers of things ----------------------------------- */

Test(language, what_a_command_asks_is_said_again_and_what_somebody_wrote_is_not) {
  const Language zh = LANGUAGE_CHINESE, en = LANGUAGE_ENGLISH;
  static const char *const own[] = {"Mode 2-0 against mode 2-4, all layers",
                                    "A against all odds",
                                    "against",
                                    "alone",
                                    " alone against the sea",
                                    ""};
  cr_expect_str_eq(retold_title(zh, &arena, "Mode 2-0 against mode 2-4"),
                   "模式 2-0 与模式 2-4 对比");
  cr_expect_str_eq(retold_title(zh, &arena, "a against b"), "a 与 b 对比");
  cr_expect_str_eq(retold_title(zh, &arena, "scan alone"), "单独运行 scan");
  cr_expect_str_eq(retold_title(en, &arena, "a against b"), "a against b");
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    cr_expect_eq(retold_title(zh, &arena, own[i]), own[i], "%s", own[i]);
  cr_expect_str_eq(
      retold_question(zh, "Do the two modes differ, where first, and how far does it grow?"),
      "两种模式是否不同？首先在哪里不同？差异会增长到多大？");
  cr_expect_str_eq(retold_question(zh, "Is it so?"), "Is it so?");
}

static const char *translate(int language, const char *english) {
  return say((Language)language, english);
}

Test(language, one_thing_is_one_and_two_are_more) {
  Progress p = {.translate = translate, .language = LANGUAGE_ENGLISH};
  cr_expect_str_eq(progress_count(&p, 1, "window").text, "1 window");
  cr_expect_str_eq(progress_count(&p, 24, "window").text, "24 windows");
  cr_expect_str_eq(progress_count(&p, 0, "element").text, "0 elements");
  p.language = LANGUAGE_CHINESE;
  cr_expect_str_eq(progress_count(&p, 1, "window").text, "1 个窗口");
  cr_expect_str_eq(progress_count(&p, 24, "window").text, "24 个窗口");
}

/* Of a layer's number and its interval: "第 15（13 … 18） 层". */
Test(language, a_full_width_bracket_has_no_space_before_a_character) {
  static const char *const cases[][2] = {
      {"升至第 15（13 … 18） 层后回落", "升至第 15（13 … 18）层后回落"},
      {"| a（1） | b |", "| a（1） | b |"},
      {"（1） × 2（3） ", "（1） × 2（3） "},
      {" 层", " 层"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[64];
    snprintf(text, sizeof text, "%s", cases[i][0]);
    cr_expect_eq(language_tidy(LANGUAGE_CHINESE, text, strlen(text)), strlen(cases[i][1]));
    cr_expect_str_eq(text, cases[i][1]);
    cr_expect_eq(language_tidy(LANGUAGE_ENGLISH, text, strlen(text)), strlen(text));
  }
}
