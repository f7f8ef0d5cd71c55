/* score_list.h - every score that points at wrong labels: name, and its sign. One with the sign
 * -1 is the higher the more suspicious. */
MWN_SCORE(quality, 1)
MWN_SCORE(weight, 1)
MWN_SCORE(loss, -1)
MWN_SCORE(margin, 1)
MWN_SCORE(aum, 1)
MWN_SCORE(p_given, 1)
