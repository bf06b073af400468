#include "family/witness.h"

#include <string.h>

bool witness_check(const Mode *mode, int layer, const Trace *trace, Status *st) {
  const Family *family = mode->family;
  for (int id = 0; id < family->tensors.layer; id++) {
    const Tensor *t = &trace->t[id];
    const char *name = family->tensors.info[id].name;
    Type type;
    bool made = family->type(mode, id, &type);
    if (made != (t->data != NULL))
      return FAIL(st, "witness: mode %s, layer %d: %s is %s, against the mode's stages", mode->name, layer, name,
                  made ? "missing" : "there");
    if (!made) continue;
    if (t->type != type)
      return FAIL(st, "witness: mode %s, layer %d: %s is %s, the mode's stages say %s", mode->name, layer, name,
                  type_name(t->type), type_name(type));
    const char *want = family->kernel(mode, id);
    if (!want) continue;
    size_t length = strlen(want);
    if (!t->kernel || strncmp(t->kernel, want, length) != 0 || (t->kernel[length] && t->kernel[length] != ' '))
      return FAIL(st, "witness: mode %s, layer %d: %s was made by '%s', the mode's stages say '%s'", mode->name, layer,
                  name, t->kernel ? t->kernel : "no kernel", want);
  }
  return true;
}
