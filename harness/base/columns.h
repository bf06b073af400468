/* columns: how wide a text is on a terminal or in a table of plain text. */
#ifndef DS_BASE_COLUMNS_H
#define DS_BASE_COLUMNS_H

/* Columns, not bytes: wide characters (East Asian, emoji) take two, marks that stand on the
 * character before them and control characters none. */
int columns_of(const char *text);

#endif
