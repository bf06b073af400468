#include "report/html.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/figures.h"
#include "report/language.h"

static const char style[] =
    ":root{color-scheme:light}"
    "body{margin:0 auto;max-width:62rem;padding:2rem 1.5rem 4rem;"
    "font:16px/1.55 'Helvetica Neue',Helvetica,Arial,'Noto Sans CJK SC','Noto Sans "
    "SC',sans-serif;color:#1b1b1b;background:#fff}"
    "h1{font-size:1.9rem;line-height:1.2;margin:0 0 1rem;border-bottom:3px solid #0072B2;"
    "padding-bottom:.5rem}"
    "h2{font-size:1.35rem;margin:2.6rem 0 .8rem;border-bottom:1px solid #d0d0d0;"
    "padding-bottom:.25rem}"
    "h3{font-size:1.1rem;margin:1.8rem 0 .6rem}"
    "h4{font-size:1rem;margin:1.4rem 0 .4rem;color:#444}"
    "blockquote{margin:1rem 0;padding:.4rem 1rem;border-left:4px solid #56B4E9;"
    "background:#f4f9fc}"
    "code{font:.88em/1.4 'DejaVu Sans Mono',Menlo,Consolas,monospace;background:#f3f3f3;"
    "border-radius:3px;padding:0 .25em}"
    "pre{background:#f6f6f6;border:1px solid #e2e2e2;border-radius:4px;padding:.8rem;"
    "overflow-x:auto}"
    "pre code{background:none;padding:0}"
    ".table{overflow-x:auto;margin:1rem 0}"
    "table{border-collapse:collapse;font-size:.86rem;font-variant-numeric:tabular-nums;"
    "border-top:2px solid #333;border-bottom:2px solid #333}"
    "th{border-bottom:1px solid #333;font-weight:600}"
    "th:not([style]){text-align:left}"
    "th,td{padding:.22rem .7rem;vertical-align:top}"
    "table:has(th:nth-child(7)){font-size:.76rem}"
    "table:has(th:nth-child(7)) :is(th,td){padding:.2rem .35rem}"
    "table:has(th:nth-child(10)){font-size:.7rem}"
    "table:has(th:nth-child(10)) :is(th,td){padding:.18rem .3rem}"
    "tbody tr:nth-child(even){background:#f7f9fb}"
    "td:first-child:nth-last-child(2){white-space:nowrap}"
    "table code{white-space:nowrap}"
    "th code,table:has(th:nth-child(8)) code{white-space:normal}"
    "thead:has(th:first-child:empty+th:last-child:empty)+tbody code{white-space:normal;"
    "overflow-wrap:anywhere}"
    "td[style]:not([style*=left]){white-space:nowrap}"
    "details{margin:1rem 0;border-left:3px solid #d0d0d0;padding-left:.8rem}"
    "summary{cursor:pointer;color:#0072B2}"
    "figure{margin:1.4rem 0}"
    "figure img{width:100%;height:auto;border:1px solid #e6e6e6}"
    "figcaption{font-size:.88rem;color:#444;margin-top:.3rem}"
    ":lang(zh) em{font-style:normal;font-weight:600}"
    ":lang(zh) :is(th,td){word-break:keep-all}"
    "a{color:#0072B2}"
    "@media (max-width:40rem){table:has(th:nth-child(4)){min-width:38rem}}"
    "@page{size:A4;margin:16mm 14mm}"
    "@media print{"
    "details::details-content{content-visibility:visible}"
    "body{max-width:none;padding:0;font-size:10.5pt}"
    "h2,h3,h4{break-after:avoid}"
    "figure,tr{break-inside:avoid}"
    "table{font-size:7.6pt}"
    "th,td{padding:.12rem .35rem}"
    "table code{white-space:normal;overflow-wrap:anywhere}"
    ".table{overflow:visible}"
    "pre{white-space:pre-wrap;font-size:6pt}"
    "}";

/* --- text and data ---------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *text) {
  for (; *text; text++) {
    const char *entity = *text == '<'   ? "&lt;"
                         : *text == '>' ? "&gt;"
                         : *text == '&' ? "&amp;"
                         : *text == '"' ? "&quot;"
                                        : NULL;
    if (entity)
      fputs(entity, out);
    else
      fputc(*text, out);
  }
}

static void put_base64(FILE *out, const unsigned char *byte, size_t count) {
  static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < count; i += 3) {
    size_t have = count - i < 3 ? count - i : 3;
    unsigned group = (unsigned)byte[i] << 16 | (have > 1 ? (unsigned)byte[i + 1] << 8 : 0) |
                     (have > 2 ? byte[i + 2] : 0);
    fputc(digit[group >> 18], out);
    fputc(digit[group >> 12 & 63], out);
    fputc(have > 1 ? digit[group >> 6 & 63] : '=', out);
    fputc(have > 2 ? digit[group & 63] : '=', out);
  }
}

/* The plain text below a node: what a heading or a caption says. In the arena. */
static const char *text_of(Arena *arena, cmark_node *node) {
  const char *text = "";
  for (cmark_node *child = cmark_node_first_child(node); child; child = cmark_node_next(child)) {
    const char *literal = cmark_node_get_literal(child);
    text = arena_printf(arena, "%s%s", text, literal ? literal : text_of(arena, child));
  }
  return text;
}

/* --- what the Markdown cannot say ------------------------------------------------------------- */

static bool replace(cmark_node *node, char *html) {
  cmark_node *block = cmark_node_new(CMARK_NODE_CUSTOM_BLOCK);
  bool done = cmark_node_set_on_enter(block, html) && cmark_node_replace(node, block);
  cmark_node_free(node);
  free(html);
  return done;
}

/* A paragraph that is one image becomes a figure with the image inside. */
static bool embed_figure(Language l, cmark_node *paragraph, const char *folder, Arena scratch,
                         Status *st) {
  cmark_node *image = cmark_node_first_child(paragraph);
  const char *url = cmark_node_get_url(image), *caption = text_of(&scratch, image),
             *data = cmark_node_get_title(image);
  char *html = NULL;
  size_t size = 0;
  Bytes svg;
  TRY(file_read(&scratch, arena_printf(&scratch, "%s/%s", folder, url), FIGURE_BYTES_MAX, &svg,
                st));
  FILE *out = open_memstream(&html, &size);
  if (!out) return FAIL(st, "%s/%s: no memory for the figure", folder, url);
  fputs("<figure><img alt=\"", out);
  put_text(out, caption);
  fputs("\" src=\"data:image/svg+xml;base64,", out);
  put_base64(out, (const unsigned char *)svg.data, svg.count);
  fputs("\"><figcaption>", out);
  put_text(out, caption);
  fputs(say(l, " Data: "), out);
  fputs("<a href=\"", out);
  put_text(out, data);
  fputs("\">", out);
  put_text(out, data);
  fputs("</a></figcaption></figure>\n", out);
  fclose(out);
  return replace(paragraph, html) || FAIL(st, "%s/%s: cannot be put into the page", folder, url);
}

static bool is_figure(cmark_node *node) {
  cmark_node *child = cmark_node_first_child(node);
  return cmark_node_get_type(node) == CMARK_NODE_PARAGRAPH && child && !cmark_node_next(child) &&
         cmark_node_get_type(child) == CMARK_NODE_IMAGE;
}

/* A table wider than the page scrolls by itself. */
static void wrap_table(cmark_node *table) {
  cmark_node *box = cmark_node_new(CMARK_NODE_CUSTOM_BLOCK);
  cmark_node_set_on_enter(box, "<div class=\"table\">");
  cmark_node_set_on_exit(box, "</div>");
  cmark_node_insert_before(table, box);
  cmark_node_append_child(box, table);
}

/* Raw HTML is left out of the page, but for the folds that the report itself makes (md_fold): text
 * from outside is escaped, and cannot make one. */
static bool keep_fold(cmark_node *node, Status *st) {
  static const char open[] = "<details><summary>", close[] = "</details>";
  const char *html = cmark_node_get_literal(node);
  if (strncmp(html, open, sizeof open - 1) && strncmp(html, close, sizeof close - 1)) return true;
  char *copy = strdup(html);
  return (copy && replace(node, copy)) || FAIL(st, "no memory for a fold of the page");
}

static bool prepare(Language l, cmark_node *document, const char *folder, Arena scratch,
                    Status *st) {
  for (cmark_node *node = cmark_node_first_child(document), *next; node; node = next) {
    next = cmark_node_next(node);
    if (is_figure(node))
      TRY(embed_figure(l, node, folder, scratch, st));
    else if (!strcmp(cmark_node_get_type_string(node), "table"))
      wrap_table(node);
    else if (cmark_node_get_type(node) == CMARK_NODE_HTML_BLOCK)
      TRY(keep_fold(node, st));
  }
  return true;
}

/* --- the page --------------------------------------------------------------------------------- */

/* No line ends between a number and its percent sign; code stays as it is. */
static void put_body(FILE *out, const char *body) {
  bool code = false;
  const char *from = body;
  for (const char *at = body; (at = strpbrk(at, "<%")); at++) {
    if (!strncmp(at, "<pre", 4)) code = true;
    if (!strncmp(at, "</pre", 5)) code = false;
    if (*at == '<' || code || at < from + 2 || at[-1] != ' ' || at[-2] < '0' || at[-2] > '9')
      continue;
    fwrite(from, 1, (size_t)(at - 1 - from), out);
    fputs("\u00a0", out);
    from = at;
  }
  fputs(from, out);
}

static bool write_page(Language l, FILE *out, cmark_node *document, cmark_parser *parser,
                       const char *folder, Arena scratch, Status *st) {
  cmark_node *first = cmark_node_first_child(document);
  const char *title = first && cmark_node_get_type(first) == CMARK_NODE_HEADING
                          ? text_of(&scratch, first)
                          : "driftscope";
  TRY(prepare(l, document, folder, scratch, st));
  char *body = cmark_render_html(document, CMARK_OPT_TABLE_PREFER_STYLE_ATTRIBUTES,
                                 cmark_parser_get_syntax_extensions(parser));
  if (!body) return FAIL(st, "%s: no memory for the page", folder);
  fprintf(out, "<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
          language_names[l]);
  fputs("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", out);
  put_text(out, title);
  fprintf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
  put_body(out, body);
  fputs("</body>\n</html>\n", out);
  free(body);
  return true;
}

bool html_write(Language l, FILE *out, const char *markdown, const char *folder, Arena scratch,
                Status *st) {
  cmark_gfm_core_extensions_ensure_registered();
  cmark_parser *parser = cmark_parser_new(CMARK_OPT_VALIDATE_UTF8);
  cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension("table"));
  cmark_parser_feed(parser, markdown, strlen(markdown));
  cmark_node *document = cmark_parser_finish(parser);
  bool done = write_page(l, out, document, parser, folder, scratch, st);
  cmark_node_free(document);
  cmark_parser_free(parser);
  return done;
}
