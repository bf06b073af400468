/* markdown: escaping, number formats and aligned tables. */
#include "report/markdown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/columns.h"
#include "base/number.h"
#include "report/language.h"

static bool is_control(char c) { return (unsigned char)c < 32 || c == 127; }

/* What opens a list, a heading or an underline at the start of a line: a sign, or digits with a
 * full stop or bracket. Returns the offset of the character to escape, or -1. */
static int opener(const char *text) {
  if (*text && strchr("+-=", *text)) return 0;
  size_t digits = strspn(text, "0123456789");
  bool mark = digits && (text[digits] == '.' || text[digits] == ')') &&
              (!text[digits + 1] || text[digits + 1] == ' ');
  return mark ? (int)digits : -1;
}

const char *md_text(Arena *arena, const char *text) {
  while (*text == ' ' || is_control(*text))
    if (!*text++) return "";
  size_t length = strlen(text);
  while (text[length - 1] == ' ' || is_control(text[length - 1])) length--;
  char *result = arena_alloc(arena, length + 1, 5), *out = result; /* "&amp;" is the longest */
  int at = opener(text);
  for (size_t i = 0; i < length; i++) {
    char c = is_control(text[i]) ? ' ' : text[i];
    const char *entity = c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : NULL;
    if (entity) {
      out = stpcpy(out, entity);
    } else {
      if (strchr("\\`*_[]|~$#", c) || (int)i == at) *out++ = '\\';
      *out++ = c;
    }
  }
  return result;
}

const char *md_code(Arena *arena, const char *text) {
  if (!*text) return "—";
  bool plain = !strpbrk(text, "`|\\") && *text != ' ' && text[strlen(text) - 1] != ' ';
  for (const char *c = text; *c; c++) plain = plain && !is_control(*c);
  return plain ? arena_printf(arena, "`%s`", text) : md_text(arena, text);
}

void md_fence(FILE *out, const char *language, const char *text) {
  int longest = 2, run = 0;
  for (const char *c = text; *c; c++) {
    run = *c == '`' ? run + 1 : 0;
    if (run > longest) longest = run;
  }
  for (int i = 0; i <= longest; i++) fputc('`', out);
  fprintf(out, "%s\n", language);
  char last = '\n';
  for (const char *c = text; *c; c++) {
    if (*c == '\r' && c[1] == '\n') continue;
    last = is_control(*c) && *c != '\n' && *c != '\t' ? '?' : *c;
    fputc(last, out);
  }
  if (last != '\n') fputc('\n', out);
  for (int i = 0; i <= longest; i++) fputc('`', out);
  fputs("\n\n", out);
}

static const char *special(double x) {
  return isnan(x) ? "—" : isinf(x) ? x > 0 ? "∞" : "-∞" : NULL;
}

const char *md_exact(Arena *arena, double x) {
  const char *word = special(x);
  return word ? word : x == 0 ? "0" : arena_printf(arena, "%.8e", x);
}

const char *md_short(Arena *arena, double x) {
  const char *word = special(x);
  return word ? word : x == 0 ? "0" : arena_printf(arena, "%.2e", x);
}

const char *md_factor(Arena *arena, double x) {
  const char *word = special(x);
  if (word) return word;
  if (x == 0) return "0";
  char rounded[32]; /* the exponent after rounding to three digits decides: 9.996 is 10.0 */
  snprintf(rounded, sizeof rounded, "%.2e", x);
  int exponent = atoi(strchr(rounded, 'e') + 1);
  return exponent < -2 || exponent > 3
             ? arena_printf(arena, "%s", rounded)
             : arena_printf(arena, "%.*f", exponent > 2 ? 0 : 2 - exponent, x);
}

const char *md_decibel(Arena *arena, double x) {
  const char *word = special(x);
  return word ? word : arena_printf(arena, "%.1f", x);
}

const char *md_fixed(Arena *arena, double x, int decimals) {
  const char *word = special(x);
  return word ? word : arena_printf(arena, fabs(x) < 1e15 ? "%.*f" : "%.*e", decimals, x);
}

const char *md_percent(Arena *arena, double share) {
  const char *word = special(share);
  if (word) return word;
  double percent = 100 * share;
  if (percent == 0 || percent == 100) return arena_printf(arena, "%.0f %%", percent);
  if (percent > 0 && percent < 0.01) return "< 0.01 %";
  if (percent < 100 && percent > 99.99) return "> 99.99 %";
  return arena_printf(arena, "%.2f %%", percent);
}

/* Three digits, and no exponent, of 0.001 to 999. */
static const char *three_digits(Arena *arena, double x) {
  char rounded[32];
  snprintf(rounded, sizeof rounded, "%.2e", x);
  int decimals = 2 - atoi(strchr(rounded, 'e') + 1);
  return arena_printf(arena, "%.*f", decimals > 0 ? decimals : 0, x);
}

const char *md_index(Arena *arena, int index) {
  return index < 0 ? "—" : arena_printf(arena, "%d", index);
}

const char *md_share(Arena *arena, double share) {
  const char *word = special(100 * share);
  if (word) return word;
  if (share == 0 || share == 1) return arena_printf(arena, "%.0f %%", 100 * share);
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share > 0.999 && share < 1) return "> 99.9 %";
  return arena_printf(arena, "%s %%", three_digits(arena, 100 * share));
}

const char *md_error(Arena *arena, double x) {
  const char *word = special(x);
  if (word) return word;
  return fabs(x) >= 0.9995e-5 && fabs(x) < 9.995
             ? arena_printf(arena, "%s %%", three_digits(arena, 100 * x))
             : md_short(arena, x);
}

const char *md_interval(Language l, Arena *arena, MdFigure *figure, double value, double low,
                        double high) {
  if (isnan(low)) return figure(arena, value);
  return arena_printf(arena, say(l, "%s (%s … %s)"), figure(arena, value), figure(arena, low),
                      figure(arena, high));
}

const char *md_bytes(Arena *arena, double bytes) {
  static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
  int u = 0;
  while (u < 4 && bytes >= 999.5) bytes /= 1000, u++;
  return arena_printf(arena, "%s %s",
                      u ? md_factor(arena, bytes) : arena_printf(arena, "%.0f", bytes), unit[u]);
}

const char *md_count(Language l, Arena *arena, long count, const char *noun) {
  if (l == LANGUAGE_ENGLISH) return arena_printf(arena, "%ld %s%s", count, noun, plural(count));
  const char *english = arena_printf(arena, "%%ld %s", noun);
  return arena_printf(arena, say(l, english), count);
}

const char *md_padded(Arena *arena, const char *text, int columns) {
  int room = columns - columns_of(text);
  return arena_printf(arena, "%s%*s", text, room > 0 ? room : 0, "");
}

void md_fold(FILE *out, const char *words) {
  fprintf(out, "<details><summary>%s</summary>\n\n", words);
}
void md_fold_end(FILE *out) { fputs("</details>\n\n", out); }

Grid grid_new(Arena *arena, const char *align) {
  return (Grid){.arena = arena, .align = align, .columns = (int)strlen(align)};
}

void grid_add(Grid *grid, const char *cell) {
  if (grid->count == grid->capacity) {
    int capacity = grid->capacity ? 2 * grid->capacity : 16 * grid->columns;
    const char **larger = ARENA_NEW(grid->arena, const char *, capacity);
    for (int i = 0; i < grid->count; i++) larger[i] = grid->cell[i];
    grid->cell = larger;
    grid->capacity = capacity;
  }
  grid->cell[grid->count++] = cell;
}

void grid_head(Language l, Grid *grid, const char *const *heading) {
  for (int c = 0; c < grid->columns; c++) grid_add(grid, say(l, heading[c]));
}

static void pad(FILE *out, int count) {
  while (count-- > 0) fputc(' ', out);
}

void grid_write(const Grid *grid, FILE *out) {
  enum { WIDEST = 60 }; /* one longer cell does not stretch every other row */
  Arena scratch = *grid->arena;
  int rows = (grid->count + grid->columns - 1) / grid->columns,
      *width = ARENA_NEW(&scratch, int, grid->columns);
  for (int c = 0; c < grid->columns; c++) width[c] = 3;
  for (int i = 0; i < grid->count; i++) {
    int w = columns_of(grid->cell[i]), *column = &width[i % grid->columns];
    if (w > *column) *column = w < WIDEST ? w : WIDEST;
  }
  for (int r = 0; r < rows; r++) {
    for (int c = 0; c < grid->columns; c++) {
      int i = r * grid->columns + c;
      const char *cell = i < grid->count ? grid->cell[i] : "";
      int room = width[c] - columns_of(cell);
      int before = grid->align[c] == 'r' ? room : grid->align[c] == 'c' ? room / 2 : 0;
      fputs("| ", out);
      pad(out, before);
      fputs(cell, out);
      pad(out, room - (before > 0 ? before : 0));
      fputc(' ', out);
    }
    fputs("|\n", out);
    for (int c = 0; r == 0 && c < grid->columns; c++) {
      fputs(grid->align[c] == 'r' ? "| -" : "| :", out);
      for (int dash = 0; dash < width[c] - 2; dash++) fputc('-', out);
      fputs(grid->align[c] == 'l' ? "- " : ": ", out);
    }
    if (r == 0) fputs("|\n", out);
  }
  fputc('\n', out);
}
