/* number: whole numbers in text that somebody else wrote, and in sentences. */
#ifndef DS_BASE_NUMBER_H
#define DS_BASE_NUMBER_H
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* The one that the text begins with; 0 where there is none from 1 to `most`. */
static inline int number_in(const char *text, int most) {
  errno = 0;
  const long number = strtol(text, NULL, 10);
  return errno || number < 1 || number > most ? 0 : (int)number;
}
/* What an English noun ends in behind this number: "1 layer", "2 layers". */
static inline const char *plural(int64_t count) { return count == 1 ? "" : "s"; }
#endif
