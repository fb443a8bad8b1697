"""Every threshold of the diagnosis, with its source.

``F4`` is the calibration on small trainings with known faults, repeated and enlarged by
``benchmarks/diagnosis.py``; where no source stands, the value is a choice of design. Shares are of
one, losses in their own units, noise in standard deviations.
"""

# ---- all verdicts
LEAST_EPOCHS = 5  # shorter curves tell only what is broken
SURE_EPOCHS = 10  # confidence grows with the number of epochs up to this one
END_EPOCHS = 3  # the median of so many last epochs stands for the end of a curve
SMOOTH_SHARE, SMOOTH_LEAST, SMOOTH_MOST = 0.1, 3, 7  # window of the rolling median: of the epochs
TAIL_SHARE, TAIL_LEAST = 0.25, 5  # the last part of a curve, in which trends are sought
TAIL_POINTS = 40  # so many points of a longer tail are looked at, evenly spread
HUGE = 1e30  # larger values are cut: they tell nothing more

# ---- diverged
DIVERGED_FACTOR = 3.0  # a noisy but healthy loss stays below this multiple of its start
DIVERGED_EPOCHS = 3  # one or two bad epochs may be a spike from which training recovers
DIVERGED_EPOCHS_KNOWN = 2  # the same where the loss of the best constant answer is known
DIVERGED_START_EPOCHS = 2  # warm-up may raise the loss at first
DIVERGED_END, DIVERGED_RISE = 2.0, 2.0  # times the constant answer's loss, times its own minimum
DIVERGED_SKILL = 0.3  # a network that answers well has not diverged, however large its loss
DECAY_STABLE = 2.0  # learning rate times weight decay: w ← (1 − product)·w grows beyond
CLIMB_TAU = 0.9  # a loss that grows steadily from the first epoch on is climbed, not lost
BLOWN_UP = 10.0  # times the larger of first and constant answer's loss: too large for any skill

# ---- bad scale
SCALE_RATIO = 3.0  # first loss over the constant answer's: 0.96 to 1.10 when healthy, 59 and 88
# with large inputs or weights (measured for the specification, A3 M03)
SCALE_RATIO_REGRESSION = 10.0  # a target that is not centred is common and harmless up to here
SCALE_SURE = 10.0  # beyond this ratio there is hardly another reason

# ---- at chance
CHANCE_SKILL, CHANCE_BEST_SKILL = 0.05, 0.10  # of the end and of the best epoch
CHANCE_ERRORS = 2.0  # standard errors of a metric that may be luck
CHANCE_LOSS_SKILL = 0.02  # where only losses are known
KILLED_RISES = 0.3  # up-moves of the loss, over its scale: the first steps destroyed the network
KILLED_START = 2.0  # a loss so many times its scale in the first fifth says the same
KILLED_SHARE = 0.2
CHANCE_LEARNT = 0.2  # a loss skill that no network at chance has, whatever its metric says
JITTER = 0.0025  # noise of the validation loss over the scale: weights that jump about; dead units
# and vanished gradients stay below 0.0017, learning rates 100 times too high above 0.003 (tune)
EXCESS = 0.0015  # of the training loss over the constant answer's: biases that merely follow the
# last batches stay below 0.001, whatever the number of samples (tune)
JITTER_FAR = 0.015  # learning rates a thousand times too high (tune)
CREEP_TAU, CREEP_FALL = -0.8, 0.1  # steady, but slower than this share of the scale: rate too low
CREEP_TAIL = 0.15  # share of the fall in the last quarter; a fall that fades is of biases only
BIAS_LEVEL = 0.02  # so near the constant answer's loss it is the biases that learn (F4, fix 6)

# ---- validation at chance
VAL_CHANCE_TRAIN_SKILL, VAL_CHANCE_Z = 0.1, 5.0  # training has learnt something beyond doubt
VAL_CHANCE_SAMPLES = 50  # fewer say nothing (F4, fix 3)
ONE_ANSWER = 0.9  # share of the most frequent answer at which it is no matter of labels

# ---- learning rate too high
ROUGH, ROUGH_SURE = 0.3, 0.5  # share of the progress in training loss that up-moves undo
RISES = 0.3  # the sum of up-moves over the scale of the loss
DROPOUT_NOISE = 4.0  # running averages with dropout p are rougher by 1 + 4p (F4, fix 4)
TRAIN_RISE, TRAIN_RISE_SKILL = 0.05, 0.9  # of the scale above the minimum, while not yet right:
# training that works does not get worse in what it minimises (tune)
GREW, GREW_EPOCHS = 10.0, 0.5  # largest gradient of an epoch over the first epoch's median, in so
# many of the late epochs: healthy trainings have it in 0.13 at most (tune)
DECAYED, LATE_ROUGH = 0.5, 0.1  # a rate that has fallen so far since, and is smooth now, is cured
CLIPPED, CLIPPED_EPOCHS = 0.5, 0.5  # share of clipped steps, in so many of the epochs (playbook)

# ---- training handicapped
HANDICAP, HANDICAP_ERRORS = 0.08, 4.0  # how far validation beats training

# ---- validation handicapped
FIRST_EPOCHS = 3  # in which hardly a sample was seen more often than validation's were
FIRST_GAP = 0.05  # of the metric, in each of them, beyond HANDICAP_ERRORS (tune)

UNSURE, UNSURE_SKILL = 2.0, 0.5  # loss over that of calibrated answers with the same error rate
UNSURE_DROPOUT = 1.5  # the same where dropout is known to be strong
UNSURE_LOSS = 0.1  # of the usual first loss: below, training is sure enough

# ---- overfitting
RISE, RISE_NOISE = 0.05, 3.0  # of validation loss over its minimum, in shares and noise; the 0.05
# has F1 0.98 and 0.955 on the 459 labelled histories of OverfitGuard
RISE_MATERIAL = 0.02  # of the constant answer's loss: less is of no matter (F4, fix 1)
RISE_BEGINS = 0.8  # share of the epochs by which the minimum must be passed
GAP, GAP_NOISE = 0.05, 3.0  # training metric above validation's
LOSS_GAP = 0.3  # share of the validation loss, beside a rise
GAP_ALONE, LOSS_GAP_ALONE = (
    0.1,
    0.5,
)  # without a rise; smaller gaps are usual on few samples (tune)
RISING = 0.01  # of the metric over the tail, with a rising loss: merely too sure
GAP_SURE = 10.0  # from here on regularisation is raised tenfold

# ---- loss does not fit the metric
MISMATCH_SKILL, MISMATCH_LOSS_SKILL = 0.8, 0.5
FLOOR_BELOW, FLOOR_ABOVE = 0.01, 0.06  # around log(1 + (C−1)/e), the least loss of softmax twice

# ---- learning rate too low, still improving
PROGRESS = 0.08  # share of all progress that lies in the tail
PROGRESS_TAU, PROGRESS_VAL_TAU = -0.6, -0.5
LOW_SKILL, LOW_LOSS_SKILL = 0.9, 0.7  # better ones are merely unfinished
LOW_ROUGH = 0.15
CRAWL = 0.2  # of the scale, that a short curve covers by the full length if it goes on like that
LATE_BEST = 0.75  # a best epoch after this share of the run: more epochs would help (playbook)

# ---- underfitting
UNDERFIT, UNDERFIT_ERRORS = 0.05, 3.0  # below the reference
UNDERFIT_SKILL = 0.7  # where there is no reference

# ---- spikes
SPIKE_MAD, SPIKE_LEVEL, SPIKES = 6.0, 0.25, 2  # over the median of 5; share of the level; epochs
SPIKE_WINDOW, SPIKE_AFTER = 5, 0.25

# ---- noisy validation
NOISY, NOISY_ERRORS = 0.02, 1.5  # of the metric
NOISY_LOSS = 0.07  # of the loss, relative to its level
NOISY_LOSS_MATERIAL = 0.01  # and to the constant answer's loss
NOISY_APART, NOISY_TIMES = 0.015, 3.0  # of the constant answer's loss, and over the noise of the
# training loss, measured by the same weights: healthy twins have 0.008 at most (tune)
NOISY_EPOCHS = 10  # noise of a shorter curve is not known (F4, fix 3)
FEW_VAL = 100  # DeepChecks' least size

# ---- ends of a run
DECAY_DONE = 0.01  # a learning rate below this share of its first is decayed
FLAT = 0.01  # a trend below this share of the level is none
EARLY_BEST = 0.25  # the best epoch lies before this share of the run

# ---- collapse
TOP_SHARE, TOP_EXCESS = 0.9, 0.1  # share of the most frequent answer, and over its true share
LOW_ENTROPY = 0.1  # of the answers, over log(classes)
IMBALANCED = 0.1  # smallest over largest class (DeepChecks' default)

# ---- two causes that ask for opposite moves
TIE = 0.1

# ---- stopping
STOP_SHARE = 0.2  # of the full length that a trial at chance is given
LEARNS = 0.5  # a skill from which on no chance level is looked for
PROTECTED, SURE_ENOUGH = 3, 0.9  # one in so many is protected from verdicts less sure than this
# (BTTackler protects the best tenth by training loss)

# ---- advice
STRONG_DECAY = 0.1  # weight decay from here on holds networks at chance (C4, measured)
STRONG_DROPOUT = 0.5
MAD_DROPOUT = 0.8  # no network learns well with more (C2)
FITTED = 0.95  # a skill of training from which on neither dropout nor width holds it back
SLOWEST, FASTEST = 3.0, 100.0  # by what the learning rate is raised at least and at most
WIDER = ((0.8, 2), (0.5, 4), (-HUGE, 16))  # share of the reference reached → factor on the width
NARROW = 4  # units; fewer than this and than classes cannot tell the classes apart
FEW_PER_CLASS = 20  # training samples: with fewer, data are missing rather than regularisation
FAR_ABOVE = ((10.0, 0.01), (0.0, 0.1))  # highest loss over its scale → factor on the learning rate
HASTE = 5.0  # a good rate has covered the distance after a fifth of the run
