/* every_study: a spec that asks for every study there is, as small as they go: what the tests
 * disturb that ask whether anything can be lost. Its model is tests/small_run.h's. */
#ifndef DS_TESTS_EVERY_STUDY_H
#define DS_TESTS_EVERY_STUDY_H
#include "base/arena.h"
#include "base/status.h"

static const char every_study[] =
    "modes: {own: {base: 2-4, state: bf16}}\n"
    "pairs: [[2-0, 2-4], [own, fp64]]\n"
    "budget: all\n"
    "swaps: [{pair: [2-0, 2-4]}]\n"
    "restore: [{mode: 2-0, to: fp32, limit: 0.0001, by: layer, most: 2}]\n"
    "mend: [2-0]\n"
    "grid: {alpha: [0.9, 0.9999], modes: [2-0, own, fp32], length: [4, 7]}\n"
    "events: {share: 0.15, repair: 1}\n"
    "repair: {mode: 2-0, to: fp64, prompt: a, layer: 1, tensor: conv1d_silu, token: 2, channel: "
    "3}\n"
    "gate: [{pair: [2-0, 2-4], tensor: conv1d_silu, layer: 0, rel_l2: 50}]\n"
    "evaluation: {tokens: text.txt, windows: 3, length: 6, modes: [2-0, 2-4]}\n"
    "micro: [{operator: conv1d, inputs: [captured, normal], layers: [0], shapes: [4x8]}]\n"
    "keep: {tensors: [scan, block_in, block_out, logits], layers: [0]}\n";
/* Which wants all layers to stay. */
static const char every_cost[] = "cost: {lengths: [4], repeats: 1, modes: [2-0]}\n";

/* The memory that a spec's run needs where no layer stays; 0 with the reason. */
long long every_least_memory(Arena scratch, const char *spec, Status *st);
/* Whether every cell of the tables of two results files is the same, times left out; what is said
 * of them, in the arena. */
bool every_cell_equal(Arena *arena, const char *a, const char *b, const char **said);
/* The same of a run that was left alone and one that was stopped and went on: of its rows fewer may
 * be marked as checked, for those that were waiting to be are not. */
bool went_on_the_same(Arena *arena, const char *alone, const char *gone_on, const char **said);
#endif
