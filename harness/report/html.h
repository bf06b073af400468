/* html: the report as one page that opens offline, prints well and needs no script: the Markdown
 * report, rendered by cmark-gfm, which escapes everything and passes no raw HTML on, with the
 * figures inside as data. */
#ifndef DS_REPORT_HTML_H
#define DS_REPORT_HTML_H
#include <stdio.h>

#include "base/arena.h"
#include "base/status.h"
#include "report/language.h"

/* `markdown` is the report's text, `folder` the one its figures' addresses start from. */
bool html_write(Language l, FILE *out, const char *markdown, const char *folder, Arena scratch,
                Status *st);

#endif
