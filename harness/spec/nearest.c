/* nearest: edit distance with insertions, deletions, substitutions and swaps of neighbours (optimal
 * string alignment); letters of either case count as equal. */
#include "spec/nearest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Longer than any valid word, of which a name may be the longest (NAME_BYTES_MAX); what is longer
 * is near nothing. */
enum { LONGEST = 40 };

static int smaller(int a, int b) { return a < b ? a : b; }

static int edit_distance(const char *a, const char *b) {
  int rows = (int)strlen(a), cols = (int)strlen(b);
  int d[LONGEST + 1][LONGEST + 1];
  for (int i = 0; i <= rows; i++) d[i][0] = i;
  for (int j = 0; j <= cols; j++) d[0][j] = j;
  for (int i = 1; i <= rows; i++)
    for (int j = 1; j <= cols; j++) {
      int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
      d[i][j] = smaller(smaller(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (x != y));
      if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
          y == tolower((unsigned char)a[i - 2]))
        d[i][j] = smaller(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[rows][cols];
}

/* One slip for each three letters: further off, and for words of one or two letters, a proposal
 * would be a guess. */
Nearest nearest_to(const char *word) {
  size_t length = strlen(word);
  return (Nearest){.word = word, .distance = length > LONGEST ? 0 : (int)(length / 3) + 1};
}

void nearest_offer(Nearest *near, const char *candidate) {
  size_t length = strlen(candidate), wanted = strlen(near->word);
  if (length > LONGEST || wanted > LONGEST ||
      llabs((long long)length - (long long)wanted) >= near->distance)
    return;
  int distance = edit_distance(near->word, candidate);
  if (distance < near->distance) *near = (Nearest){near->word, candidate, distance};
}
