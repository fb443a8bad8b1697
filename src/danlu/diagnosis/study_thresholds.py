"""Every threshold of the study's diagnosis, with its source.

``E5`` and ``B3`` are sections of the specification from which this was built; where no source
stands, the value is a choice of design. Positions are in the unit interval of a parameter's
range, on its scale.
"""

# ---- what is compared
FEWEST_TRIED = 8  # configs with a value before anything is said about ranges
FEWEST_REAL = 8  # configs on the real task from which proxies are no longer looked at
GOOD_NOISE = 2.0  # standard deviations between seeds within which a config is as good as the best

# ---- ranges
EDGE, OUTER, OUTER_SHARE = 0.1, 0.2, 0.5  # best so near an end; half of the top in the outer fifth
TOP_SHARE, TOP_LEAST = 0.1, 3  # what counts as the top
EDGE_LUCK = 0.05  # probability of that many of the top out there if all places were alike
FEWEST_CELLS = 4  # different values from which a range has ends worth the name
DECADE, HALF = 10.0, 0.5  # by what a range is extended: on a log scale, of the width on a linear
DOUBLE = 2.0  # … of counts (units, samples of a batch): each step costs time and memory (E2, C1)
NO_DECAY = 1e-5  # a weight decay that does as good as nothing: less of it is no better (C2)
UNSTABLE_FACTOR = 3.0  # best learning rate this near to the lowest that diverges
UNSTABLE_TRIALS = 2  # trials at higher learning rates, all diverged
BAD_SHARE, BAD_TRIALS, BAD_LUCK = 0.8, 4, 0.05  # beyond a cut: share failed, trials, Fisher's p
BAD_ROOM, BAD_ROOM_LINEAR = 2.0, 0.1  # what stays beside the best: a factor, or of the width

# ---- parameters
FLAT_SHARE = (
    0.03  # of the variance, alone and in pairs; measured shares of harmless ones lie there
)
FLAT_TRIED = 40  # configs from which a share that small can be told (B3)
FLAT_EXPLAINED = 0.5  # of the variance that the model must explain at all
FLAT_REPEATS = 12  # resamples for the intervals: fewer than for people, as it is asked often
FLAT_MOST = 160  # trials that the model rests on, fewer for the same reason
FLAT_REACH = 3.0  # from worst to best value, in standard deviations of its effect: below the noise
TIED, TIED_ALL, TIED_TRIED = 0.7, 0.4, 12  # rank correlation in the top quarter, and in all, of n
IMPORTANT = 0.1  # share of the variance from which a parameter counts in E5

# ---- leaders
FEW_GOOD, FEW_GOOD_EACH = 5, 2  # good configs, and for each parameter that matters
FEW_GOOD_TRIED = 16  # configs before their number is counted at all
LEADERS, LEADERS_ALIKE = 3, 2  # so many of the best carry the same problem
FRAGILE_NEAR, FRAGILE_LEAST, FRAGILE_NOISE = (
    0.1,
    3,
    3.0,
)  # neighbours: how near, how many, worse by
NOISY_TRIED, NOISY_SHARE, NOISY_RATIO = 20, 0.25, 0.5  # best quarter; noise over its distance
SPREAD_TRIALS, SPREAD_WIDTH = 5, 0.6  # good configs over so much of a range: it is free
SPREAD_MOST = 0.5  # of all configs: where more are good, noise hides what matters
BOUND_SHARE, BOUND_TRIALS = 0.5, 4  # of the good ones, still improving at their end

# ---- everything fails
FAIL_TRIALS, FAIL_TRIALS_DIVERGED = 12, 24  # all of so many; where training ran away, of more

# ---- nothing learns
CHANCE_ERRORS = 3.0  # standard errors by which an answer must beat the trivial one, at least
CHANCE_LOSS = 0.02  # of the trivial answer's loss, where the number of samples is not known …
CHANCE_LOSS_KNOWN = 0.002  # … and where it is: less is the biases' learning (B1, F4 fix 6)
WEAK_CONFIGS, WEAK_ERRORS = 3, 1.5  # the best few long trainings together: a weak signal
WEAK_LONG = 0.5  # of the full length
DOUBT_CONFIGS, DOUBT_SPENT = 16, 0.2  # when doubts begin: configs, and share of the budget
LEAST_CONFIGS, LEAST_FULL = 12, 6  # different configs, and of them trained to their full length …
LEAST_FULL_NO_LR = 8  # … where no learning rate is searched, so that their spread says less
LEAST_SPENT = 0.4  # of the budget: before, learning may only begin late or in a small region
WIDEST_GAP = 0.26  # of the learning rate's range between those trained in full, and to its ends:
# a grid of five points covers it
STILL = 3.0  # noise: a curve that moves by less stands still …
STILL_CURVES, STILL_EPOCHS = 20, 5  # … which the best few tell, if long enough
LR_DECADES = 1.5  # learning rates so far apart never give the same curve where anything learns

# ---- nothing better than …
GAIN_SPENT, GAIN_FULL = 0.6, 5  # share of the budget, and configs trained in full

# ---- exhausted, E5
PAUSED_TRIALS, PAUSED_EACH = 15, 3  # the last configs without an improvement, or per parameter
IMPROVED_NOISE = 0.5  # standard deviations that count as an improvement
PROBE = 0.2  # how far a probe beside the best lies at most, in the other parameters too
PROBE_LEAST = 0.02
LITTLE_TO_GAIN = 0.1  # standard deviations that another random config may be expected to gain
