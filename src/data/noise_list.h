/* noise_list.h - every kind of label noise, one line each. */
MWN_NOISE(uniform)
MWN_NOISE(flip)
MWN_NOISE(flip2)
MWN_NOISE(hierarchical)
MWN_NOISE(asymmetric)
