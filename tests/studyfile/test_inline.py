"""Parameters inside a command become a space and a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.core.command import fill
from danlu.core.parameter import Choice, Float, Int, Parameter
from danlu.errors import SpaceError
from danlu.studyfile.inline import parse_command, parse_parameter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("uniform(0, 0.5)", Float(0, 0.5, log=False)),
        ("log(1e-5,1e-1)", Float(1e-5, 1e-1, log=True)),
        ("log(1e-5, .1, default=1e-3)", Float(1e-5, 1e-1, log=True, default=1e-3)),
        ("uniform(-1, +1.)", Float(-1, 1, log=False)),
        ("int(1,4)", Int(1, 4, log=False)),
        (" logint ( 16 , 512 , default = 64 ) ", Int(16, 512, log=True, default=64)),
        ("choice(sgd,adam)", Choice("sgd", "adam")),
        ("choice(16, 32, 0.5)", Choice(16, 32, 0.5)),
        ("choice('a, b', \"c)\", true, 007, default=true)",
         Choice("a, b", "c)", "true", "007", default="true")),
    ],
)  # fmt: skip
def test_each_kind_is_read(text: str, expected: Parameter) -> None:
    assert parse_parameter(text) == expected


@pytest.mark.parametrize(
    ("argument", "template"),
    [
        ("--lr~log(1e-5,1e-1)", ("--lr", "{lr}")),
        ("--lr=~log(1e-5,1e-1)", ("--lr={lr}",)),
        ("-x~int(1,4)", ("-x", "{x}")),
        ("--shift~uniform(-1,1)", ("--shift={shift}",)),
        ("--mode~choice(-a,b)", ("--mode={mode}",)),
        ("model.lr~log(1e-5,1e-1)", ("model.lr={model.lr}",)),
        ("+new~int(1,4)", ("+new={new}",)),
        ("--learning-rate~log(1e-5,1e-1)", ("--learning-rate", "{learning-rate}")),
    ],
)
def test_a_parameter_becomes_arguments_that_any_parser_reads(
    argument: str, template: tuple[str, ...]
) -> None:
    space, parsed = parse_command(["train", argument])
    assert parsed == ("train", *template)
    assert len(space) == 1


def test_other_arguments_stay_as_they_are_but_for_placeholders() -> None:
    plain = ["~/data", "file~", "a~b", '{"json": {"a": 1}}', "}{", "", "--x~int(1,4)"]
    _, template = parse_command([*plain, "run-{x}-{seed}"])
    assert template[-1] == "run-{x}-{seed}"
    assert [fill(part, {}) for part in template[: len(plain) - 1]] == plain[:-1]


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(SpaceError) as caught:
        parse_command(
            ["--a~log(1,0)", "--b~lgo(1,2)", "--c~log(a,b)", "--d~choice(x,,y)", "--e~int(1,2",
             "--f~choice()", "--g~adam", "--h~log(1,1e999)", "--x~int(1,2)", "--x~int(1,2)",
             "--seed~int(1,2)", "--i~int(1,2,3)", "--j~choice(a,a)", "--k~int(1,2)x"]
        )  # fmt: skip
    found = caught.value.problems
    expected = [
        "--a~log(1,0): low must not exceed high",
        "--b~lgo(1,2): a parameter is written as one of",
        "--c~log(a,b): log needs two numbers",
        "--d~choice(x,,y): a value is empty",
        "--e~int(1,2: a parameter is written as",
        "--f~choice(): at least one choice",
        "--g~adam: a parameter is written as",
        "--h~log(1,1e999): low and high must be finite",
        "--x~int(1,2): x stands twice",
        "--seed~int(1,2): seed is a name of danlu's own",
        "--i~int(1,2,3): int needs two numbers",
        "--j~choice(a,a): each choice may stand once",
        "--k~int(1,2)x: a parameter is written as",
    ]
    assert len(found) == len(expected)
    assert all(p.startswith(e) for p, e in zip(found, expected, strict=True)), found
    assert "Did you mean 'log'?" in found[1]


def test_a_command_without_parameters_is_refused() -> None:
    with pytest.raises(SpaceError, match="no parameter to tune"):
        parse_command(["python", "train.py"])


def test_an_unknown_placeholder_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SpaceError, match="Did you mean 'units'"):
        parse_command(["--units~int(1,4)", "{unit}"])


@given(st.lists(st.one_of(st.text(), st.from_regex(r"--\w+~\w*\([^)]*\)?", fullmatch=True))))
def test_any_command_is_read_or_refused(arguments: list[str]) -> None:
    try:
        space, _ = parse_command(arguments)
    except SpaceError:
        return
    assert len(space)
