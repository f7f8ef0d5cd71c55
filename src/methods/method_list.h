/* method_list.h - every method, one line each. */
MWN_METHOD(ce)
MWN_METHOD(mwnet)
MWN_METHOD(frozen)
MWN_METHOD(cmwnet)
