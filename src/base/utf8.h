/* utf8.h - whether a text is UTF-8. */
#ifndef MWN_BASE_UTF8_H
#define MWN_BASE_UTF8_H

#include "base/base.h"

/* Bytes of the character at p, of which `left` are there; 0 if there is none. */
size_t mwn_utf8_size(const unsigned char *p, size_t left);
bool mwn_is_utf8(const char *text);

#endif
