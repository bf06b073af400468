/* mode: what holds of every family's stages and presets, and of modes that differ by layer. */
#include "family/mode.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "family/family.h"

const char *mode_setting_name(const Mode *mode, int stage) {
  assert(!mode->parts);
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

/* --- by layer --------------------------------------------------------------------------------- */

static int part_at(const Mode *mode, int layer) {
  int i = 0;
  while (i < mode->parts - 1 && mode->part[i].last < layer) i++;
  return i;
}

const Mode *mode_in(const Mode *mode, int layer) {
  return mode->parts ? &mode->part[part_at(mode, layer)].mode : mode;
}

/* The last layer of those that run as this one does. */
static int last_like(const Mode *mode, int layer) {
  return mode->parts ? mode->part[part_at(mode, layer)].last : MODE_ON;
}

int mode_next(const Mode *mode, int layer) {
  const int last = last_like(mode, layer);
  return last < MODE_ON ? last + 1 : ABSENT;
}

Mode mode_by_layer(Arena *arena, const Mode *mode, const Mode *const in[LAYERS_MOST + 1]) {
  int parts = 1;
  for (int layer = 1; layer <= LAYERS_MOST; layer++) parts += !mode_equal(in[layer], in[layer - 1]);
  ModePart *part = ARENA_NEW(arena, ModePart, parts);
  parts = 0;
  for (int layer = 0; layer <= LAYERS_MOST; layer++) {
    if (layer > 0 && mode_equal(in[layer], in[layer - 1])) continue;
    if (parts) part[parts - 1].last = layer - 1;
    part[parts] = (ModePart){layer, MODE_ON, *in[layer]};
    memcpy(part[parts++].mode.name, mode->name, sizeof mode->name);
  }
  Mode made = part[parts - 1].mode;
  if (parts > 1) made.part = part, made.parts = parts;
  return made;
}

Mode mode_set(Arena *arena, const Mode *mode, const Mode *from, unsigned stages) {
  Mode *set = ARENA_NEW(arena, Mode, mode->parts + 1);
  const Mode *in[LAYERS_MOST + 1];
  int parts = 0;
  for (int layer = 0; layer <= LAYERS_MOST; layer++) {
    const Mode *as_is = mode_in(mode, layer);
    if (layer == 0 || as_is != mode_in(mode, layer - 1))
      set[parts++] = mode_mixed(as_is, from, stages);
    in[layer] = &set[parts - 1];
  }
  return mode_by_layer(arena, mode, in);
}

bool mode_equal_in(const Mode *a, const Mode *b, int layers) {
  for (int layer = 0; layer < layers; layer++)
    if (!mode_equal(mode_in(a, layer), mode_in(b, layer))) return false;
  return true;
}

bool mode_needs_scales(const Mode *mode) {
  bool needs = false;
  for (int layer = 0; layer != ABSENT; layer = mode_next(mode, layer))
    needs |= mode->family->mode_needs_scales(mode_in(mode, layer));
  return needs;
}

/* --- of one layer ----------------------------------------------------------------------------- */

static unsigned settings_differing(const Mode *a, const Mode *b) {
  unsigned stages = 0;
  for (int i = 0; i < STAGES_MOST; i++)
    if (a->setting[i] != b->setting[i]) stages |= 1u << i;
  return stages;
}

/* Parts are of the longest stretches, so equal modes have equal ones. */
bool mode_equal(const Mode *a, const Mode *b) {
  bool equal = a->family == b->family && a->parts == b->parts && !settings_differing(a, b);
  for (int i = 0; equal && i < a->parts; i++)
    equal = a->part[i].last == b->part[i].last &&
            !settings_differing(&a->part[i].mode, &b->part[i].mode);
  return equal;
}

unsigned mode_differing(const Mode *a, const Mode *b) {
  assert(!a->parts && !b->parts);
  return settings_differing(a, b);
}

void mode_stage_names(const Family *family, unsigned stages, const char *between, char *to,
                      size_t size) {
  size_t at = 0;
  to[0] = 0;
  for (int i = 0; i < family->stages; i++)
    if (stages >> i & 1 && at < size)
      at += (size_t)snprintf(to + at, size - at, "%s%s", at ? between : "", family->stage[i].key);
}

Mode mode_mixed(const Mode *a, const Mode *b, unsigned stages) {
  assert(!a->parts);
  Mode mixed = *a;
  for (int i = 0; i < STAGES_MOST; i++)
    if (stages >> i & 1) mixed.setting[i] = b->setting[i];
  return mixed;
}

unsigned mode_least_swap(const Mode *a, const Mode *b, unsigned stages) {
  unsigned all = mode_differing(a, b), least = all;
  for (unsigned set = 1; set <= all; set++) {
    if ((set & ~all) || (stages & ~set) || __builtin_popcount(set) >= __builtin_popcount(least))
      continue;
    Mode mixed = mode_mixed(a, b, set);
    Status why = {0};
    if (mode_check(&mixed, &why)) least = set;
  }
  return least;
}

bool mode_check(const Mode *mode, Status *st) {
  assert(!mode->parts);
  return mode->family->mode_check(mode, st);
}

int mode_finer_stage(const Mode *mode) {
  assert(!mode->parts);
  const Family *family = mode->family;
  for (int i = 0; i < family->stages; i++) {
    bool known = false;
    for (int p = 0; p < family->presets; p++)
      known |= family->preset[p].setting[i] == mode->setting[i];
    if (!known) return i;
  }
  return ABSENT;
}
