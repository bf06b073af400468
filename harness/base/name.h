/* name: what a mode or a prompt may be called. A name is a group's name in the results file, a
 * file's name in the journal, a cell of tables and a label of figures. */
#ifndef DS_BASE_NAME_H
#define DS_BASE_NAME_H
#include <stdbool.h>
#include <stdint.h>

/* What a text column of the results file's tables holds before its end (measure/tables/table.h,
 * TEXT_NAME). */
enum { NAME_BYTES_MAX = 39 };

/* 1 to NAME_BYTES_MAX bytes of UTF-8 without '/' and control characters; "." and ".." are none,
 * since in a path they are no names. */
bool name_valid(const char *name);
/* What no text may hold that is shown, bytes of no UTF-8 and control characters but those of
 * `kept`, becomes '?'. */
void text_make_plain(char *text, const char *kept);
bool text_ends(const char *text, const char *end);
const char *text_last_part(const char *text); /* behind its last dot */
/* The character at `text` and its bytes, at least 1; what is no UTF-8 is one byte of U+FFFD. */
int name_character(const char *text, uint32_t *character);
#endif
