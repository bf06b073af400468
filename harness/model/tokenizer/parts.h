/* parts: what a tokenizer is made of; for the files of this folder alone. */
#ifndef DS_MODEL_TOKENIZER_PARTS_H
#define DS_MODEL_TOKENIZER_PARTS_H
#include "model/tokenizer/added.h"
#include "model/tokenizer/bpe.h"
#include "model/tokenizer/normal.h"
#include "model/tokenizer/steps.h"
#include "model/tokenizer/tokenizer.h"

enum { FRONT_MOST = 8 };

struct Tokenizer {
  const char *name;
  Digest digest;
  Bpe bpe;
  NormalForms forms;
  Steps steps;
  Added added;
  int32_t front[FRONT_MOST];
  int fronts;
};
#endif
