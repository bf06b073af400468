#include "family/witness.h"

#include <string.h>

bool witness_check(const Mode *mode, int layer, const Trace *trace, Status *st) {
  const Family *family = trace->family;
  for (int id = 0; id < family->tensors.layer; id++) {
    const Tensor *t = &trace->t[id];
    const char *name = family->tensors.info[id].name;
    Format format;
    bool made = family->format(mode, id, &format);
    if (made != tensor_is_made(t))
      return FAIL(st, "witness: mode %s, layer %d: %s is %s, against the mode's stages", mode->name,
                  layer, name, made ? "missing" : "there");
    if (!made) continue;
    if (t->format != format)
      return FAIL(st, "witness: mode %s, layer %d: %s is %s, the mode's stages say %s", mode->name,
                  layer, name, format_name(t->format), format_name(format));
    const char *want = family->kernel(mode, id);
    if (!want) continue;
    size_t length = strlen(want);
    if (!t->kernel || strncmp(t->kernel, want, length) != 0 ||
        (t->kernel[length] && t->kernel[length] != ' '))
      return FAIL(st, "witness: mode %s, layer %d: %s was made by '%s', the mode's stages say '%s'",
                  mode->name, layer, name, t->kernel ? t->kernel : "no kernel", want);
  }
  return true;
}
