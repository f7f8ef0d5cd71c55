/* reader_list.h - every reader, one line each. */
MWN_READER(idx)
MWN_READER(cifar10)
MWN_READER(cifar100)
