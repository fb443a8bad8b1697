"""Checks of the targets: D02, D03, D04, D10, D11, D13 (practice, section A1)."""

from collections.abc import Iterator

import numpy as np
from scipy.special import chdtrc

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.preflight import thresholds as limit
from danlu.preflight.arrays import Arrays, arrays_of, data_of
from danlu.preflight.baselines import baselines_of
from danlu.preflight.conversion import Array
from danlu.preflight.findings import Skipped, look_at, well, wrong
from danlu.preflight.problem import Problem

MOST_NAMED = 5


def label_range(problem: Problem) -> Iterator[Finding]:
    """Class numbers are whole, from 0 without a gap, and validation knows no others."""
    arrays = _of_classes(problem)
    train, val = arrays.y_train, arrays.y_val
    for name, y in (("y_train", train), ("y_val", val)):
        broken = y[np.isfinite(y) & ((y < 0) | (y != np.floor(y)))]
        if broken.size:
            yield _bad_range(
                say(
                    "{name} holds {broken:g}, which is no class number: classes are counted 0, "
                    "1, 2, …",
                    name=name,
                    broken=broken[0],
                ),
                say("{broken} in {name}", broken=f"{broken[0]:g}", name=name),
            )
            return
    known, seen = np.unique(arrays.labels_train), np.unique(arrays.labels_val)
    expected = np.arange(arrays.classes or 0)
    if known.size < 2:
        yield _bad_range(
            say(
                "every training sample has class {known}: there is nothing to tell apart.",
                known=known[0],
            ),
            "1 class",
        )
    elif new := np.setdiff1d(seen, known).tolist():
        yield _bad_range(
            say(
                "validation has {listed}, which training never shows; train reaches from 0 to "
                "{expected}.",
                listed=_listed(new),
                expected=expected[-1],
            ),
            say("classes only in validation: {new}", new=len(new)),
        )
    elif gaps := np.setdiff1d(expected, known).tolist():
        yield _bad_range(
            say(
                "training has no sample of {listed}: number the classes without gaps.",
                listed=_listed(gaps),
            ),
            say("classes without a sample: {gaps}", gaps=len(gaps)),
        )
    elif absent := np.setdiff1d(known, seen).tolist():
        yield wrong(
            "D02",
            "warning",
            say(
                "validation has no sample of {listed}: how well it is told is not seen. Split "
                "stratified by class.",
                listed=_listed(absent),
            ),
            say("classes missing in validation: {absent}", absent=len(absent)),
            say("none"),
            look_at("stratify the split"),
        )
    else:
        yield well(
            "D02",
            say("classes 0 to {expected} in both parts", expected=expected[-1]),
            say("no gap, none new"),
        )


def samples_per_class(problem: Problem) -> Iterator[Finding]:
    """Every class has enough samples to be split, learned and judged."""
    arrays = _of_classes(problem)
    if arrays.form != "labels":
        raise Skipped(say("a class for each position, not for each sample"))
    counts = arrays.counts
    smallest = int(counts.argmin())
    few = int(counts[smallest])
    shown = say("{least} in the smallest class", least=int(counts.min()))
    if few < limit.FEWEST_TO_SPLIT:
        yield wrong(
            "D03", "error",
            say(
                "class {smallest} has so few training samples ({few}): nothing can be learned of "
                "it. Collect more, merge it or drop it",
                smallest=smallest, few=few,
            ) + _maybe_quantity(arrays) + ".",
            shown, f"≥ {limit.FEWEST_TO_SPLIT}", look_at("rare class"), counts=counts.tolist(),
        )  # fmt: skip
        return
    val = np.bincount(arrays.labels_val[arrays.labels_val >= 0], minlength=counts.size)
    if few < limit.FEW_PER_CLASS:
        yield wrong(
            "D03", "warning",
            say(
                "class {smallest} has few training samples ({few}): expect overfitting. Collect "
                "more, or augment.",
                smallest=smallest, few=few,
            ),
            shown, f"≥ {limit.FEW_PER_CLASS}", look_at("rare class"), counts=counts.tolist(),
        )  # fmt: skip
    elif 0 < val.min() < limit.FEW_VAL_PER_CLASS:
        rare = int(val.argmin())
        error = 0.5 / np.sqrt(max(1, val[rare]))
        yield wrong(
            "D03", "warning",
            say(
                "class {rare} has few validation samples ({val}): a metric on it has a standard "
                "error near {error:.2f}. Hold out more of it.",
                rare=rare, val=val[rare], error=error,
            ),
            say("{rare} of a class in validation", rare=val[rare]), f"≥ {limit.FEW_VAL_PER_CLASS}",
            look_at("larger validation set"), counts=val.tolist(),
        )  # fmt: skip
    else:
        yield well("D03", shown, f"≥ {limit.FEW_PER_CLASS}")


def imbalance(problem: Problem) -> Iterator[Finding]:
    """No class is so rare that the others drown it."""
    arrays = _of_classes(problem)
    counts, priors = arrays.counts, arrays.priors
    ratio = float(counts.min() / max(1, counts.max()))
    spread = float(np.exp(-(priors * np.log(np.maximum(priors, 1e-12))).sum()) / counts.size)
    shown = say("smallest over largest class {ratio:.2g}", ratio=ratio)
    if ratio >= limit.IMBALANCE and spread >= limit.PERPLEXITY:
        yield well("D04", shown, f"≥ {limit.IMBALANCE:g}")
        return
    top = float(priors.max())
    yield wrong(
        "D04", "warning",
        say(
            "{top:.0%} of the training samples are of class {priors}: an accuracy of {top:.0%} "
            "is reached by always answering it. Judge by balanced accuracy or macro-F1, and try "
            "oversampling or balanced batches.",
            top=top, priors=int(priors.argmax()),
        ),
        shown, f"≥ {limit.IMBALANCE:g}",
        Advice("raise low", "oversample", 0.5, "data", "rare classes drown"),
        Advice("enable", "balanced_batches", True, "data"),
        ratio=ratio, majority=top,
    )  # fmt: skip


def order(problem: Problem) -> Iterator[Finding]:
    """Data that comes sorted by class is shuffled before it is trained on."""
    arrays = _of_classes(problem)
    if arrays.form != "labels":
        raise Skipped(say("a class for each position, not for each sample"))
    labels = arrays.labels_train
    chance = float((arrays.priors**2).sum())
    runs = float((labels[1:] == labels[:-1]).mean()) - chance if labels.size > 1 else 0.0
    shown = say("equal neighbours {runs:.2f} above chance", runs=runs)
    if runs > limit.RUNS and not arrays.given.shuffle and arrays.given.loader is None:
        yield wrong(
            "D10", "error",
            say(
                "the labels come in runs and batches are not shuffled: each batch holds one "
                "class. Shuffle the training data each epoch (DataLoader(…, shuffle=True))."
            ),
            shown, f"≤ {limit.RUNS:g}", look_at("shuffle", "code"), runs=runs,
        )  # fmt: skip
    else:
        yield well("D10", shown, "" if arrays.given.shuffle else f"≤ {limit.RUNS:g}")


def batch_balance(problem: Problem) -> Iterator[Finding]:
    """Batches of the loader hold the classes in their shares."""
    arrays = _of_classes(problem)
    loader = arrays.given.loader
    if loader is None:
        raise Skipped(say("no loader was given"))
    drawn = _drawn_labels(problem)
    single = [b for b in drawn if b.size >= limit.ONE_CLASS_BATCH and np.unique(b).size == 1]
    counts = np.bincount(np.concatenate(drawn), minlength=arrays.classes or 0)[: arrays.classes]
    balanced = any(problem.params.get(name) for name in ("balanced_batches", "oversample"))
    shares = np.full(counts.size, 1 / counts.size) if balanced else arrays.priors
    expected = counts.sum() * np.maximum(shares, 1e-12)
    probability = float(chdtrc(counts.size - 1, ((counts - expected) ** 2 / expected).sum()))
    if single and arrays.counts.astype(bool).sum() > 1:
        yield wrong(
            "D11",
            "warning",
            say(
                "a single class fills {single} of {drawn} batches: the gradient jumps from class "
                "to class. Shuffle the training data each epoch.",
                single=len(single),
                drawn=len(drawn),
            ),
            say("batches of one class: {single}", single=len(single)),
            "0",
            look_at("shuffle", "code"),
        )
    elif probability < limit.BATCH_P:
        yield wrong(
            "D11", "warning",
            say(
                "the classes in the loader's batches do not have their shares of the training "
                "data (χ² test, p = {probability:.1g}). Is a sampler meant, or is a part left "
                "out?",
                probability=probability,
            ),
            f"p = {probability:.1g}", f"≥ {limit.BATCH_P:g}", look_at("sampler", "code"),
            counts=counts.tolist(),
        )  # fmt: skip
    else:
        yield well("D11", f"p = {probability:.2g}", f"≥ {limit.BATCH_P:g}")


def _drawn_labels(problem: Problem) -> list[Array]:
    """The labels of some batches."""
    loader = data_of(problem).loader
    assert loader is not None
    found: list[Array] = []
    for _, y in loader():
        labels = np.asarray(y.detach().cpu() if hasattr(y, "detach") else y)
        labels = labels.argmax(1) if labels.ndim == 2 and labels.shape[1] > 1 else labels
        found.append(labels.ravel().astype(np.int64))
        if len(found) == limit.BATCHES:
            break
    if not found:
        raise Skipped(say("the loader gave no batch"))
    return found


def validation_size(problem: Problem) -> Iterator[Finding]:
    """Validation is large enough to tell good from better."""
    arrays = arrays_of(problem)
    n = len(arrays.y_val)
    if arrays.kind == "regression":
        shown, meaning = say("{n} samples", n=n), ""
    else:
        metric = baselines_of(problem).linear_metric
        likely = min(max(0.5 if metric is None else metric, 0.05), 0.95)
        detectable = limit.DETECTABLE * float(np.sqrt(likely * (1 - likely) / n))
        shown = say("{n} samples, differences from {detectable:.3f}", n=n, detectable=detectable)
        meaning = say(
            ": differences of accuracy under {detectable:.3f} are noise",
            detectable=detectable,
        )
    if n >= limit.FEW_VAL:
        yield well("D13", shown, say("≥ {bound} samples", bound=limit.FEW_VAL))
        return
    yield wrong(
        "D13",
        "warning",
        say(
            "validation has few samples ({n}){meaning}. Hold out more, or average over several "
            "splits (k-fold) or seeds.",
            n=n,
            meaning=meaning,
        ),
        shown,
        say("≥ {bound} samples", bound=limit.FEW_VAL),
        look_at("larger validation set"),
        n_val=n,
    )


def _of_classes(problem: Problem) -> Arrays:
    arrays = arrays_of(problem)
    if arrays.classes is None:
        raise Skipped(say("the targets are no classes"))
    return arrays


def _bad_range(message: str, measured: str) -> Finding:
    return wrong("D02", "error", message, measured, "0, 1, 2, …", look_at("class numbers"))


def _listed(classes: list[int]) -> str:
    more = (
        say(" and {classes} more", classes=len(classes) - MOST_NAMED)
        if len(classes) > MOST_NAMED
        else ""
    )
    word = say("class") if len(classes) == 1 else say("classes")
    return say("{word} {classes}{more}", word=word, classes=classes[:MOST_NAMED], more=more)


def _maybe_quantity(arrays: Arrays) -> str:
    """A hint for whole numbers that are quantities."""
    many = (arrays.classes or 0) > 0.1 * len(arrays.y_train)
    return say('; say kind="regression" if the target is a quantity') if many else ""
