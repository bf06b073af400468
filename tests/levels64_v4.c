#define LEVEL 4
#include "tests/levels64.h"
