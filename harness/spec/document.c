/* document: two passes over the text. The first looks at libyaml's events and refuses; the second
 * builds the tree. In the tree itself an alias is a shared node and a tag may be libyaml's own, so
 * neither could be told there any more. */
#include "spec/document.h"

#include <stdio.h>

static bool fail_at(Status *st, const char *path, yaml_mark_t mark, const char *what) {
  return FAIL(st, "%s:%zu:%zu: %s", path, mark.line + 1, mark.column + 1, what);
}

/* Line and column (in characters) of a byte of the text: libyaml's reader, which checks the
 * encoding, counts bytes only. */
static yaml_mark_t mark_of_byte(const char *text, size_t at) {
  yaml_mark_t mark = {.index = at};
  for (size_t i = 0; i < at; i++) {
    if (text[i] == '\n')
      mark.line++, mark.column = 0;
    else if (((unsigned char)text[i] & 0xC0) != 0x80)
      mark.column++;
  }
  return mark;
}

/* Whether a tab stands among the blanks that a line begins with, which libyaml calls a character
 * that starts no token. */
static bool indented_by_tab(const char *text, size_t count, size_t line) {
  size_t at = 0;
  for (; line && at < count; at++) line -= text[at] == '\n';
  while (at < count && text[at] == ' ') at++;
  return at < count && text[at] == '\t';
}

static bool fail_yaml(const yaml_parser_t *parser, const char *path, const char *text, size_t count,
                      Status *st) {
  if (parser->error == YAML_MEMORY_ERROR || !parser->problem)
    return FAIL(st, "%s: no memory left to read it", path);
  if (parser->error == YAML_READER_ERROR) {
    yaml_mark_t mark =
        mark_of_byte(text, parser->problem_offset < count ? parser->problem_offset : count);
    return FAIL(st, "%s:%zu:%zu: not text in UTF-8: %s", path, mark.line + 1, mark.column + 1,
                parser->problem);
  }
  const yaml_mark_t mark = parser->problem_mark, from = parser->context_mark;
  if (indented_by_tab(text, count, mark.line))
    return fail_at(st, path, mark,
                   "not valid YAML: a tab indents this line, where only spaces may");
  char begun[64] = "";
  if (parser->context && from.line != mark.line)
    snprintf(begun, sizeof begun, " that begins at %zu:%zu", from.line + 1, from.column + 1);
  return FAIL(st, "%s:%zu:%zu: not valid YAML: %s%s%s%s", path, mark.line + 1, mark.column + 1,
              parser->problem, parser->context ? ", " : "", parser->context ? parser->context : "",
              begun);
}

static void parser_begin(yaml_parser_t *parser, const char *text, size_t count) {
  yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(parser, (const unsigned char *)text, count);
}

/* What one event says against the document; keeps count of the depth and of the documents. */
static bool event_check(const yaml_event_t *event, int *depth, int *documents, const char *path,
                        Status *st) {
  const unsigned char *anchor = NULL, *tag = NULL;
  switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
      if (++*documents > 1)
        return fail_at(st, path, event->start_mark, "a second document: a spec is one");
      break;
    case YAML_ALIAS_EVENT:
      return fail_at(st, path, event->start_mark, "an alias (*name): write out what it stands for");
    case YAML_SCALAR_EVENT: anchor = event->data.scalar.anchor, tag = event->data.scalar.tag; break;
    case YAML_SEQUENCE_START_EVENT:
      anchor = event->data.sequence_start.anchor, tag = event->data.sequence_start.tag, ++*depth;
      break;
    case YAML_MAPPING_START_EVENT:
      anchor = event->data.mapping_start.anchor, tag = event->data.mapping_start.tag, ++*depth;
      break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: --*depth; break;
    default: break;
  }
  if (anchor)
    return fail_at(st, path, event->start_mark,
                   "an anchor (&name): a spec has no aliases, so it is of no use");
  if (tag)
    return fail_at(st, path, event->start_mark,
                   "a tag (!name): each key has one type, leave the tag out");
  if (*depth > DOCUMENT_DEPTH_MAX)
    return fail_at(st, path, event->start_mark, "nested deeper than 16 levels");
  return true;
}

static bool events_check(yaml_parser_t *parser, const char *path, const char *text, size_t count,
                         Status *st) {
  int depth = 0, documents = 0;
  for (bool more = true; more;) {
    yaml_event_t event;
    if (!yaml_parser_parse(parser, &event)) return fail_yaml(parser, path, text, count, st);
    more = event.type != YAML_STREAM_END_EVENT;
    bool accepted = event_check(&event, &depth, &documents, path, st);
    yaml_event_delete(&event);
    if (!accepted) return false;
  }
  return documents == 1 || FAIL(st, "%s: holds no spec: %s", path,
                                count ? "no key stands in it" : "the file is empty");
}

bool document_load(yaml_document_t *document, const char *path, const char *text, size_t count,
                   Status *st) {
  if (count > DOCUMENT_BYTES_MAX)
    return FAIL(st, "%s: has %zu bytes, more than the 1 MiB of a spec", path, count);
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser)) return FAIL(st, "%s: no memory left to read it", path);
  parser_begin(&parser, text, count);
  bool accepted = events_check(&parser, path, text, count, st);
  yaml_parser_delete(&parser);
  if (!accepted) return false;

  if (!yaml_parser_initialize(&parser)) return FAIL(st, "%s: no memory left to read it", path);
  parser_begin(&parser, text, count);
  bool loaded = yaml_parser_load(&parser, document) || fail_yaml(&parser, path, text, count, st);
  yaml_parser_delete(&parser);
  return loaded;
}
