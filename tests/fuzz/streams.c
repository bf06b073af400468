/* Input: the streams of a finished layer, without their seal. Accepted ones are the run's, and
 * every value of them can be read. */
#include "fuzz.h"
#include "journal.h"

static void look(const Tensor *t) {
  const size_t bytes = (size_t)t->rows * (size_t)t->cols * format_size(t->format);
  unsigned sum = 0;
  for (size_t i = 0; i < bytes; i++) sum += ((const unsigned char *)t->data)[i];
  FUZZ_CHECK(t->rows == JOURNAL_T && t->cols == 2 && strlen(t->kernel) < TEXT_KERNEL, "%u", sum);
}

Bytes made_streams(Arena *arena) {
  static float value[JOURNAL_T][2] = {{1, 2}, {3, 4}, {5, 6}};
  Tensor stream[JOURNAL_SIDES];
  for (int s = 0; s < JOURNAL_SIDES; s++) {
    stream[s] = tensor_of(value, FORMAT_F32, JOURNAL_T, 2, 0);
    stream[s].kernel = "residual";
  }
  const size_t bytes = streams_size(stream, JOURNAL_SIDES);
  char *image = arena_alloc(arena, bytes, 1);
  static const char *const not_known[JOURNAL_SIDES];
  streams_make(image, "a.layer_00.streams", stream, not_known, JOURNAL_SIDES);
  return (Bytes){image, bytes};
}

bool fuzz_streams(const uint8_t *data, size_t count) {
  Tensor stream[JOURNAL_SIDES];
  Status why = {0};
  char *body = journal_aligned(data, count);
  const bool ok = streams_of(journal_shape(), 0, (Bytes){body, count}, stream, &why);
  for (int s = 0; ok && s < JOURNAL_SIDES; s++) look(&stream[s]);
  if (!ok) fuzz_refused(&why, NULL);
  journal_free(body, count);
  return ok;
}
