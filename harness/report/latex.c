#include "report/latex.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <string.h>

#include "report/language.h"

/* --- text ------------------------------------------------------------------------------------- */

/* Characters that mean something to LaTeX, and those of the report that plain pdflatex has no
 * letter for. A bracket or a star at the start of a row would be an argument of the line's end
 * before it. */
static const struct {
  const char *from, *to;
} escapes[] = {{"\\", "\\textbackslash{}"},
               {"{", "\\{"},
               {"}", "\\}"},
               {"$", "\\$"},
               {"&", "\\&"},
               {"#", "\\#"},
               {"%", "\\%"},
               {"_", "\\_"},
               {"^", "\\textasciicircum{}"},
               {"~", "\\textasciitilde{}"},
               {"<", "\\textless{}"},
               {">", "\\textgreater{}"},
               {"|", "\\textbar{}"},
               {"`", "\\textasciigrave{}"},
               {"\"", "\\char34{}"}, /* \textquotedbl is in no font that plain LaTeX starts with */
               {"[", "{[}"},
               {"*", "{*}"},
               {"'", "\\textquotesingle{}"},
               {"@", "@{}"},
               {"—", "---"},
               {"…", "\\ldots{}"},
               {"≠", "$\\neq$"},
               {"−", "$-$"},
               {"×", "$\\times$"},
               {"·", "$\\cdot$"},
               {"∞", "$\\infty$"},
               {"±", "$\\pm$"},
               {"≤", "$\\leq$"},
               {"≥", "$\\geq$"},
               {"µ", "\\textmu{}"},
               {"\u00a0", "~"},
               {"–", "--"},
               {"→", "$\\rightarrow$"},
               {"‖", "$\\Vert$"}};

/* What a font of plain LaTeX has: ASCII, and Latin-1's letters but for the Icelandic ones. */
static bool has_letter(const unsigned char *c) {
  return *c < 0x80 || (*c == 0xc3 && !strchr("\x90\x97\x9e\xb0\xb7\xbe", c[1]));
}

static const char *escape_of(const char *text, size_t *length) {
  for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
    *length = strlen(escapes[i].from);
    if (!strncmp(text, escapes[i].from, *length)) return escapes[i].to;
  }
  return NULL;
}

/* Letters that pdflatex has no font for, as many as follow each other: \driftscopeother{4E2D
 * 6587}{…}. */
static size_t put_others(FILE *out, const char *text) {
  size_t length = 0, ignored;
  fputs("\\driftscopeother{", out);
  while (text[length] && !has_letter((const unsigned char *)text + length) &&
         !escape_of(text + length, &ignored)) {
    const unsigned char *c = (const unsigned char *)text + length;
    unsigned bytes = *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4, code = *c & (0x7fu >> bytes);
    for (unsigned i = 1; i < bytes; i++) code = code << 6 | (c[i] & 0x3fu);
    fprintf(out, "%s%04X", length ? " " : "", code);
    length += bytes;
  }
  fprintf(out, "}{%.*s}", (int)length, text);
  return length;
}

static size_t put_character(FILE *out, const char *text) {
  size_t length;
  const char *escape = escape_of(text, &length);
  if (escape) return fputs(escape, out), length;
  if (!has_letter((const unsigned char *)text)) return put_others(out, text);
  size_t bytes = (unsigned char)*text < 0x80 ? 1 : 2;
  fwrite(text, 1, bytes, out); /* latex_write asks for errors at the end */
  return bytes;
}

/* A number in scientific notation, 1.23e-04, as $1.23\times10^{-4}$; 0 where the text is no such
 * number. */
static size_t put_scientific(FILE *out, const char *text) {
  size_t sign = *text == '-', digits = strspn(text + sign, "0123456789."), at = sign + digits;
  if (!digits || text[at] != 'e' || !strchr("+-", text[at + 1])) return 0;
  size_t exponent = strspn(text + at + 2, "0123456789");
  if (!exponent) return 0;
  const char *first = text + at + 2;
  size_t zeros = strspn(first, "0");
  if (zeros == exponent) zeros--; /* of 1e+00 one stays */
  fprintf(out, "$%.*s\\times10^{%s%.*s}$", (int)at, text,
          text[at + 1] == '-' && first[zeros] != '0' ? "-" : "", (int)(exponent - zeros),
          first + zeros);
  return at + 2 + exponent;
}

static void put_text(FILE *out, const char *text) {
  bool word_start = true;
  while (*text) {
    size_t taken = word_start ? put_scientific(out, text) : 0;
    word_start = *text == ' ' || *text == '(';
    text += taken ? taken : put_character(out, text);
  }
}

/* --- tables ----------------------------------------------------------------------------------- */

static void put_inlines(FILE *out, cmark_node *parent) {
  for (cmark_node *node = cmark_node_first_child(parent); node; node = cmark_node_next(node)) {
    cmark_node_type type = cmark_node_get_type(node);
    const char *literal = cmark_node_get_literal(node);
    fputs(type == CMARK_NODE_CODE     ? "\\texttt{"
          : type == CMARK_NODE_STRONG ? "\\textbf{"
                                      : "",
          out);
    if (literal)
      put_text(out, literal);
    else
      put_inlines(out, node);
    fputs(type == CMARK_NODE_CODE || type == CMARK_NODE_STRONG ? "}" : "", out);
  }
}

static bool is_type(cmark_node *node, const char *name) {
  return !strcmp(cmark_node_get_type_string(node), name);
}

/* The heading that a table stands under and the paragraph right before it become its caption. */
static void put_table(Language l, FILE *out, cmark_node *table, cmark_node *heading) {
  int columns = cmark_gfm_extensions_get_table_columns(table);
  const uint8_t *align = cmark_gfm_extensions_get_table_alignments(table);
  cmark_node *before = cmark_node_previous(table);
  fputs("\\begin{table}[htbp]\n\\centering\n\\caption{", out);
  if (heading) put_inlines(out, heading);
  if (before && cmark_node_get_type(before) == CMARK_NODE_PARAGRAPH) {
    put_text(out, heading ? say(l, ". ") : "");
    put_inlines(out, before);
  }
  fputs("}\n\\begin{tabular}{", out);
  for (int c = 0; c < columns; c++) fputc(align[c] == 'r' || align[c] == 'c' ? align[c] : 'l', out);
  fputs("}\n\\toprule\n", out);
  for (cmark_node *row = cmark_node_first_child(table); row; row = cmark_node_next(row)) {
    for (cmark_node *cell = cmark_node_first_child(row); cell; cell = cmark_node_next(cell)) {
      put_inlines(out, cell);
      fputs(cmark_node_next(cell) ? " & " : " \\\\\n", out);
    }
    if (is_type(row, "table_header")) fputs("\\midrule\n", out);
  }
  fputs("\\bottomrule\n\\end{tabular}\n\\end{table}\n\n", out);
}

bool latex_write(Language l, FILE *out, const char *markdown, Status *st) {
  cmark_gfm_core_extensions_ensure_registered();
  cmark_parser *parser = cmark_parser_new(CMARK_OPT_VALIDATE_UTF8);
  cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension("table"));
  cmark_parser_feed(parser, markdown, strlen(markdown));
  cmark_node *document = cmark_parser_finish(parser), *heading = NULL;
  enum { HELD = 32 }; /* TeX gives up where 100 floats wait for a page */
  int written = 0;
  fputs(say(l, "% Tables of a driftscope report. In the preamble: \\usepackage{booktabs,textcomp}\n"
               "% Letters of other scripts: xelatex or lualatex, with a font that has them "
               "(Chinese: \\usepackage{ctex}); pdflatex shows their numbers.\n"),
        out);
  fputs("\\providecommand\\driftscopeother[2]{\\ifdefined\\Umathcode#2\\else U+#1\\fi}\n\n", out);
  for (cmark_node *node = cmark_node_first_child(document); node; node = cmark_node_next(node)) {
    if (cmark_node_get_type(node) == CMARK_NODE_HEADING) heading = node;
    if (!is_type(node, "table")) continue;
    if (written++ % HELD == HELD - 1) fputs("\\clearpage\n\n", out);
    put_table(l, out, node, heading);
  }
  cmark_node_free(document);
  cmark_parser_free(parser);
  return !ferror(out) || FAIL(st, "tables.tex: no memory for its text");
}
