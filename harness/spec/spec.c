/* spec: reading a file, and what it means: prompts one by one, and the modes that run. */
#include "spec/spec.h"

#include <string.h>

#include "base/file.h"
#include "family/family.h"
#include "spec/document.h"
#include "spec/meaning.h"

const Mode *spec_mode(const Spec *spec, const char *name) {
  for (int i = 0; i < spec->mode_count; i++)
    if (!strcmp(spec->modes[i].name, name)) return &spec->modes[i];
  for (int i = 0; i < spec->own_mode_count; i++)
    if (!strcmp(spec->own_modes[i].mode.name, name)) return &spec->own_modes[i].mode;
  return mode_preset(name);
}

typedef struct Seeing {
  const Spec *spec;
  void (*see)(void *context, const Mode *mode);
  void *context;
} Seeing;

/* The reference is none. */
static void see_mode(const Seeing *s, const char *name) {
  const Mode *mode = spec_mode(s->spec, name);
  if (mode) s->see(s->context, mode);
}

static void see_modes(const Seeing *s, const char *const *name, int count) {
  for (int i = 0; i < count; i++) see_mode(s, name[i]);
}

void spec_each_there(const Spec *spec, void (*see)(void *context, const Mode *mode),
                     void *context) {
  const Seeing s = {spec, see, context};
  for (int i = 0; i < spec->mode_count; i++) see(context, &spec->modes[i]);
  for (int i = 0; i < spec->swap_count; i++)
    see_mode(&s, spec->swaps[i].pair.base), see_mode(&s, spec->swaps[i].pair.other);
  for (int i = 0; i < spec->restore_count; i++)
    see_mode(&s, spec->restore[i].mode), see_mode(&s, spec->restore[i].to);
  for (int i = 0; i < spec->repair_count; i++)
    see_mode(&s, spec->repairs[i].mode), see_mode(&s, spec->repairs[i].to);
  see_modes(&s, spec->evaluation.modes, spec->evaluation.mode_count);
}

void spec_each_mode(const Spec *spec, void (*see)(void *context, const Mode *mode), void *context) {
  const Seeing s = {spec, see, context};
  spec_each_there(spec, see, context);
  for (int i = 0; i < spec->micro_count; i++)
    see_modes(&s, spec->micro[i].modes, spec->micro[i].mode_count);
  see_modes(&s, spec->cost.modes, spec->cost.mode_count);
  see_modes(&s, spec->mend, spec->mend_count);
  see_modes(&s, spec->grid.modes, spec->grid.mode_count);
}

const SourcePlan *spec_source(const Spec *spec, const char *name) {
  for (int i = 0; i < spec->source_count; i++)
    if (!strcmp(spec->sources[i].name, name)) return &spec->sources[i];
  return NULL;
}

bool spec_calibrated(const Spec *spec) {
  return spec->calibration.text || spec->calibration.tokens;
}

bool spec_evaluates(const Spec *spec) { return spec->evaluation.text || spec->evaluation.tokens; }

bool spec_grids(const Spec *spec) {
  return spec->grid.alpha_count || spec->grid.mode_count || spec->grid.length_count;
}

int64_t spec_grid_points(const Spec *spec) {
  const GridPlan *grid = &spec->grid;
  return (int64_t)grid->mode_count * (grid->alpha_count ? grid->alpha_count : 1) *
         (grid->length_count ? grid->length_count : 1);
}

static bool in_budget(const Spec *spec, const char *name) {
  bool listed = spec->budget_all || meaning_reference(name);
  for (int i = 0; i < spec->budget_count; i++) listed |= !strcmp(spec->budget[i], name);
  return listed;
}

bool spec_budget(const Spec *spec, const char *base, const char *other) {
  return (spec->budget_all || spec->budget_count) && in_budget(spec, base) &&
         in_budget(spec, other) && !spec_source(spec, base) && !spec_source(spec, other);
}

static bool check_prompt_name(const Reader *reader, const Prompt *prompt) {
  return !mode_name_reserved(prompt->name) ||
         reader_fail(reader, reader_place(reader, prompt, "name"),
                     "'%s' is a name of the results file's own", prompt->name);
}

/* Name of a window: its prompt's, and a number of as many digits as the last one needs, at least
 * two. */
static bool name_window(const Reader *reader, const Prompt *given, Prompt *window) {
  int digits = given->windows > 1000 ? 4 : given->windows > 100 ? 3 : 2;
  window->name = arena_printf(reader->arena, "%s%0*d", given->name, digits, window->window);
  return name_valid(window->name) ||
         reader_fail(
             reader, reader_place(reader, given, "name"),
             "'%s' with the number of a window behind it has %zu bytes, a name has at most %d",
             given->name, strlen(window->name), NAME_BYTES_MAX);
}

static bool add_prompt(const Reader *reader, Spec *spec, const Prompt *given, int window) {
  if (spec->prompt_count == PROMPTS_MAX)
    return reader_fail(reader, reader_place(reader, given, NULL), "makes more than %d prompts",
                       PROMPTS_MAX);
  Prompt *prompt = &spec->prompts[spec->prompt_count];
  *prompt = *given;
  prompt->given = given;
  prompt->window = window;
  if (given->windows) TRY(name_window(reader, given, prompt));
  for (int i = 0; i < spec->prompt_count; i++)
    if (!strcmp(prompt->name, spec->prompts[i].name))
      return reader_fail(reader, reader_place(reader, given, "name"),
                         "'%s' is already the name of another prompt", prompt->name);
  spec->prompt_count++;
  return true;
}

static bool collect_prompts(const Reader *reader, Spec *spec) {
  spec->prompts = ARENA_NEW(reader->arena, Prompt, PROMPTS_MAX);
  for (int i = 0; i < spec->given_prompt_count; i++) {
    const Prompt *given = &spec->given_prompts[i];
    TRY(check_prompt_name(reader, given));
    for (int window = 0; window < (given->windows ? given->windows : 1); window++)
      TRY(add_prompt(reader, spec, given, window));
  }
  return true;
}

/* Adds a mode to those that run, unless it is none, or already there. */
static void run_mode(Spec *spec, const char *name) {
  if (meaning_reference(name) || spec_source(spec, name)) return;
  for (int i = 0; i < spec->mode_count; i++)
    if (!strcmp(spec->modes[i].name, name)) return;
  spec->modes[spec->mode_count++] = *spec_mode(spec, name);
}

/* All modes that run, where the list is wanted and the spec leaves it out. */
static void default_modes(Arena *arena, const Spec *spec, bool wanted, const char ***names,
                          int *count) {
  if (!wanted || *count) return;
  *names = ARENA_NEW(arena, const char *, spec->mode_count);
  *count = spec->mode_count;
  for (int i = 0; i < spec->mode_count; i++) (*names)[i] = spec->modes[i].name;
}

/* The calibration's own alpha, where the grid leaves it out and there is a calibration. */
static void default_alpha(Arena *arena, Spec *spec) {
  if (!spec_grids(spec) || spec->grid.alpha_count || !spec_calibrated(spec)) return;
  spec->grid.alphas = ARENA_NEW(arena, double, 1);
  spec->grid.alphas[spec->grid.alpha_count++] = spec->calibration.alpha;
}

/* Settles which modes run and, where the spec does not say it, which of them are compared with the
 * reference, evaluated, timed and in a grid. */
static void collect_modes(Arena *arena, Spec *spec) {
  spec->modes = ARENA_NEW(arena, Mode,
                          2 * spec->pair_count + 3 * spec->third_count + spec->compare_all_count);
  for (int i = 0; i < spec->pair_count; i++) {
    run_mode(spec, spec->pairs[i].base);
    run_mode(spec, spec->pairs[i].other);
  }
  for (int i = 0; i < spec->third_count; i++) {
    run_mode(spec, spec->thirds[i].pair.base);
    run_mode(spec, spec->thirds[i].pair.other);
    run_mode(spec, spec->thirds[i].against);
  }
  for (int i = 0; i < spec->compare_all_count; i++) run_mode(spec, spec->compare_all[i]);
  default_modes(arena, spec, true, &spec->compare_all, &spec->compare_all_count);
  default_modes(arena, spec, spec_evaluates(spec) || spec->evaluation.task_count > 0,
                &spec->evaluation.modes, &spec->evaluation.mode_count);
  default_modes(arena, spec, spec->cost.length_count, &spec->cost.modes, &spec->cost.mode_count);
  default_modes(arena, spec, spec_grids(spec), &spec->grid.modes, &spec->grid.mode_count);
  default_alpha(arena, spec);
}

static const char *place_text(const Reader *reader, const Spec *spec, const char *key) {
  const Place *place = reader->made ? NULL : reader_place(reader, spec, key);
  return place ? arena_printf(reader->arena, "%s:%zu:%zu", reader->path, place->mark.line + 1,
                              place->mark.column + 1)
               : spec->path;
}

static bool reader_spec(Reader *reader, Spec *spec) {
  TRY(reader_object(reader, &schema_spec, yaml_document_get_root_node(reader->document), NULL,
                    spec));
  spec->backend_place = place_text(reader, spec, "backend");
  spec->memory_place = place_text(reader, spec, "memory");
  TRY(meaning_of_needed(reader, spec));
  TRY(collect_prompts(reader, spec));
  TRY(own_modes_check(reader, spec));
  TRY(meaning_of_sources(reader, spec));
  TRY(meaning_of_pairs(reader, spec));
  TRY(meaning_of_thirds(reader, spec));
  TRY(meaning_of_studies(reader, spec));
  collect_modes(reader->arena, spec);
  TRY(meaning_of_grid(reader, spec));
  TRY(meaning_of_gates(reader, spec));
  TRY(meaning_of_budget(reader, spec));
  return meaning_of_unused(reader, spec);
}

static bool parse(Arena *arena, const char *path, Bytes text, bool made, Spec *spec, Status *st) {
  text = file_unmarked(text);
  yaml_document_t document;
  TRY(document_load(&document, path, text.data, text.count, st));
  char *raw = arena_alloc(arena, text.count + 1, 1);
  memcpy(raw, text.data, text.count);
  *spec = (Spec){
      .path = arena_printf(arena, "%s", path), .folder = file_folder(arena, path), .raw = raw};
  Reader reader = {.arena = arena, .path = path, .document = &document, .made = made, .st = st};
  bool valid = reader_spec(&reader, spec);
  if (!made) spec->places = reader.places;
  yaml_document_delete(&document);
  return valid;
}

bool spec_parse(Arena *arena, const char *path, const char *text, size_t count, Spec *spec,
                Status *st) {
  return parse(arena, path, (Bytes){text, count}, false, spec, st);
}

bool spec_parse_made(Arena *arena, const char *command, const char *text, Spec *spec, Status *st) {
  return parse(arena, command, (Bytes){text, strlen(text)}, true, spec, st);
}

bool spec_blame(const Spec *spec, const void *owner, const char *key, Status *st, bool ok) {
  if (ok || !spec->places) return ok;
  const Place *place = place_of(spec->places, owner, key);
  if (place && place->label)
    status_lead(st, "%s:%zu:%zu: key '%.100s': ", spec->path, place->mark.line + 1,
                place->mark.column + 1, place->label);
  else
    status_lead(st, "%s: ", spec->path);
  return false;
}

bool spec_read(Arena *arena, const char *path, Spec *spec, Status *st) {
  Bytes text;
  TRY(file_read(arena, path, DOCUMENT_BYTES_MAX, &text, st));
  return spec_parse(arena, path, text.data, text.count, spec, st);
}
