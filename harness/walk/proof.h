/* proof: that a rewrite leaves the model what it was. Both forms of the float64 reference go
 * through the head of the first prompt, a rider on the layers as they are held, and every tensor of
 * the rewritten one must be the plain one, undone as the family says of it. */
#ifndef DS_WALK_PROOF_H
#define DS_WALK_PROOF_H
#include "walk/subject.h"

enum { PROOF_TOKENS = 32 /* of the first prompt, at most */ };

/* Rides on the layers of an opened subject where its spec rewrites and runs any tokens. A tensor
 * that differs fails the layer that is held, or the head behind the last. */
bool proof_ride(Arena *arena, const Spec *spec, Subject *subject, Status *st);
/* Bytes that it takes of the arena; 0 where nothing is proved. */
size_t proof_bytes(const Spec *spec, const Config *config);
/* And on a device. */
size_t proof_there_bytes(const Config *config);

#endif
