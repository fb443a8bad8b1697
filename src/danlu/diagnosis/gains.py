"""Whether tuning pays: against a linear model, and against the default config."""

from collections.abc import Iterator

from danlu.core.finding import Advice, Finding
from danlu.core.sentence import say
from danlu.diagnosis.study_thresholds import GAIN_FULL, GAIN_SPENT
from danlu.diagnosis.survey import Survey, spent_share


def below_linear(survey: Survey) -> Iterator[Finding]:
    """A linear model does as well as the best network: it has not earned its depth."""
    task, best = survey.history.task, survey.incumbent
    if task.linear_metric is None or best is None or not survey.proxy.full:
        return
    full = [c for c in survey.tried if c.epoch >= survey.history.spec.epochs]
    if len(full) < GAIN_FULL or spent_share(survey.history) < GAIN_SPENT:
        return
    loss = survey.history.objective.loss(task.linear_metric)
    if best.loss > loss - (survey.noise.sd or 0.0):
        value = survey.history.objective.loss(best.loss)
        yield Finding(
            "below_linear", "warning", 0.7,
            say(
                "The best of {tried} configs has {value:.4g}, a linear model "
                "{linear_metric:.4g}: the network has not earned its depth. Look at inputs, "
                "capacity and length of training, or use the linear model.",
                tried=len(survey.tried), value=value, linear_metric=task.linear_metric,
            ),
            {"best": value, "linear": task.linear_metric, "configs": len(survey.tried)},
            (Advice("check", group="code", why="a linear model does as well"),),
        )  # fmt: skip


def no_gain(survey: Survey) -> Iterator[Finding]:
    """After most of the budget nothing beats the default config beyond noise."""
    history, default = survey.history, survey.history.default
    same = None if default is None else next(
        (c for c in survey.tried if c.config == default.config), None)  # fmt: skip
    full = [c for c in survey.tried if c.epoch >= history.spec.epochs]
    if same is None or same not in full or len(full) < GAIN_FULL:
        return
    if spent_share(history) < GAIN_SPENT or survey.noise.sd is None:
        return
    best = min(full, key=lambda c: c.loss)
    gain = same.loss - best.loss
    if gain <= survey.noise.sd:
        noise = survey.noise.sd
        yield Finding(
            "no_gain", "info", 0.6,
            say(
                "None of the {full} configs trained in full beats the default one by more than "
                "the noise ({gain:.2g}, noise {noise:.2g}): the default is good, and tuning "
                "these parameters does not pay. More data, features or another model may.",
                full=len(full), gain=gain, noise=noise,
            ),
            {"gain": gain, "noise": noise, "full": len(full), "default": same.number},
        )  # fmt: skip
