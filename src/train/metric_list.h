/* metric_list.h - every number of an evaluation, one line each: field of struct mwn_result, key in
 * records and summaries, and what it is multiplied by there (100: percent, two decimals). */
MWN_METRIC(accuracy, "accuracy", 100)
MWN_METRIC(balanced, "balanced_accuracy", 100)
MWN_METRIC(macro_f1, "macro_f1", 100)
MWN_METRIC(worst, "worst_class_accuracy", 100)
MWN_METRIC(many, "many_shot_accuracy", 100)
MWN_METRIC(medium, "medium_shot_accuracy", 100)
MWN_METRIC(few, "few_shot_accuracy", 100)
MWN_METRIC(ece, "ece", 100)
MWN_METRIC(loss, "loss", 1)
