/* tokens: the ids of a text, by a tokenizer alone or as a model reads it. */
#include <stdio.h>

#include "base/progress.h"
#include "command/command.h"
#include "command/flags.h"
#include "model/config.h"
#include "model/hub.h"
#include "model/npy.h"
#include "model/piece.h"
#include "model/text.h"
#include "walk/prompt.h"

/* How the text is read: a tokenizer that is named needs no model. */
static bool reader_of(Arena *arena, const Options *o, TextReader *reader, Status *st) {
  Config config;
  bool conv_bias;
  *reader = (TextReader){.path = o->tokenizer};
  TRY(flags_bos(o, &reader->bos, st));
  if (o->tokenizer && !o->model_given) return true;
  TRY(hub_resolve(arena, ".", o->model, &reader->folder, st));
  TRY(config_read(arena, arena_printf(arena, "%s/config.json", reader->folder), &config, &conv_bias,
                  st));
  reader->vocab = config.vocab;
  return true;
}

/* What a token stands for, on a line of its own. */
static void print_pieces(const TextReader *reader, const Encoded *encoded) {
  char shown[256];
  for (int64_t i = 0; i < encoded->count; i++) {
    const char byte = (char)encoded->id[i];
    piece_show(reader->tokenizer ? tokenizer_piece(reader->tokenizer, encoded->id[i])
                                 : (Bytes){&byte, 1},
               shown, sizeof shown);
    printf("%d\t%s\n", encoded->id[i], shown);
  }
}

static void print_ids(const Encoded *encoded) {
  for (int64_t i = 0; i < encoded->count; i++) printf("%s%d", i ? " " : "", encoded->id[i]);
  printf("\n");
}

bool command_tokens(Arena *arena, const Options *o, const char *typed, Status *st) {
  (void)typed;
  TextReader reader;
  Bytes text;
  const Encoded *encoded;
  const Progress progress = progress_start(o->quiet);
  if (o->folder)
    TRY(options_refuse(o, OPTION_KEYS(OPT_PIECES), "is for standard output, not for a file of ids",
                       st));
  if (!o->text) return FAIL(st, "--text: a file is needed");
  TRY(reader_of(arena, o, &reader, st));
  TRY(file_map(o->text, &text, st));
  const bool ok = text_reader_part(arena, &reader, o->text, text, 0, &encoded, st);
  text_reader_close(&reader);
  TRY(ok);
  prompt_tell_texts(&reader, &progress);
  if (o->folder) return npy_write(o->folder, encoded->id, encoded->count, *arena, st);
  if (o->pieces)
    print_pieces(&reader, encoded);
  else
    print_ids(encoded);
  return true;
}
