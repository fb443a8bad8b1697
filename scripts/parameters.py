"""Writes docs/reference/parameters.md from the catalogue; run it after each change there."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from danlu.catalogue.families import space
from danlu.catalogue.roles import Known, catalogue, known
from danlu.core.parameter import Choice, Parameter

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "parameters.md"
HEAD = """\
# Parameters that danlu knows

<!-- Made by scripts/parameters.py from src/danlu/catalogue/catalogue.toml: change that. -->

A parameter has a role: its own `role`, or the first in this table whose pattern its name contains,
written as lower-case words with underscores (`learningRate` and `--learning-rate` are
`learning_rate`; of `model.depth` the last part speaks if the whole tells nothing). Names of
boosted trees, such as `alpha` and `gamma`, count where the space has rounds, a tree depth or a
booster. What a space leaves open is taken from here: the role; a logarithmic scale for a range of
two decades or more; the limits to which a search may move a range whose edge is best, where the
range lies within them. `log = false`, `limits = [low, high]` or another `role` say otherwise, and
`role = "other"` keeps all of this out. `danlu lint` compares a space with it
([how to](../how-to/lint.md)); `danlu show` tells what holds in a study.

"""
ROLES_HEAD = """\
| role | what it is | names | default | usual range | scale | limits | only with |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
FAMILIES = """\
## Ready spaces

`danlu.space("mlp")` and so on; keyword arguments replace a parameter or add one:
`danlu.space("rnn", cell="lstm", units=danlu.Int(32, 128, log=True))`.

"""


def page() -> str:
    """The whole page."""
    roles = [name for name in catalogue()["roles"] if name != "other"]
    parts = [HEAD, ROLES_HEAD, *(f"{row}\n" for role in roles for row in _rows(role))]
    parts += ["\n## Notes and sources\n\n", *(f"{line}\n" for line in _notes(roles))]
    parts += ["\n", FAMILIES, *(_family(name, of) for name, of in catalogue()["families"].items())]
    return "".join(parts).rstrip() + "\n"


def _rows(role: str) -> Iterator[str]:
    yield _row(role, known(role), catalogue()["roles"][role]["names"])
    for kind in catalogue()["roles"][role].get("optimizers", ()):
        yield _row(f"{role}, {kind}", known(role, kind), [])


def _row(title: str, of: Known, names: list[str]) -> str:
    usual = _pair(of.range) if of.range else ", ".join(f"`{value}`" for value in of.choices)
    cells = [
        title,
        "" if "," in title else of.about,
        ", ".join(f"`{_escaped(name)}`" for name in names),
        "" if of.default is None else f"`{_value(of.default)}`",
        usual,
        of.scale if of.range else "",
        _pair(of.limits) if of.limits else "",
        "; ".join(f"{parent} {' or '.join(values)}" for parent, values in of.when.items()),
    ]
    return f"| {' | '.join(cells)} |"


def _escaped(pattern: str) -> str:
    return pattern.replace("|", "\\|")


def _pair(pair: tuple[float, float]) -> str:
    return f"{pair[0]:g} … {pair[1]:g}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _notes(roles: list[str]) -> Iterator[str]:
    for role in roles:
        tables = {role: catalogue()["roles"][role]}
        tables |= {f"{role}, {k}": t for k, t in tables[role].get("optimizers", {}).items()}
        for title, table in tables.items():
            source = f" ({table['source']})" if "source" in table else ""
            if text := f"{table.get('note', '')}{source}".strip():
                yield f"- **{title}**: {text}"


def _family(name: str, table: Mapping[str, Any]) -> str:
    rows = "".join(f"| `{n}` | {_space_cells(p)} |\n" for n, p in space(name).parameters.items())
    return (
        f"### {name}\n\n{table['about'].capitalize()}. By importance: {', '.join(table['order'])} "
        f"({table['source']}).\n\n| parameter | default | range | scale | only with |\n"
        f"| --- | --- | --- | --- | --- |\n{rows}\n"
    )


def _space_cells(p: Parameter) -> str:
    when = "; ".join(
        f"`{parent}` {', '.join(map(str, values))}" for parent, values in p.when.items()
    )
    if isinstance(p, Choice):
        listed = "" if p.constant else ", ".join(f"`{_value(value)}`" for value in p.values)
        return f"`{_value(p.middle())}` | {listed} |  | {when}"
    scale = "log" if p.log else "linear"
    return f"`{_value(p.middle())}` | {_pair((p.low, p.high))} | {scale} | {when}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
