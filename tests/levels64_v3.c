#define LEVEL 3
#include "tests/levels64.h"
