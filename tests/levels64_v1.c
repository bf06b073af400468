#define LEVEL 1
#include "tests/levels64.h"
