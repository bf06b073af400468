/* kept: memory of a check, here or on the device, until kept_free. */
#ifndef DS_TESTS_GPU_KEPT_H
#define DS_TESTS_GPU_KEPT_H
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static void *allocated[256];
static int allocations, is_device_memory[256];
static void *keep(void *memory, int device) {
  if (!memory) {
    fprintf(stderr, "no memory\n");
    exit(2);
  }
  is_device_memory[allocations] = device;
  return allocated[allocations++] = memory;
}
static void wait_or_exit(void) {
  char why[256];
  if (cuda_wait(&cuda, why)) return;
  printf("FAILED: %s\n", why);
  exit(1);
}
static void kept_free(void) {
  wait_or_exit();
  while (allocations > 0)
    if (is_device_memory[--allocations])
      cuda_release(&cuda, allocated[allocations]);
    else
      free(allocated[allocations]);
}

#endif
