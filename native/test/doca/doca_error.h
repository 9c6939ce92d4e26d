// A test double: doca_flow.h beside it has the declarations.
#pragma once
#include "doca_flow.h"
