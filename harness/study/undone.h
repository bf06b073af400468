/* undone: pairs of which one side is of rewritten weights (model/rewrite.h) and the other of
 * weights as they are. What the rewrite rotates is rotated back in float64; what it leaves alone is
 * compared as it stands; what nobody can undo is not compared, and told.
 *
 * Proof, in every run, by the tensors themselves: rotated again each is what it was, to
 * UNDONE_EXACT of its size; and at the first place where it stands it is nearer to the other side
 * than as it stood, by half at least: so both the declaration and the matrix are the program's. A
 * tensor that is the other's as it stands contradicts the declaration. Equal declarations are asked
 * the same in the first layer. */
#ifndef DS_STUDY_UNDONE_H
#define DS_STUDY_UNDONE_H
#include "study/pairs.h"

/* Back and again of rows up to HADAMARD64_MAX_N values, of any exponents whose sums are finite: at
 * most 1.4e-15 (tests/test_undone.c). */
#define UNDONE_EXACT 1e-13

/* Of every side that is compared in another basis than its own, its rotated tensors rotated back,
 * and of no other; traces [sides], in the arena. NULL where there is no such side. */
Trace *undone_traces(Arena *arena, const Pairs *pairs, const Trace *trace);
/* What of `side`, one of the pair's, is compared; NULL: it has no such tensor, or the two are in
 * bases that nobody brings together. */
const Tensor *undone_tensor(const Pairs *pairs, const SidePair *pair, int side, int id,
                            const Trace *trace, const Trace *back);
/* A row a tensor of each pair that is not compared as it stands, or in the first layer contradicts
 * what was declared; in the arena. */
Undone *undone_rows(Arena *arena, const Pairs *pairs, const WalkPlace *at, const Trace *trace,
                    const Trace *back, int *count);
/* Bytes that all of these take for a layer of the longest prompt. */
size_t undone_bytes(const Pairs *pairs);

/* When all rows are there: what was not proved is not compared. Gives the rows their reasons, and
 * takes the rows of such pairs out of `pair`. Whether a declaration is contradicted. */
bool undone_settle(Undone *row, size_t rows, PairStats *pair, size_t *pairs, Arena scratch);
/* The same of what the tokens carry, after it. */
void undone_leave_tokens(const Undone *row, size_t rows, const char *tensor, TokenErrors *token,
                         size_t *tokens);

#endif
