/* reader_list.h - every reader, one line each. */
MWN_READER(idx)
MWN_READER(cifar10)
MWN_READER(cifar100)
MWN_READER(folder)
MWN_READER(list)
MWN_READER(clothing1m)
MWN_READER(animal10n)
