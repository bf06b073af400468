/* draw: gnuplot, without a shell, and never at the price of the report: a process that fails, dies,
 * hangs or is not there gives a reason in words. */
#ifndef DS_REPORT_DRAW_H
#define DS_REPORT_DRAW_H
#include <stdbool.h>

#include "base/arena.h"
#include "report/language.h"

/* Whether a program of this name stands on the path. */
bool draw_can(const char *program);
/* Runs gnuplot on FOLDER/script. NULL, or why it did not end well, in the arena. */
const char *draw_script(Language l, Arena *arena, const char *folder, const char *script);
/* Whether this file ends as a whole SVG does. */
bool draw_whole(const char *path);

#endif
