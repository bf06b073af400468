/* Input: a spec; and as an effective one, of which a results file's reader takes two keys. What is
 * accepted prints as a text that is accepted, prints the same and means the same. */
#include "spec/spec.h"

#include <string.h>

#include "fuzz.h"

static Spec *read_spec(Arena *arena, const char *text, size_t count, Status *st) {
  Spec *spec = ARENA_NEW(arena, Spec, 1);
  return spec_parse(arena, "s.yaml", text, count, spec, st) ? spec : NULL;
}

/* Once more from its own print, which is longer than the text: every default stands in it. */
static void print_and_read(Arena *arena, const Spec *spec) {
  Status st = {0};
  const char *one = spec_print(arena, spec);
  const Spec *again = read_spec(arena, one, strlen(one), &st);
  FUZZ_CHECK(again, "what is printed is refused: %s\n%s", st.text, one);
  const char *two = spec_print(arena, again);
  FUZZ_CHECK(!strcmp(one, two), "printed\n%sand then\n%s", one, two);
  FUZZ_CHECK(spec->prompt_count == again->prompt_count && spec->mode_count == again->mode_count,
             "other prompts or modes");
}

static void check_layers(const Spec *spec, int layers) {
  Status st = {0};
  if (!spec_check_layers(spec, layers, &st)) fuzz_refused(&st, "s.yaml:");
}

bool fuzz_spec(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, (size_t)1 << 26); /* 4,096 windows, 256 modes of 1,024 layers */
  Status st = {0};
  char *text = fuzz_ended((Bytes){(const char *)data, count});
  const Spec *spec = read_spec(&arena, text, count, &st);
  if (spec) {
    print_and_read(&arena, spec);
    check_layers(spec, 1);
    check_layers(spec, LAYERS_MOST);
  } else {
    fuzz_refused(&st, "s.yaml:");
  }
  spec_drift(text, arena);
  spec_events(text, arena);
  free(text);
  return spec != NULL;
}
