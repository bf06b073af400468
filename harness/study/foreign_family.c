/* foreign_family: the family that is made of what stands in dumps, where every side is one: its
 * tensors in their order, what leaves a layer, and the tokens of each prompt. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/name.h"
#include "family/generic.h"
#include "study/foreign_parts.h"

/* --- names ------------------------------------------------------------------------------------ */

/* What tensors are for, by the last part of their names, as programs call them. */
static const struct {
  const char *name;
  Role role;
} known_roles[] = {{"embedding", ROLE_EMBEDDING},
                   {"embeddings", ROLE_EMBEDDING},
                   {"embed_tokens", ROLE_EMBEDDING},
                   {"word_embeddings", ROLE_EMBEDDING},
                   {"wte", ROLE_EMBEDDING},
                   {"block_in", ROLE_BLOCK_IN},
                   {"mixer_input", ROLE_BLOCK_IN},
                   {"resid_pre", ROLE_BLOCK_IN},
                   {"block_out", ROLE_BLOCK_OUT},
                   {"resid_post", ROLE_BLOCK_OUT},
                   {"layer_output", ROLE_BLOCK_OUT},
                   {"output", ROLE_BLOCK_OUT},
                   {"mixer_output", ROLE_BLOCK_OUT},
                   {"conv1d_output", ROLE_CONV_OUT},
                   {"ssm_output", ROLE_SCAN},
                   {"logits", ROLE_LOGITS},
                   {"lm_head", ROLE_LOGITS},
                   {"conv1d_silu", ROLE_CONV_OUT},
                   {"scan", ROLE_SCAN}};

/* A layer itself, by what the list of layers is called. */
static const char *const layer_lists[] = {"layers", "layer", "blocks", "block", "h", NULL};

static Role role_of(const char *name) {
  for (int i = 0; layer_lists[i]; i++)
    if (!strcmp(layer_lists[i], name)) return ROLE_BLOCK_OUT;
  for (size_t i = 0; i < sizeof known_roles / sizeof *known_roles; i++)
    if (!strcmp(known_roles[i].name, text_last_part(name))) return known_roles[i].role;
  return ROLE_NONE;
}

const char *foreign_name(Arena *arena, const char *name) {
  const size_t bytes = strlen(name);
  char *text = bytes > NAME_BYTES_MAX
                   ? arena_printf(arena, "..%s", name + bytes - (NAME_BYTES_MAX - 2))
                   : arena_printf(arena, "%s", name);
  for (char *at = text; *at; at++)
    if (*at == '/') *at = '.';
  text_make_plain(text, "");
  return text;
}

/* --- sizes ------------------------------------------------------------------------------------ */

/* One tensor of a family that is being made. */
typedef struct Met {
  GenericTensor tensor; /* rows: of the first prompt, until its tokens are known */
  const ForeignSide *by;
  const DumpEntry *first;
  bool in_layer, before;
} Met;

typedef struct MetList {
  Met *met;
  int count;
} MetList;

static Met *find_met(const MetList *list, const char *name, bool in_layer) {
  for (int i = 0; i < list->count; i++)
    if (list->met[i].in_layer == in_layer && !strcmp(list->met[i].tensor.name, name))
      return &list->met[i];
  return NULL;
}

static bool meet(Arena *arena, MetList *list, const ForeignSide *side, Status *st) {
  for (int i = 0; i < side->layout.entries; i++) {
    const DumpEntry *entry = &side->layout.entry[i];
    const bool in_layer = entry->layer >= 0;
    const char *name = foreign_name(arena, entry->tensor);
    if (foreign_holds_tokens(entry) || foreign_is_mask(side, entry) ||
        find_met(list, name, in_layer))
      continue;
    if (list->count == TENSORS_MOST)
      return FAIL(st, "%s: its layers and ends have more than %d tensors of different names",
                  side->path, TENSORS_MOST);
    Met *met = &list->met[list->count++];
    *met = (Met){.by = side, .first = entry, .in_layer = in_layer, .before = entry->layer == -1};
    met->tensor.name = name;
    met->tensor.role = role_of(name);
    TRY(foreign_sizes(side, entry, false, &met->tensor.rows, &met->tensor.cols, st));
  }
  return true;
}

/* --- the family of what was met --------------------------------------------------------------- */

/* What leaves a layer: as the spec says, or as its name says, or else what stands last in it. */
static bool find_stream(const Spec *spec, MetList *list, Status *st) {
  Met *stream = NULL;
  for (int i = 0; i < spec->source_count; i++) {
    const SourcePlan *plan = &spec->sources[i];
    if (!plan->stream) continue;
    Met *asked = find_met(list, plan->stream, true);
    if (!asked)
      return spec_blame(spec, plan, "stream", st,
                        FAIL(st, "no layer has a tensor '%s'", plan->stream));
    if (stream && asked != stream)
      return spec_blame(spec, plan, "stream", st,
                        FAIL(st, "another source says '%s'", stream->tensor.name));
    stream = asked;
  }
  for (int i = 0; i < list->count && !stream; i++)
    if (list->met[i].in_layer && list->met[i].tensor.role == ROLE_BLOCK_OUT) stream = &list->met[i];
  for (int i = list->count - 1; i >= 0 && !stream; i--)
    if (list->met[i].in_layer) stream = &list->met[i];
  for (int i = 0; i < list->count; i++)
    if (list->met[i].tensor.role == ROLE_BLOCK_OUT) list->met[i].tensor.role = ROLE_NONE;
  assert(stream); /* there are layers */
  stream->tensor.role = ROLE_BLOCK_OUT;
  return true;
}

/* A role is one tensor's, in a layer or at the ends as its meaning has it; the first one's. */
static void settle_roles(MetList *list) {
  for (int i = 0; i < list->count; i++) {
    Met *met = &list->met[i];
    const Role role = met->tensor.role;
    const bool of_ends = role == ROLE_EMBEDDING || role == ROLE_LOGITS;
    bool taken = of_ends == met->in_layer;
    for (int other = 0; other < i; other++) taken |= list->met[other].tensor.role == role;
    if (taken) met->tensor.role = ROLE_NONE;
  }
}

/* Names that come from a folder have its files' order, not that of the computation, which is known
 * of these alone. */
static const char *const computed[] = {"mixer_input", "conv1d_input", "conv1d_output",
                                       "ssm_input",   "ssm_output",   "mixer_output"};

static int place_computed(const Met *met) {
  for (int i = 0; i < (int)(sizeof computed / sizeof *computed); i++)
    if (!strcmp(computed[i], met->tensor.name)) return i;
  return ABSENT;
}

static int by_computation(const void *a, const void *b) {
  return place_computed(a) - place_computed(b);
}

static void put_in_order(MetList *list) {
  for (int i = 0; i < list->count; i++)
    if (!list->met[i].in_layer || place_computed(&list->met[i]) == ABSENT) return;
  qsort(list->met, (size_t)list->count, sizeof *list->met, by_computation);
}

/* Those of layers first, each part in the order in which it was met. */
static GenericTensor *in_order(Arena *arena, const MetList *list, int *of_layer) {
  GenericTensor *tensor = ARENA_NEW(arena, GenericTensor, list->count);
  int count = 0;
  for (int end = 0; end < 2; end++) {
    for (int i = 0; i < list->count; i++)
      if (list->met[i].in_layer == !end) tensor[count++] = list->met[i].tensor;
    if (!end) *of_layer = count;
  }
  return tensor;
}

/* The tokens of each prompt: the rows of what leaves a layer. */
static bool find_tokens(Arena *arena, const Foreign *f, const Met *stream, PromptShape *prompt,
                        Status *st) {
  const DumpLayout *layout = &stream->by->layout;
  for (int i = 0; i < layout->entries; i++) {
    const DumpEntry *entry = &layout->entry[i];
    int cols;
    if (entry->layer < 0 || prompt[entry->pass].T ||
        strcmp(foreign_name(arena, entry->tensor), stream->tensor.name) != 0)
      continue;
    TRY(foreign_sizes(stream->by, entry, true, &prompt[entry->pass].T, &cols, st));
  }
  for (int p = 0; p < f->prompts; p++)
    if (!prompt[p].T)
      return FAIL(st, "%s: pass %d has no tensor '%s', by which its tokens are counted",
                  stream->by->path, p, stream->tensor.name);
  return true;
}

static const Met *stream_of(const MetList *list) {
  for (int i = 0; i < list->count; i++)
    if (list->met[i].tensor.role == ROLE_BLOCK_OUT) return &list->met[i];
  return NULL;
}

/* As the first side calls it, where that can be a prompt's name and is no other's; a single one
 * that has no name of its own is called 0 there. */
static const char *pass_name(Arena *arena, const Foreign *f, int pass) {
  const DumpLayout *layout = &f->side[0].layout;
  const char *name = foreign_name(arena, layout->pass[pass]);
  bool good =
      name_valid(name) && !mode_name_reserved(name) && (f->prompts > 1 || strcmp(name, "0") != 0);
  for (int p = 0; p < pass; p++)
    good = good && strcmp(name, foreign_name(arena, layout->pass[p])) != 0;
  return good ? name : f->prompts == 1 ? "dump" : arena_printf(arena, "pass %d", pass);
}

/* The tensors, layers and passes of all sides. */
static bool meet_all(Arena *arena, Foreign *f, MetList *list, Status *st) {
  list->met = ARENA_NEW(arena, Met, TENSORS_MOST);
  f->prompts = f->side[0].layout.passes;
  for (int s = 0; s < f->sides; s++) {
    const ForeignSide *side = &f->side[s];
    if (side->layout.layers > LAYERS_MOST)
      return FAIL(st, "%s: has %d layers, by the numbers in its names, at most %d are read",
                  side->path, side->layout.layers, LAYERS_MOST);
    if (side->layout.layers > f->layers) f->layers = side->layout.layers;
    if (side->layout.passes != f->prompts)
      return FAIL(st, "%s: has %d passes, and %s has %d", side->path, side->layout.passes,
                  f->side[0].path, f->prompts);
    TRY(meet(arena, list, side, st));
  }
  return f->layers > 0 ||
         FAIL(st,
              "%s: no array of it was found to be of a layer: say with 'names' how they are "
              "called",
              f->side[0].path);
}

/* Tensors that have as many rows as their prompt has tokens have a row a token. */
static void find_rows_of_tokens(const MetList *list, const PromptShape *prompt) {
  for (int i = 0; i < list->count; i++) {
    Met *met = &list->met[i];
    const DumpMask *mask = &met->by->mask[met->first->pass];
    const int tokens = mask->array ? mask->tokens : prompt[met->first->pass].T;
    if (met->tensor.rows == tokens) met->tensor.rows = GENERIC_TOKENS;
  }
}

/* A model of as many layers, and of the stream's width, of which nothing else is known. */
static bool make_model(Arena *arena, const Foreign *f, const MetList *list, Subject *subject,
                       Status *st) {
  int of_layer = 0;
  const GenericTensor *tensor = in_order(arena, list, &of_layer);
  Config *config = &subject->checkpoint.config;
  *config = (Config){.layers = f->layers, .D = stream_of(list)->tensor.cols};
  if (!family_generic(arena, tensor, of_layer, list->count, &config->family, st)) {
    status_lead(st, "%s: ", f->side[0].path);
    return false;
  }
  subject->model.config = *config;
  subject->model.layers = config->layers;
  subject->model.D = config->D;
  return true;
}

bool foreign_make_subject(Arena *arena, Spec *spec, Foreign *f, Subject *subject, Status *st) {
  MetList list = {0};
  TRY(meet_all(arena, f, &list, st));
  put_in_order(&list);
  TRY(find_stream(spec, &list, st));
  settle_roles(&list);
  PromptShape *prompt = subject->prompt = ARENA_NEW(arena, PromptShape, f->prompts);
  for (int p = 0; p < f->prompts; p++) prompt[p].name = pass_name(arena, f, p);
  TRY(find_tokens(arena, f, stream_of(&list), prompt, st));
  find_rows_of_tokens(&list, prompt);
  TRY(make_model(arena, f, &list, subject, st));
  spec->prompts = ARENA_NEW(arena, Prompt, f->prompts);
  for (int p = 0; p < f->prompts; p++) spec->prompts[p].name = prompt[p].name;
  spec->prompt_count = f->prompts;
  spec->events.repair = 0; /* nothing can be run again */
  return true;
}
