/* scalar: the text of one value read as its row says, and what that row expects, in words. */
#ifndef DS_SPEC_SCALAR_H
#define DS_SPEC_SCALAR_H
#include "spec/schema.h"

/* Sets the field at owner + key->offset; false where `text` is no such value. `plain`: written
 * without quotes, as numbers must be. A text becomes the field itself: it must live as long as the
 * struct. */
bool scalar_read(const Key *key, const char *text, bool plain, void *owner);
int64_t scalar_characters(const char *text); /* of UTF-8 */
/* "an integer from 1 to 4096"; in the arena. */
const char *scalar_expected(Arena *arena, const Key *key);
#endif
