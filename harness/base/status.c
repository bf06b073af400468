#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/name.h"

void status_set(Status *st, const char *format, ...) {
  if (st->failed) return;
  st->failed = true;
  va_list args;
  va_start(args, format);
  vsnprintf(st->text, sizeof st->text, format, args);
  va_end(args);
  text_make_plain(st->text, "");
}

void status_lead(Status *st, const char *format, ...) {
  char said[sizeof st->text], lead[512];
  strcpy(said, st->text);
  va_list args;
  va_start(args, format);
  vsnprintf(lead, sizeof lead, format, args);
  va_end(args);
  snprintf(st->text, sizeof st->text, "%s%.*s", lead, (int)(sizeof st->text - strlen(lead) - 1),
           said);
  text_make_plain(st->text, "");
}
