/* mode: what holds of every family's stages and presets. */
#include "family/mode.h"

#include <stdio.h>
#include <string.h>

#include "family/family.h"

const char *mode_setting_name(const Mode *mode, int stage) {
  return mode->family->stage[stage].values[mode->setting[stage]];
}

const Mode *mode_preset(const char *name) {
  for (const Family *const *family = families; *family; family++)
    for (int i = 0; i < (*family)->presets; i++)
      if (!strcmp((*family)->preset[i].name, name)) return &(*family)->preset[i];
  return NULL;
}

const char *mode_reserved_name(int i) {
  static const char *const always[] = {MODE_REFERENCE, "token", "token_id"};
  enum { ALWAYS = sizeof always / sizeof *always };
  if (i < ALWAYS) return always[i];
  i -= ALWAYS;
  for (const Family *const *family = families; *family; family++) {
    int widths = (*family)->tensors.dims - 1; /* the tokens are told */
    if (i < widths) return (*family)->tensors.dim[1 + i];
    i -= widths;
  }
  return NULL;
}

bool mode_name_reserved(const char *name) {
  for (int i = 0; mode_reserved_name(i); i++)
    if (!strcmp(mode_reserved_name(i), name)) return true;
  return false;
}

bool mode_equal(const Mode *a, const Mode *b) { return a->family == b->family && !mode_differing(a, b); }

unsigned mode_differing(const Mode *a, const Mode *b) {
  unsigned stages = 0;
  for (int i = 0; i < STAGES_MOST; i++)
    if (a->setting[i] != b->setting[i]) stages |= 1u << i;
  return stages;
}

void mode_stage_names(const Family *family, unsigned stages, const char *between, char *to, size_t size) {
  size_t at = 0;
  to[0] = 0;
  for (int i = 0; i < family->stages; i++)
    if (stages >> i & 1 && at < size)
      at += (size_t)snprintf(to + at, size - at, "%s%s", at ? between : "", family->stage[i].key);
}

Mode mode_mixed(const Mode *a, const Mode *b, unsigned stages) {
  Mode mixed = *a;
  for (int i = 0; i < STAGES_MOST; i++)
    if (stages >> i & 1) mixed.setting[i] = b->setting[i];
  return mixed;
}

unsigned mode_least_swap(const Mode *a, const Mode *b, unsigned stages) {
  unsigned all = mode_differing(a, b), least = all;
  for (unsigned set = 1; set <= all; set++) {
    if ((set & ~all) || (stages & ~set) || __builtin_popcount(set) >= __builtin_popcount(least)) continue;
    Mode mixed = mode_mixed(a, b, set);
    Status why = {0};
    if (mode_check(&mixed, &why)) least = set;
  }
  return least;
}

bool mode_check(const Mode *mode, Status *st) { return mode->family->mode_check(mode, st); }

int mode_finer_stage(const Mode *mode) {
  const Family *family = mode->family;
  for (int i = 0; i < family->stages; i++) {
    bool known = false;
    for (int p = 0; p < family->presets; p++) known |= family->preset[p].setting[i] == mode->setting[i];
    if (!known) return i;
  }
  return ABSENT;
}

bool mode_needs_scales(const Mode *mode) { return mode->family->mode_needs_scales(mode); }
