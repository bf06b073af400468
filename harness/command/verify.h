/* verify: the proof, on the machine at hand, that a device computes what the CPU computes: every
 * operator in every setting over shapes that meet every path, with NaN, infinities, -0 and
 * denormals among the inputs; then the whole model under every mode, every tensor of every layer.
 * Equal means equal bits; a NaN is a NaN (its bits differ by hardware, and are made canonical where
 * tensors are stored). */
#ifndef DS_COMMAND_VERIFY_H
#define DS_COMMAND_VERIFY_H
#include "base/draw.h"
#include "source/cuda.h"
#include "walk/subject.h"

typedef struct VerifyLine {
  const char *what; /* "scan u:i8 rest:i8 blocked->f16", "mode 2-4" */
  const char *over; /* "7 shapes", "24 layers, T 171" */
  int64_t values;   /* compared, all equal */
} VerifyLine;
typedef void (*VerifySay)(void *context, const VerifyLine *line);

/* One proof on its way. */
typedef struct Verify {
  Device device;
  Arena arena;
  VerifySay say;
  void *context;
  int64_t values; /* of the line in the making */
  gsl_rng rng;    /* makes operators' inputs */
  bool special;   /* NaN, infinities, -0 and denormals among them */
} Verify;

/* Finds the device. Without one it is an error of input: nothing can be proved. */
bool verify_open(Verify *v, Status *st);
/* Operators, then modes, after subject_load of a spec with one prompt. Stops at the first
 * difference, and fails with it. */
bool verify_run(Arena *arena, const Subject *subject, Verify *v, Status *st);
bool verify_operators(Verify *v, Status *st);
/* In how many settings it runs an operator; 0 for what runs on the CPU alone. */
int verify_settings(OpKind kind);
/* The first difference of two tensors that `name` names: kernel, scale, an element (both values in
 * hex), count of NaNs; NULL where there is none. */
const char *verify_difference(Arena *arena, const char *name, const Tensor *cpu,
                              const Tensor *other);

/* How many characters of "linear f32*f32->f16 cuda" name the kernel, without its backend. */
int verify_kernel_length(const char *kernel);

#endif
