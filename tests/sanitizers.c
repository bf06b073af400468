/* What the sanitizers are told of the tests: Criterion does not free the words of a skipped one. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libcriterion"; }
