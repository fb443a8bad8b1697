"""Every threshold of the pre-flight checks, in one table, with where it comes from.

Sources: DeepChecks' default conditions (deepchecks.com, v0.18); TheDeepChecker (Ben Braiek and
Khomh 2023); AUTOTRAINER (Zhang et al. 2021); UMLAUT (Schoop et al. 2021); torchtest; Karpathy, "A
recipe for training neural networks" (2019); CS231n's notes; the Deep Learning Tuning Playbook
(Godbole et al. 2023). "Design" marks choices of our own; `benchmarks/preflight.py` measures them
on faults put in on purpose and on healthy twins.
"""

# ---- data
NULL_SHARE = 0.05  # of a column's values that are not finite: DeepChecks
FEWEST_TO_SPLIT = 2  # samples of a class, below which nothing can be stratified
FEW_PER_CLASS = 10  # training samples: design
FEW_VAL_PER_CLASS = 5  # validation samples, below which a per-class metric is noise: design
IMBALANCE = 0.1  # smallest class over largest: DeepChecks
PERPLEXITY = 0.5  # of the priors, over the number of classes: TheDeepChecker
SHARED_ERROR = 0.05  # validation rows that are training rows: DeepChecks' samples mix
SHARED_WARNING = 0.005  # design: a tenth of it
CONFLICTING = 0.01  # rows that occur with different labels: design
NEAR_DISTANCE = 1e-3  # of the median distance to the nearest neighbour: design
NEAR_SHARED = 0.05  # validation rows with so near a training row: as exact ones
NEAR_ROWS = 2_000  # of which distances are computed
GIVEAWAY_SKILL = 0.95  # of one column alone: DeepChecks warns at a predictive power of 0.8
GIVEAWAY_LEAD = 0.02  # by which all columns together must do better to clear it: design
GIVEAWAY_ROWS = 5_000
GIVEAWAY_COLUMNS = 200  # those that differ most between classes are tried
GIVEAWAY_BINS = 32  # quantiles into which a column is cut
CONSTANT_SHARE = 0.999  # of one value, that makes a column near-constant: DeepChecks
CONSTANT_COLUMNS = 0.2  # share of such columns that is worth a warning: design
LARGEST_INPUT = 10.0  # absolute, of standardised data: UMLAUT wants [-1, 1]
OUTLIERS = 1e-3  # share of values that may lie beyond it: heavy tails are no wrong scale; design
INPUT_SD = (0.05, 5.0)  # of a column: LeCun et al. 1998 want 1
SD_COLUMNS = 0.1  # share of columns outside that is worth a warning: design
SD_RATIO = 100.0  # largest over smallest standard deviation of the columns: design
RUNS = 0.2  # by which equal neighbours exceed chance in data that is not shuffled: design
BATCHES = 20  # drawn from the loader
BATCH_P = 1e-4  # of the χ² test of their classes: design
ONE_CLASS_BATCH = 16  # size from which a batch of one class is no chance: design
LABEL_SHIFT = 0.15  # Cramér's V of labels against train or validation: DeepChecks
SHIFT_WARNING = 0.65  # AUC of telling validation from training: DeepChecks' 0.25 is 0.625
SHIFT_ERROR = 0.8  # design
SHIFT_ERRORS = 2.0  # standard errors that may be chance, of V as of the AUC
SHIFT_ROWS = 1_000  # of each part
FEW_VAL = 100  # validation samples: DeepChecks
DETECTABLE = 2.8  # standard errors of a difference found with 80 % power at the 5 % level
NOISE_INFO = 0.03  # share of labels that two models contradict: design
NOISE_WARNING = 0.1  # design
NOISE_ROWS = 2_000  # of which distances are computed
UNKNOWN_TOKENS = 0.1  # design
PADDING = 0.6  # design
FULL_SEQUENCES = 0.1  # share of sequences without any padding: perhaps cut off; design

# ---- model, before a step
PROBE = 256  # samples that a forward pass looks at
INITIAL_SEEDS = 5
INITIAL_WARNING, INITIAL_ERROR = 1.5, 3.0  # loss before training over chance: design; healthy
# networks were measured at 0.96–1.10, inputs ×1000 at 59, weights of N(0, 3²) at 88
INITIAL_KNOWING = 0.7  # below: it knows already; design
INITIAL_REGRESSION = 10.0  # over the variance of the target: design
DROPOUT_NOTE, DROPOUT_WARNING = 0.5, 0.8  # UMLAUT's rule and the seed article's range
NORM_BATCH = 8  # batch size below which batch normalisation is noise: Wu and He 2018
DEAD = 1e-5  # largest activation of a unit that is dead: TheDeepChecker
DEAD_ERROR, DEAD_NOTE = 0.5, 0.2  # share of a layer: TheDeepChecker's 0.5; small healthy networks
# begin with up to a quarter (a CNN on digits), so that less than half is a note
SATURATED = 0.95  # of the range of sigmoid or tanh: TheDeepChecker
SATURATED_SHARE = 0.5
ACTIVATION_SD = 20.0  # TheDeepChecker's [0.5, 2] warns of its own clean networks
ACTIVATION_RATIO = (1e-2, 1e2)  # last layer's over first layer's: design
BATCH_LEAK = 1e-4  # change of an output with its neighbours, of the mean size; healthy 0: Karpathy
LINEAR = 1e-4  # share of the output that superposition leaves over: design
LINEAR_LAYERS = 2  # weighted layers, from which on a linear map is a mistake
OUTPUT_SD = 1e-3  # over different inputs, of the outputs' mean size; healthy 0.6; design

# ---- one backward pass, one step
GRADIENT_BATCH = 128
VANISHING = (1e-3, 1e-4)  # first over last gradient norm, and the first: AUTOTRAINER's β1, β2
EXPLODING = 70.0  # AUTOTRAINER's β3
ZERO_GRADIENTS = 0.7  # AUTOTRAINER's γ
ACCUMULATION = 1.5  # gradient of a second equal step over the first's: 2 when they add up

# ---- few steps
UPDATE_STEP = 50  # at step 1 Adam's updates are large whatever the rate
UPDATE = (3e-5, 1e-1)  # relative size of an update: TheDeepChecker's 1e-4 … 1e-1, made wider
PEAK = (
    1.3  # highest loss in these steps, of that of knowing nothing; healthy 1.0, lr × 100: 1.3 up
)
PEAK_REGRESSION = 3.0  # squared errors have heavy tails: design
PEAK_SAMPLES = 32  # over which it is averaged: single samples have high losses
DETERMINISM_STEPS = 20
DETERMINISM_GPU = 1e-3  # relative: atomic additions change the order of sums
CLIP_STEPS = 50
CLIP_QUANTILE = 0.25  # a bound below it cuts three quarters of the steps; the Playbook: half
CLIP_ADVICE = 0.9  # the Playbook's P90

# ---- short runs
ONE_BATCH = 16  # samples: TheDeepChecker
ONE_BATCH_STEPS = 300
ONE_BATCH_LOSS = 0.05  # cross-entropy; with every sample right
ONE_BATCH_MSE = 1e-3  # of the target's variance
NEARLY_FITTED = 0.9  # R², from which more steps would have done it: design
NEARLY_ALL = 0.99  # right ones, where a sample has many
ONE_BATCH_NEARLY = 0.2  # of the first loss, from which more steps would have done it: design
SWEEP = (1e-3, 1e-2)  # Adam's learning rates besides the own one
RISING = 2.0  # last loss over the first: the sign is wrong
FLOOR = 0.08  # nats around log(1 + (C − 1)/e), where a second softmax stalls
REGULARISED = 0.5  # of the chance loss, at which one batch stalls: design
SMALL_SET_PER_CLASS, SMALL_SET_MOST = 64, 512
SMALL_SET_EPOCHS = 50
SMALL_SET_ACCURACY = 0.9  # the Playbook: a small set can be fitted perfectly
RANGE = (1e-7, 10.0)  # of the learning-rate range test (Smith 2018); Adam's ends at 1
RANGE_ADAM = 1.0
RANGE_STEPS = 150
RANGE_WIDTH = 15  # steps over which a fall is measured
RANGE_BETA = 0.98  # of the moving average
RANGE_STOP = 4.0  # times the smallest smoothed loss
RANGE_DIVERGED = 2.0
RANGE_MARGIN = 1.5  # below the rate that diverges, where the own one is doubtful: design
RANGE_DESCENT = 0.1  # the least by which the loss must fall somewhere: design
MODE_GAP = 0.5  # relative difference of training and evaluation mode: TheDeepChecker
CONTROL_EPOCHS = 2
CONTROL_STEPS = 200  # at least, and
CONTROL_MOST_STEPS = 600  # at most
CONTROL_SIGMAS = 3.0
SIGNAL_RATIO = 1.2  # of what is fitted above chance, true over shuffled labels: design
MEMORISED = 0.9  # share of shuffled labels fitted, from which on nothing can be told: design
LIMIT_S = 120.0  # for all checks together: what is begun is ended, what is left is skipped
