/* method.c - the table of all methods, made from method_list.h. */
#include "methods/method.h"

#include <string.h>

const struct mwn_method *const mwn_methods[] = {
#define MWN_METHOD(name) &mwn_method_##name,
#include "methods/method_list.h"
#undef MWN_METHOD
    NULL};

const struct mwn_method *mwn_method_find(const char *name)
{
    for (const struct mwn_method *const *m = mwn_methods; *m; m++)
        if (strcmp((*m)->name, name) == 0)
            return *m;
    return NULL;
}
