/* model_list.h - every family of networks, one line each. */
MWN_MODEL(mlp)
MWN_MODEL(smallconv)
MWN_MODEL(resnet_cifar)
MWN_MODEL(resnet_imagenet)
MWN_MODEL(wide_resnet)
MWN_MODEL(preact_resnet)
