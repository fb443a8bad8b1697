"""Parameters as lines of a study file, for a person to paste."""

import json

from danlu.core.parameter import Choice, Parameter, Value


def line_of(name: str, p: Parameter) -> str:
    """``lr = { low = 1e-05, high = 0.1, log = true }``; a constant as its value."""
    return f"{_key(name)} = {_table(p)}"


def _table(p: Parameter) -> str:
    if isinstance(p, Choice):
        if p.constant and not p.when and p.role is None:
            return _value(p.values[0])
        pairs = {"choices": f"[{', '.join(map(_value, p.values))}]"}
    else:
        pairs = {"low": _value(p.low), "high": _value(p.high)}
        pairs |= {} if p.log is None else {"log": _value(p.log)}
        pairs |= {} if isinstance(p.low, float) else {"int": "true"}
    if p.default is not None:
        pairs["default"] = _value(p.default)
    if not isinstance(p, Choice) and p.limits is not None:
        pairs["limits"] = f"[{_value(p.limits[0])}, {_value(p.limits[1])}]"
    if p.when:
        parents = (f"{_key(n)} = {_one_or_several(values)}" for n, values in p.when.items())
        pairs["when"] = f"{{ {', '.join(parents)} }}"
    if p.role is not None:
        pairs["role"] = _value(p.role)
    return "{ " + ", ".join(f"{key} = {text}" for key, text in pairs.items()) + " }"


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("-", "_").isidentifier() else _value(name)


def _one_or_several(values: tuple[Value, ...]) -> str:
    texts = [_value(value) for value in values]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def _value(value: Value) -> str:
    """A value as TOML has it; none, for which it has no word, as text."""
    if isinstance(value, str | bool) or value is None:
        text = json.dumps("none" if value is None else value, ensure_ascii=False)
        return text.replace("\x7f", "\\u007f").encode(errors="replace").decode()
    return repr(value)
