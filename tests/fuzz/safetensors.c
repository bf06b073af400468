/* Input: a safetensors file. A tensor of an accepted file lies in the file, has the bytes of its
 * type and shape, is found by its name, and no byte belongs to two. */
#include "model/safetensors.h"

#include <string.h>

#include "fuzz.h"

/* By another way than the reader's: in 128 bits, and of every byte once. */
static size_t look(const SafeTensors *file, const SafeTensor *t, const char *end) {
  char shape[SHAPE_TEXT];
  unsigned __int128 elements = 1;
  unsigned char all = 0;
  for (int i = 0; i < t->rank; i++) elements *= (uint64_t)t->shape[i];
  FUZZ_CHECK((const char *)t->data >= file->map.data + 8, "%s begins in the length", t->name);
  FUZZ_CHECK(t->bytes <= (size_t)(end - (const char *)t->data), "%s ends behind the file", t->name);
  if (!strcmp(t->dtype, "F32"))
    FUZZ_CHECK(elements * 4 == t->bytes, "%s: %zu bytes for %s", t->name, t->bytes,
               shape_print(t->shape, t->rank, shape));
  for (size_t i = 0; i < t->bytes; i++) all |= t->data[i];
  FUZZ_CHECK(safetensors_find(file, t->name) == t, "%s is not found (%d)", t->name, all);
  return t->bytes;
}

bool fuzz_safetensors(const uint8_t *data, size_t count) {
  Arena arena = fuzz_arena(count, 1 << 16);
  SafeTensors file;
  Status st = {0};
  size_t bytes = 0;
  char *exact = fuzz_exact((Bytes){(const char *)data, count});
  const bool ok = safetensors_of(&arena, "m.safetensors", (Bytes){exact, count}, &file, &st);
  if (ok)
    for (size_t i = 0; i < file.count; i++) bytes += look(&file, &file.tensor[i], exact + count);
  else
    fuzz_refused(&st, "m.safetensors: ");
  FUZZ_CHECK(bytes <= count, "%zu bytes of tensors in a file of %zu", bytes, count);
  free(exact);
  return ok;
}
