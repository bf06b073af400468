/* own_modes: the modes that a spec defines. One may be built on another that stands before or
 * behind it, and take from others what it runs in some layers. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "family/family.h"
#include "spec/document.h"
#include "spec/nearest.h"
#include "spec/reader.h"
#include "spec/spec.h"

/* The own modes of a spec on their way. */
typedef struct OwnModes {
  const Object *object;
  const yaml_node_pair_t *pair;
  const char *label;
  OwnMode *own;
  int count;
  enum { MODE_UNREAD, MODE_BEGUN, MODE_READ } * state;
  int *on; /* [own] the one that it is built on and waits for, of those begun */
} OwnModes;

static int own_index(const OwnModes *modes, const char *name) {
  for (int i = 0; i < modes->count; i++)
    if (!strcmp(modes->own[i].mode.name, name)) return i;
  return -1;
}

/* 'a' (line 3) on 'b' (line 4) on 'a' */
static bool fail_circle(Reader *reader, const OwnModes *modes, int first, const Place *place) {
  const char *circle = "";
  int i = first;
  do {
    size_t line = reader_node(reader, modes->pair[i].key)->start_mark.line + 1;
    circle =
        arena_printf(reader->arena, "%s'%s' (line %zu) on ", circle, modes->own[i].mode.name, line);
    i = modes->on[i];
  } while (i != first);
  return reader_fail(reader, place, "a circle of modes that are built on each other: %s'%s'",
                     circle, modes->own[first].mode.name);
}

static bool fail_unknown(Reader *reader, const OwnModes *modes, const char *name,
                         const Place *place) {
  Nearest near = nearest_to(name);
  const char *list = "";
  for (int i = 0; i < families[0]->presets + modes->count; i++) {
    const int own = i - families[0]->presets;
    const char *known = own < 0 ? families[0]->preset[i].name : modes->own[own].mode.name;
    nearest_offer(&near, known);
    list = arena_printf(reader->arena, "%s%s%s", list, i ? ", " : "", known);
  }
  if (near.best)
    return reader_fail(reader, place, "expected one of %s, found '%.100s'; did you mean '%s'?",
                       list, name, near.best);
  return reader_fail(reader, place, "expected one of %s, found '%.100s'", list, name);
}

static bool read_mode(Reader *reader, OwnModes *modes, int i);

/* The mode of this name, which mode i is built on: a preset, or an own mode that is read before
 * it. */
static bool find_mode(Reader *reader, OwnModes *modes, int i, const char *name, const Place *place,
                      const Mode **found) {
  *found = mode_preset(name);
  if (*found) return true;
  const int other = own_index(modes, name);
  if (other < 0) return fail_unknown(reader, modes, name, place);
  modes->on[i] = other;
  if (modes->state[other] == MODE_BEGUN) return fail_circle(reader, modes, other, place);
  TRY(read_mode(reader, modes, other));
  *found = &modes->own[other].mode;
  return true;
}

/* The stages of the family that a mapping sets. */
static unsigned stages_of(Reader *reader, yaml_node_t *node) {
  unsigned stages = 0;
  for (int s = 0; s < families[0]->stages; s++)
    if (reader_find_key(reader, node, families[0]->stage[s].key)) stages |= 1u << s;
  return stages;
}

/* --- layers ----------------------------------------------------------------------------------- */

/* A number without sign and leading zeros, below LAYERS_MOST; NULL where there is none. */
static const char *skip_layer(const char *text, int *layer) {
  char *end;
  if (!isdigit((unsigned char)*text) || (*text == '0' && isdigit((unsigned char)text[1])))
    return NULL;
  unsigned long number = strtoul(text, &end, 10);
  *layer = (int)number;
  return number < LAYERS_MOST ? end : NULL;
}

static bool read_range(Reader *reader, const char *text, OwnLayers *layers) {
  const Place *place = reader_place(reader, layers, NULL);
  const char *end = skip_layer(text, &layers->first);
  layers->last = layers->first;
  if (end && *end == '-') end = skip_layer(end + 1, &layers->last);
  if (!end || *end)
    return reader_fail(
        reader, place,
        "expected a layer or a range of them up to %d, such as 17 or 0-3, found '%.100s'",
        LAYERS_MOST - 1, text);
  if (layers->first > layers->last)
    return reader_fail(reader, place, "the range %s ends before it begins; did you mean %d-%d?",
                       text, layers->last, layers->first);
  return true;
}

/* No layer may stand in two of them. */
static bool check_overlap(Reader *reader, const OwnLayers *layers, int count) {
  const OwnLayers *taken[LAYERS_MOST] = {0};
  for (int i = 0; i < count; i++)
    for (int layer = layers[i].first; layer <= layers[i].last; layer++) {
      if (taken[layer])
        return reader_fail(reader, reader_place(reader, &layers[i], NULL),
                           "layer %d stands twice, first in line %zu", layer,
                           reader_place(reader, taken[layer], NULL)->mark.line + 1);
      taken[layer] = &layers[i];
    }
  return true;
}

/* A mode's name, or stages in place of the base's. */
static bool read_setting(Reader *reader, yaml_node_t *node, const char *label, OwnLayers *layers) {
  static const Key name = {
      .key = "mode", .kind = KIND_MODE_NAME, .offset = offsetof(OwnLayers, mode)};
  if (node->type == YAML_MAPPING_NODE) {
    const Place here = {.label = label, .mark = node->start_mark};
    TRY(reader_object(reader, schema_own_layers(reader->arena), node, label, layers));
    layers->stages = stages_of(reader, node);
    return layers->stages || reader_fail(reader, &here, "sets no stage");
  }
  return node->type == YAML_SCALAR_NODE ? reader_value(reader, &name, node, label, layers)
                                        : reader_fail_expected(reader, &name, node, label);
}

bool reader_layers(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                   void *owner) {
  const yaml_node_pair_t *pair = node->data.mapping.pairs.start,
                         *end = node->data.mapping.pairs.top;
  const int count = (int)(end - pair);
  const Place here = {.label = label, .mark = node->start_mark};
  if (!count) return reader_fail(reader, &here, "names no layer");
  OwnLayers *layers = ARENA_NEW(reader->arena, OwnLayers, count);
  for (int i = 0; i < count; i++) {
    const yaml_node_t *range = reader_node(reader, pair[i].key);
    const char *text = reader_key_text(reader, range);
    if (!text) return false;
    reader_note(reader, &layers[i], NULL, label, range);
    TRY(read_range(reader, text, &layers[i]));
    TRY(check_overlap(reader, layers, i + 1));
    TRY(read_setting(reader, reader_node(reader, pair[i].value), label, &layers[i]));
  }
  *(OwnLayers **)((char *)owner + key->offset) = layers;
  *(int *)((char *)owner + key->count_offset) = count;
  return true;
}

/* What the own mode, as far as it is made, is in one of its layers: another mode, or itself with
 * other stages. `before` is what it is in the layer before, of the same range; else NULL. */
static const Mode *laid_in(Reader *reader, const OwnMode *own, const OwnLayers *layers,
                           const Mode *other, int layer, const Mode *before) {
  const Mode *as_is = mode_in(&own->mode, layer);
  if (other) return mode_in(other, layer);
  if (before && as_is == mode_in(&own->mode, layer - 1)) return before;
  Mode *set = ARENA_NEW(reader->arena, Mode, 1);
  *set = mode_mixed(as_is, &layers->set, layers->stages);
  return set;
}

static bool lay(Reader *reader, OwnModes *modes, int i) {
  OwnMode *own = &modes->own[i];
  const Mode *in[LAYERS_MOST + 1];
  for (int layer = 0; layer <= LAYERS_MOST; layer++) in[layer] = mode_in(&own->mode, layer);
  for (int l = 0; l < own->layer_count; l++) {
    const OwnLayers *layers = &own->layers[l];
    const Mode *other = NULL;
    if (layers->mode)
      TRY(find_mode(reader, modes, i, layers->mode, reader_place(reader, layers, "mode"), &other));
    for (int layer = layers->first; layer <= layers->last; layer++)
      in[layer] =
          laid_in(reader, own, layers, other, layer, layer > layers->first ? in[layer - 1] : NULL);
  }
  own->mode = mode_by_layer(reader->arena, &own->mode, in);
  return true;
}

/* --- a mode ----------------------------------------------------------------------------------- */

static bool read_mode(Reader *reader, OwnModes *modes, int i) {
  OwnMode *own = &modes->own[i];
  yaml_node_t *node = reader_node(reader, modes->pair[i].value);
  const char *name = arena_printf(reader->arena, "%s", own->mode.name);
  if (modes->state[i] == MODE_READ) return true;
  modes->state[i] = MODE_BEGUN;
  const yaml_node_pair_t *pair =
      node->type == YAML_MAPPING_NODE ? reader_find_key(reader, node, "base") : NULL;
  const yaml_node_t *base = pair ? reader_node(reader, pair->value) : NULL;
  if (base && base->type == YAML_SCALAR_NODE) {
    const Place place = {.label = "base", .mark = base->start_mark};
    const Mode *on;
    TRY(find_mode(reader, modes, i, document_text(base), &place, &on));
    own->mode = *on;
  }
  TRY(reader_object(reader, modes->object, node, modes->label, own));
  strcpy(own->mode.name, name); /* the base's settings came with the base's name */
  own->mode = mode_set(reader->arena, &own->mode, &own->mode, stages_of(reader, node));
  TRY(lay(reader, modes, i));
  modes->state[i] = MODE_READ;
  return true;
}

static bool read_name(Reader *reader, const yaml_node_t *node, const char *label, OwnMode *own) {
  const char *name;
  TRY(reader_name(reader, node, label, own, &name));
  strcpy(own->mode.name, name);
  return true;
}

bool reader_modes(Reader *reader, const Key *key, yaml_node_t *node, const char *label,
                  void *owner) {
  const yaml_node_pair_t *pairs = node->data.mapping.pairs.start,
                         *end = node->data.mapping.pairs.top;
  const Place here = {.label = label, .mark = node->start_mark};
  if (end - pairs > key->max)
    return reader_fail(reader, &here, "defines more than %d modes", (int)key->max);
  const int count = (int)(end - pairs);
  OwnModes modes = {schema_own_mode(reader->arena),
                    pairs,
                    label,
                    ARENA_NEW(reader->arena, OwnMode, count),
                    count,
                    arena_alloc(reader->arena, (size_t)count, sizeof *modes.state),
                    ARENA_NEW(reader->arena, int, count)};
  for (int i = 0; i < count; i++) {
    TRY(read_name(reader, reader_node(reader, pairs[i].key), label, &modes.own[i]));
    TRY(reader_check_twice(reader, node, &pairs[i], modes.own[i].mode.name));
  }
  for (int i = 0; i < count; i++) TRY(read_mode(reader, &modes, i));
  *(OwnMode **)((char *)owner + key->offset) = modes.own;
  *(int *)((char *)owner + key->count_offset) = count;
  return true;
}

/* --- what they mean --------------------------------------------------------------------------- */

/* "", or ", layers 0 to 3", of the layers from this one on that a mode runs alike. */
static const char *layers_words(Arena *arena, const Mode *mode, int first) {
  const int next = mode_next(mode, first);
  if (!mode->parts) return "";
  if (next == ABSENT) return arena_printf(arena, ", layers from %d on", first);
  if (next == first + 1) return arena_printf(arena, ", layer %d", first);
  return arena_printf(arena, ", layers %d to %d", first, next - 1);
}

/* The settings of a mode in this layer, and those behind it that run alike. */
static bool check_stages(const Reader *reader, const OwnMode *own, int layer) {
  const Place *place = reader_place(reader, own, NULL);
  Status why = {0};
  if (mode_check(mode_in(&own->mode, layer), &why)) return true;
  for (int l = 0; l < own->layer_count; l++)
    if (own->layers[l].first <= layer && layer <= own->layers[l].last)
      place = reader_place(reader, &own->layers[l], NULL);
  return reader_fail(reader, place, "mode '%s'%s: %s", own->mode.name,
                     layers_words(reader->arena, &own->mode, layer), why.text);
}

bool own_modes_check(const Reader *reader, const Spec *spec) {
  for (int i = 0; i < spec->own_mode_count; i++) {
    const OwnMode *own = &spec->own_modes[i];
    const char *name = own->mode.name;
    const Place *place = reader_place(reader, own, NULL);
    if (mode_preset(name))
      return reader_fail(reader, place, "'%s' is a preset: an own mode needs a name of its own",
                         name);
    if (mode_name_reserved(name))
      return reader_fail(reader, place, "'%s' is a name of the results file's own", name);
    for (int layer = 0; layer != ABSENT; layer = mode_next(&own->mode, layer))
      TRY(check_stages(reader, own, layer));
  }
  return true;
}

static bool check_last(const Spec *spec, const OwnMode *own, int layers, Status *st) {
  for (int i = 0; i < own->layer_count; i++)
    if (own->layers[i].last >= layers)
      return spec_blame(spec, &own->layers[i], NULL, st,
                        FAIL(st, "mode '%s', layer %d: the model has layers 0 to %d",
                             own->mode.name, own->layers[i].last, layers - 1));
  return true;
}

bool spec_check_layers(const Spec *spec, int layers, Status *st) {
  for (int i = 0; i < spec->own_mode_count; i++)
    TRY(check_last(spec, &spec->own_modes[i], layers, st));
  for (int i = 0; i < spec->pair_count; i++) {
    const Pair *pair = &spec->pairs[i];
    const Mode *base = spec_mode(spec, pair->base), *other = spec_mode(spec, pair->other);
    if (base && other && mode_equal_in(base, other, layers))
      return spec_blame(
          spec, pair, "other", st,
          FAIL(st, "'%s' is the same computation as '%s' in %s%d layer%s", pair->other, pair->base,
               layers == 1 ? "the model's " : "each of the model's ", layers, plural(layers)));
  }
  return true;
}
