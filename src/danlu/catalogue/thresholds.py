"""Every number that a rule of the linter compares with, and whence it is.

Ranges, limits and defaults of parameters are in ``catalogue.toml``.
"""

DECADES_FOR_LOG = 2.0  # a range this wide, drawn linearly, has 99 % of its draws in the upper half
LARGEST_L2 = 0.1  # as the mean loss knows it; 1.0 keeps Adam at chance (measured on digits)
SMALLEST_SUM_L2 = 1e-3  # as the summed loss knows it; the usual is 0.1 to 10
LARGEST_BATCH_SHARE = 0.1  # of the training data; beyond, an epoch has fewer than ten steps
NARROW = 0.1  # of the catalogue's range on its own scale; less is hardly worth a parameter
SHORT_LOG = 10.0  # high / low of whole numbers below which a log scale gains nothing
FEW_CELLS = 4  # whole numbers of which the first may well be the default
DEEPEST = 100  # layers up to which a condition lists the depths
FAR = 10.0  # a default so many times beyond the usual range is worth a word
FEWEST_ORDERED = 3  # numbers from which choices are better a range
EMBEDDING_FACTOR, EMBEDDING_POWER, EMBEDDING_MOST = 1.6, 0.56, 300  # fastai's rule of thumb
EMBEDDING_SLACK = 2.0  # a rule of thumb is off by a factor
TRIALS_FOR_ONE, TRIALS_FOR_THREE = 10, 30  # up to so many trainings, 1 or 3 parameters
TRIALS_EACH = 6  # beyond, trainings for each parameter (tuning playbook; ours)
FAR_TOO_MANY = 2.0  # times as many parameters: worth a warning
ADAM_TRIALS = {  # trainings from which Adam's other numbers pay (playbook; "far more" is 50)
    "beta1": 10, "1-beta1": 10, "epsilon": 25, "beta2": 50, "1-beta2": 50,
}  # fmt: skip
