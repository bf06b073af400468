#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

void status_set(Status *st, const char *format, ...) {
  if (st->failed) return;
  st->failed = true;
  va_list args;
  va_start(args, format);
  vsnprintf(st->text, sizeof st->text, format, args);
  va_end(args);
  for (char *c = st->text; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127) *c = '?';
}
