#include <limits.h>

#include "family/block.h"
#include "family/witness.h"
#include "source/source.h"

static const Model *model_of(const Source *source) { return source->context; }

static void embed(const Source *source, const int32_t *token, int T, Arena *arena, Trace *trace) {
  block_embed(model_of(source), token, T, arena, trace);
}

static void block(const Source *source, const Mode *mode, int layer, const Tensor *x, Arena *arena,
                  Trace *trace) {
  block_run(model_of(source), layer, mode, x, arena, trace);
}

static void head(const Source *source, const Tensor *x, Arena *arena, Trace *trace) {
  block_head(model_of(source), x, arena, trace);
}

static bool check(const Source *source, const Mode *mode, int layer, const Trace *trace,
                  Status *st) {
  (void)source;
  return witness_check(mode, layer, trace, st);
}

static Forms forms(const Source *source, const Mode *mode, bool head) {
  (void)source;
  Forms forms = forms_of_mode(mode);
  forms.head = head;
  return forms;
}

Source source_cpu(const Model *model) {
  return (Source){.stream = FORMAT_F32,
                  .context = (void *)model,
                  .embed = embed,
                  .block = block,
                  .head = head,
                  .check = check,
                  .forms = forms};
}

bool source_same(const Source *a, const Source *b) {
  return a->block == b->block && a->context == b->context;
}

int source_alike(const Source *a, const Source *b) {
  if (source_same(a, b)) return INT_MAX;
  if (!source_same(a->plain ? a->plain : a, b->plain ? b->plain : b)) return 0;
  return !a->plain ? b->until : !b->plain || a->until < b->until ? a->until : b->until;
}

Tensor source_input(const Source *source, const Tensor *x, Arena *arena) {
  if (x->format == source->stream) return *x;
  size_t n = tensor_elements(x);
  double *wide = ARENA_NEW(arena, double, n);
  tensor_values(x, wide);
  if (source->stream == FORMAT_F64) return tensor_of(wide, FORMAT_F64, x->rows, x->cols, 0);
  float *narrow = ARENA_NEW(arena, float, n);
  for (size_t i = 0; i < n; i++) narrow[i] = (float)wide[i];
  return tensor_of(narrow, FORMAT_F32, x->rows, x->cols, 0);
}
