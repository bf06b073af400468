/* witness: what a kernel that ran calls itself: its operator, the types that went in and came out,
 * what else of its settings chose it, and the backend: "linear i8*i8->f16 cuda". Each operator's
 * header has one function that spells it from the settings; the kernels of every backend sign with
 * it what they made, from the settings that their arithmetic took, and whoever expects a kernel
 * asks it with the settings that a mode has. */
#ifndef DS_KERNELS_WITNESS_H
#define DS_KERNELS_WITNESS_H

/* Which one is wanted, or ran; AUTO: any. */
typedef enum Backend { BACKEND_AUTO, BACKEND_CPU, BACKEND_CUDA, BACKEND_COUNT } Backend;

/* A kernel's names, by backend: AUTO's says none. Strings that stay. */
#define WITNESS(name)                                                                              \
  { name, name " cpu", name " cuda" }

#endif
