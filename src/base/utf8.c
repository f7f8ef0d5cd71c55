/* utf8.c - characters of UTF-8 (RFC 3629). */
#include "base/utf8.h"

#include <string.h>

size_t mwn_utf8_size(const unsigned char *p, size_t left)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } kind[] = {
        {0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    for (size_t size = 1; size <= MWN_COUNT(kind); size++) {
        if ((p[0] & kind[size - 1].mask) != kind[size - 1].lead)
            continue;
        uint32_t code = p[0] & (unsigned char)~kind[size - 1].mask;
        if (size > left)
            return 0;
        for (size_t i = 1; i < size; i++) {
            if ((p[i] & 0xC0) != 0x80)
                return 0;
            code = code << 6 | (p[i] & 0x3F);
        }
        bool surrogate = code >= 0xD800 && code <= 0xDFFF;
        return code < kind[size - 1].least || code > 0x10FFFF || surrogate ? 0 : size;
    }
    return 0;
}

bool mwn_is_utf8(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t size = mwn_utf8_size((const unsigned char *)text, left);
        if (size == 0)
            return false;
        text += size;
        left -= size;
    }
    return true;
}
