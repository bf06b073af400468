/* markdown: text, code, numbers and tables for GitHub's Markdown, aligned so that the source reads
 * as well as the page. Strings come from specs and files of others: whatever they hold, they stay
 * text. */
#ifndef DS_REPORT_MARKDOWN_H
#define DS_REPORT_MARKDOWN_H
#include <stdio.h>

#include "base/arena.h"
#include "report/language.h"

/* One line of text for a paragraph, a heading or a cell: every character that means something is
 * escaped, control characters become spaces. In the arena. */
const char *md_text(Arena *arena, const char *text);
/* A code span; text with a backtick, bar, backslash or control character becomes md_text instead,
 * as no span holds them everywhere. */
const char *md_code(Arena *arena, const char *text);
/* A fenced block whose fence is longer than any run of backticks in the text. */
void md_fence(FILE *out, const char *language, const char *text);

/* Numbers as cells; NaN (does not apply) is a dash. In the arena. */
const char *md_exact(Arena *arena, double x); /* nine significant digits: 1.23456789e-03 */
const char *md_short(Arena *arena, double x); /* three: 1.23e-03 */
/* Three, without an exponent where that is readable: 1.04. */
const char *md_factor(Arena *arena, double x);
const char *md_decibel(Arena *arena, double x); /* 45.3 */
/* "0.1234"; with an exponent from 1e15 on. */
const char *md_fixed(Arena *arena, double x, int decimals);
const char *md_percent(Arena *arena, double share); /* 99.97 %; never 100 % or 0 % by rounding */
const char *md_share(Arena *arena, double share);   /* the same in three digits: 56.3 %, > 99.9 % */
/* A relative size: 1.67 %, and below 0.001 % 1.23e-06. */
const char *md_error(Arena *arena, double x);
const char *md_bytes(Arena *arena, double bytes); /* 12.3 MB */
const char *md_index(Arena *arena, int index);    /* 3; below 0 there is none: a dash */
/* A figure with its interval, all three written by `figure`: "0.587 (0.553 … 0.624)"; alone where
 * it has none. */
typedef const char *MdFigure(Arena *arena, double x);
const char *md_interval(Language l, Arena *arena, MdFigure *figure, double value, double low,
                        double high);
/* Spaces behind, for a monospaced block. */
const char *md_padded(Arena *arena, const char *text, int columns);
/* 1 tensor, 2 tensors; said as "%ld tensor". */
const char *md_count(Language l, Arena *arena, long count, const char *noun);

/* What stands between folds away in report.html, behind a line of these words (no Markdown in
 * them). */
void md_fold(FILE *out, const char *words);
void md_fold_end(FILE *out);

/* A table: cells are added left to right, row after row; the first row is the heading. */
typedef struct Grid {
  Arena *arena;
  const char *align; /* one letter a column: l, r or c */
  int columns, count, capacity;
  const char **cell;
} Grid;
Grid grid_new(Arena *arena, const char *align);
/* Ready Markdown without a line break; kept, not copied. */
void grid_add(Grid *grid, const char *cell);
void grid_head(Language l, Grid *grid, const char *const *heading); /* a WORD for every column */
void grid_write(const Grid *grid, FILE *out);
#endif
