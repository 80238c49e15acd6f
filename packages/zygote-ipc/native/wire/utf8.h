#pragma once

#include <stddef.h>
#include <stdint.h>

/* Length of the longest prefix that is UTF-8 (RFC 3629: no overlong forms, no surrogates) and holds no NUL. */
size_t utf8_valid_prefix(const uint8_t *data, size_t length);
