/* retold: what the program itself said in English when it ran (a title, a question, a sentence in
 * the results file), told again in the report's language. */
#ifndef DS_REPORT_RETOLD_H
#define DS_REPORT_RETOLD_H
#include "base/arena.h"
#include "report/language.h"

/* A sentence that was made by one of these templates of %s; as it is where it was by none. In the
 * arena. */
const char *retold(Language l, Arena *arena, const char *sentence, const char *const *templates,
                   size_t count);
/* What a command calls a spec that nobody wrote ("2-0 against 2-4"), and asks in it, likewise; what
 * somebody wrote is as it is. */
const char *retold_title(Language l, Arena *arena, const char *title);
const char *retold_question(Language l, const char *question);
#endif
