#include "study/foreign.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
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

/* "q_proj" of "self_attn.q_proj". */
static const char *last_part(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot ? dot + 1 : name;
}

/* A layer itself, by what the list of layers is called. */
static const char *const layer_lists[] = {"layers", "layer", "blocks", "block", "h", NULL};

static Role role_of(const char *name) {
  for (int i = 0; layer_lists[i]; i++)
    if (!strcmp(layer_lists[i], name)) return ROLE_BLOCK_OUT;
  for (size_t i = 0; i < sizeof known_roles / sizeof *known_roles; i++)
    if (!strcmp(known_roles[i].name, last_part(name))) return known_roles[i].role;
  return ROLE_NONE;
}

/* As the results file can hold it: a name of no path, and no longer than a column. */
static const char *tidy(Arena *arena, const char *name) {
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
    const char *name = tidy(arena, entry->tensor);
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
        strcmp(tidy(arena, entry->tensor), stream->tensor.name) != 0)
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
  const char *name = tidy(arena, layout->pass[pass]);
  bool good =
      name_valid(name) && !mode_name_reserved(name) && (f->prompts > 1 || strcmp(name, "0") != 0);
  for (int p = 0; p < pass; p++) good = good && strcmp(name, tidy(arena, layout->pass[p])) != 0;
  return good ? name : f->prompts == 1 ? "dump" : arena_printf(arena, "pass %d", pass);
}

/* Family, layers and prompts of a run in which nothing is computed. */
static bool make_subject(Arena *arena, Spec *spec, Foreign *f, Subject *subject, Status *st) {
  MetList list = {0};
  int of_layer = 0;
  list.met = ARENA_NEW(arena, Met, TENSORS_MOST);
  f->prompts = f->side[0].layout.passes;
  for (int s = 0; s < f->sides; s++) {
    const ForeignSide *side = &f->side[s];
    if (side->layout.layers > f->layers) f->layers = side->layout.layers;
    if (side->layout.passes != f->prompts)
      return FAIL(st, "%s: has %d passes, and %s has %d", side->path, side->layout.passes,
                  f->side[0].path, f->prompts);
    TRY(meet(arena, &list, side, st));
  }
  if (f->layers == 0)
    return FAIL(st,
                "%s: no array of it was found to be of a layer: say with 'names' how they are "
                "called",
                f->side[0].path);
  put_in_order(&list);
  TRY(find_stream(spec, &list, st));
  settle_roles(&list);
  PromptShape *prompt = ARENA_NEW(arena, PromptShape, f->prompts);
  for (int p = 0; p < f->prompts; p++) prompt[p].name = pass_name(arena, f, p);
  const Met *stream = stream_of(&list);
  TRY(find_tokens(arena, f, stream, prompt, st));
  for (int i = 0; i < list.count; i++) {
    Met *met = &list.met[i];
    const DumpMask *mask = &met->by->mask[met->first->pass];
    const int tokens = mask->array ? mask->tokens : prompt[met->first->pass].T;
    if (met->tensor.rows == tokens) met->tensor.rows = GENERIC_TOKENS;
  }
  const int width = stream->tensor.cols;
  const GenericTensor *tensor = in_order(arena, &list, &of_layer);
  Config *config = &subject->checkpoint.config;
  *config = (Config){.layers = f->layers, .D = width};
  if (!family_generic(arena, tensor, of_layer, list.count, &config->family, st)) {
    status_lead(st, "%s: ", f->side[0].path);
    return false;
  }
  subject->model.config = *config;
  subject->model.layers = f->layers;
  subject->model.D = width;
  subject->prompt = prompt;
  spec->prompts = ARENA_NEW(arena, Prompt, f->prompts);
  for (int p = 0; p < f->prompts; p++) spec->prompts[p].name = prompt[p].name;
  spec->prompt_count = f->prompts;
  spec->events.repair = 0; /* nothing can be run again */
  return true;
}

/* --- where each tensor stands ----------------------------------------------------------------- */

static const DumpEntry **at(const Foreign *f, const ForeignSide *side, int prompt, int layer,
                            int id) {
  return &side->at[((size_t)prompt * (size_t)f->layers + (size_t)layer) *
                       (size_t)f->tensors->count +
                   (size_t)id];
}

/* The tensor of this name: of layers, or of the ends; ABSENT where the family has none. */
static int id_of(Arena scratch, const Tensors *tensors, const DumpEntry *entry) {
  const char *name = tidy(&scratch, entry->tensor);
  const int from = entry->layer >= 0 ? 0 : tensors->layer,
            to = entry->layer >= 0 ? tensors->layer : tensors->count;
  for (int id = from; id < to; id++)
    if (!strcmp(tensors->info[id].name, name)) return id;
  return ABSENT;
}

static bool check_size(const Foreign *f, const Subject *subject, const ForeignSide *side,
                       const DumpEntry *entry, int id, Arena scratch, Status *st) {
  const Config *config = &subject->checkpoint.config;
  const TensorInfo *info = &f->tensors->info[id];
  const int wanted_rows = info->rows == DIM_TOKEN ? subject->prompt[entry->pass].T
                                                  : config->family->width(config, info->rows),
            wanted_cols = config->family->width(config, info->cols);
  int rows, cols;
  TRY(foreign_sizes(side, entry, info->rows == DIM_TOKEN, &rows, &cols, st));
  return (rows == wanted_rows && cols == wanted_cols) ||
         FAIL(st, "%s: is [%d, %d], and %s of %s is [%d, %d]", foreign_place(&scratch, side, entry),
              rows, cols, info->name,
              *config->family->model_type ? "the model"
                                          : "other layers or "
                                            "sources",
              wanted_rows, wanted_cols);
}

static bool place_side(Arena *arena, const Foreign *f, const Subject *subject, ForeignSide *side,
                       Status *st) {
  side->at = arena_alloc(arena, (size_t)f->prompts * (size_t)f->layers * (size_t)f->tensors->count,
                         sizeof *side->at);
  if (side->layout.layers > f->layers)
    return FAIL(st, "%s: has %d layers, and the model %d", side->path, side->layout.layers,
                f->layers);
  if (side->layout.passes != f->prompts)
    return FAIL(st, "%s: has %d passes, and there are %d prompts", side->path, side->layout.passes,
                f->prompts);
  for (int i = 0; i < side->layout.entries; i++) {
    const DumpEntry *entry = &side->layout.entry[i];
    const int id = id_of(*arena, f->tensors, entry);
    if (id == ABSENT) continue;
    TRY(check_size(f, subject, side, entry, id, *arena, st));
    const int layer = entry->layer >= 0                             ? entry->layer
                      : f->tensors->info[id].role == ROLE_EMBEDDING ? 0
                                                                    : f->layers - 1;
    const DumpEntry **place = at(f, side, entry->pass, layer, id);
    if (*place) continue; /* before the first layer and behind the last there may be one each */
    *place = entry;
    side->used++;
  }
  return side->used ||
         FAIL(st, "%s: none of its arrays has the name of a tensor that is compared", side->path);
}

/* What a source has in one prompt it has in all: a results file's prompts are alike. */
static bool check_passes(const Foreign *f, const ForeignSide *side, Arena scratch, Status *st) {
  for (int p = 1; p < f->prompts; p++)
    for (int layer = 0; layer < f->layers; layer++)
      for (int id = 0; id < f->tensors->count; id++) {
        const DumpEntry *here = *at(f, side, p, layer, id), *first = *at(f, side, 0, layer, id);
        if (!here != !first)
          return FAIL(st, "%s: stands in pass %d, and not in pass %d",
                      foreign_place(&scratch, side, here ? here : first), here ? p : 0,
                      here ? 0 : p);
        if (here && dump_format(here->array) != dump_format(first->array))
          return FAIL(st, "%s: is %s, and in pass 0 %s", foreign_place(&scratch, side, here),
                      dump_type_name[here->array->type], dump_type_name[first->array->type]);
      }
  return true;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Of every file: its name, length and when it was written; of every array what is known before it
 * is read. */
static bool digest_side(const ForeignSide *side, Digest *digest, Arena scratch, Status *st) {
  DigestState state;
  digest_begin(&state);
  for (int i = 0; i < side->dump.arrays; i++) {
    const DumpArray *array = &side->dump.array[i];
    const bool same = i > 0 && !strcmp(array->file, side->dump.array[i - 1].file);
    const char *path =
        *array->file ? arena_printf(&scratch, "%s/%s", side->path, array->file) : side->path;
    struct stat about;
    if (!same && stat(path, &about) != 0) return FAIL(st, "%s: %s", path, strerror(errno));
    const char *text =
        arena_printf(&scratch, "%s %s %d %d %" PRId64 " %" PRId64 ".%09ld", array->file,
                     array->name, (int)array->type, array->rank, same ? 0 : (int64_t)about.st_size,
                     same ? 0 : (int64_t)about.st_mtim.tv_sec, same ? 0 : about.st_mtim.tv_nsec);
    digest_add(&state, text, strlen(text));
    digest_add(&state, array->size, (size_t)array->rank * sizeof *array->size);
  }
  return *digest = digest_end(&state), true;
}

static bool open_side(Arena *arena, const Spec *spec, const SourcePlan *plan, ForeignSide *side,
                      Status *st) {
  *side = (ForeignSide){.plan = plan, .path = file_resolve(arena, spec->folder, plan->dump)};
  TRY(spec_blame(spec, plan, "dump", st, dump_open(arena, side->path, &side->dump, st)));
  TRY(spec_blame(spec, plan, plan->names ? "names" : "dump", st,
                 dump_layout(arena, &side->dump, plan->names, &side->layout, st)));
  return foreign_say(arena, spec, side, st);
}

static bool open_all(Arena *arena, Spec *spec, Subject *subject, Foreign *f, Status *st) {
  Digest *digest = ARENA_NEW(arena, Digest, spec->source_count + 1);
  for (int i = 0; i < spec->source_count; i++) {
    if (!foreign_are_compared(spec, spec->sources[i].name, NULL)) continue;
    ForeignSide *side = &f->side[f->sides++];
    TRY(open_side(arena, spec, &spec->sources[i], side, st));
    TRY(digest_side(side, &digest[f->sides], *arena, st));
  }
  if (!f->sides) return true;
  f->layers = subject->checkpoint.config.layers;
  f->prompts = spec->prompt_count;
  if (!spec->model) TRY(make_subject(arena, spec, f, subject, st));
  f->tensors = &subject->checkpoint.config.family->tensors;
  for (int s = 0; s < f->sides; s++) {
    TRY(spec_blame(spec, f->side[s].plan, "dump", st,
                   place_side(arena, f, subject, &f->side[s], st) &&
                       check_passes(f, &f->side[s], *arena, st)));
  }
  f->prompt = subject->prompt;
  TRY(foreign_compare_tokens(arena, spec, f, subject->prompt, st));
  digest[0] = subject->checkpoint.digest;
  subject->checkpoint.digest = digest_join(digest, (size_t)f->sides + 1);
  return true;
}

bool foreign_open(Arena *arena, Spec *spec, Subject *subject, Foreign *foreign, Status *st) {
  *foreign = (Foreign){.side = ARENA_NEW(arena, ForeignSide, spec->source_count)};
  return open_all(arena, spec, subject, foreign, st);
}

/* --- what they have --------------------------------------------------------------------------- */

bool foreign_has(const Foreign *f, int side, int layer, int id, Format *format) {
  const DumpEntry *entry = *at(f, &f->side[side], 0, layer, id);
  if (entry) *format = dump_format(entry->array);
  return entry != NULL;
}

bool foreign_trace(Arena *arena, const Foreign *f, int side, int prompt, int layer, Trace *trace,
                   Status *st) {
  const ForeignSide *of = &f->side[side];
  *trace = (Trace){0};
  for (int id = 0; id < f->tensors->count; id++) {
    const DumpEntry *entry = *at(f, of, prompt, layer, id);
    const bool *keep = f->tensors->info[id].rows == DIM_TOKEN ? of->mask[prompt].keep : NULL;
    if (entry)
      TRY(dump_read(arena, &of->dump, entry->array, foreign_axes(of, entry), keep, &trace->t[id],
                    st));
  }
  return true;
}

/* Of one tensor. Its sizes were found when its place was. */
static ForeignSize size_of(const ForeignSide *side, const DumpEntry *entry, bool of_tokens) {
  Status st = {0};
  int rows = 0, cols = 0;
  (void)foreign_sizes(side, entry, of_tokens, &rows, &cols, &st);
  const size_t elements = (size_t)rows * (size_t)cols;
  return (ForeignSize){elements * format_size(dump_format(entry->array)) + 64, elements,
                       (size_t)rows + (size_t)cols};
}

ForeignSize foreign_size(const Foreign *f) {
  ForeignSize size = {0, 0, 0};
  for (int p = 0; p < f->prompts; p++)
    for (int layer = 0; layer < f->layers; layer++) {
      size_t bytes = 0;
      for (int s = 0; s < f->sides; s++)
        for (int id = 0; id < f->tensors->count; id++) {
          const DumpEntry *entry = *at(f, &f->side[s], p, layer, id);
          if (!entry) continue;
          const ForeignSize one =
              size_of(&f->side[s], entry, f->tensors->info[id].rows == DIM_TOKEN);
          bytes += one.bytes;
          if (one.elements > size.elements) size.elements = one.elements;
          if (one.parts > size.parts) size.parts = one.parts;
        }
      if (bytes > size.bytes) size.bytes = bytes;
    }
  return size;
}
