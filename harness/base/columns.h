/* columns: how wide a text is on a terminal or in a table of plain text. */
#ifndef DS_BASE_COLUMNS_H
#define DS_BASE_COLUMNS_H

/* Columns, not bytes: UTF-8 continuation bytes take none, Chinese letters and marks (from U+3000 on) two. */
int columns_of(const char *text);

#endif
