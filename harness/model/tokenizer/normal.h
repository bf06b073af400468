/* normal: Unicode's normal forms, by utf8proc, of a text as `tokenizers` gives them: its tables are
 * of Unicode 9, so what later versions have made of their own characters it leaves alone. */
#ifndef DS_MODEL_TOKENIZER_NORMAL_H
#define DS_MODEL_TOKENIZER_NORMAL_H
#include "base/arena.h"
#include "base/file.h"
#include "model/tokenizer/fields.h"

typedef enum { FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD } NormalForm;

enum { FORMS_MOST = 8, MARKS_MOST = 1024 };

/* One after another. */
typedef struct NormalForms {
  NormalForm form[FORMS_MOST];
  int count;
} NormalForms;

/* The value of "normalizer". */
bool normal_read(const Field *normalizer, NormalForms *forms, Status *st);
/* A text of UTF-8; the result stays in the arena, or is the text itself. `name` is the text's, and
 * `first` the place of its first byte there, for messages. Refused: more than MARKS_MOST combining
 * marks in a row, whose order takes the square of their number. */
bool normal_apply(Arena *arena, const NormalForms *forms, const char *name, size_t first,
                  Bytes text, Bytes *result, Status *st);
/* At most so many bytes for one of a text that is not ASCII. */
int normal_growth(const NormalForms *forms);
#endif
