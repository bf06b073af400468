/* folder: where a test makes its files: a new folder under $TMPDIR, or under /tmp. */
#ifndef DS_TESTS_FOLDER_H
#define DS_TESTS_FOLDER_H
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDER_NAME = 64, FOLDER_UNDER = 40 };

static inline void folder_make(char name[FOLDER_NAME]) {
  const char *under = getenv("TMPDIR");
  if (!under || !*under || strlen(under) > FOLDER_UNDER) under = "/tmp";
  snprintf(name, FOLDER_NAME, "%.*s/driftscope-test-XXXXXX", FOLDER_UNDER, under);
  cr_assert_not_null(mkdtemp(name), "%s cannot be made", name);
}
#endif
