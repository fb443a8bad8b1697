"""The Chinese catalogue for the page: without what no page tells, as every byte is sent.

    python scripts/page_texts.py

`make page` calls it before it builds.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "danlu"
WRITTEN = ROOT / "web" / "ui" / "src" / "language" / "zh.page.json"
FORMAT = re.compile(r"\{(\w+)(?::[^{}]*)?\}")


COMMANDS = (  # tell the one at the terminal, and no page
    "catalogue/circumstances.py", "catalogue/families.py", "catalogue/ranges.py",
    "catalogue/together.py", "catalogue/verdict.py", "cli", "studyfile", "checking.py",
    "core/command.py", "core/limits.py", "core/outset.py", "core/spec.py",
    "kit/defaults.py", "kit/devices.py", "kit/params.py", "kit/reading.py",
    "kit/settings.py", "kit/tables.py", "kit/target.py", "preflight/arrays.py",
    "preflight/conversion.py", "stores/database.py", "stores/filesystem.py", "stores/lock.py",
    "web/serving.py",
)  # fmt: skip
HEARD = ("core", "stores", "web")  # whose errors reach a page; others end a command


def said_in(node: ast.AST, *, errors: bool) -> Iterator[str]:
    """Templates of `say`, without the formats of their fields; what is raised only on demand."""
    if isinstance(node, ast.Raise) and not errors:
        return
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and node.args:
        said = node.args[0]
        if isinstance(said, ast.Constant):
            yield FORMAT.sub(r"{\1}", str(said.value))
    for inner in ast.iter_child_nodes(node):
        yield from said_in(inner, errors=errors)


def is_command(node: ast.AST) -> TypeGuard[ast.FunctionDef]:
    """Whether its docstring is what ``--help`` tells."""
    return isinstance(node, ast.FunctionDef) and node.name in ("command", "group")


def texts_by(*, page: bool) -> set[str]:
    """All templates, or those that a page may tell."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        name = path.relative_to(SOURCE).as_posix()
        if not page or not name.startswith(COMMANDS):
            tree = ast.parse(path.read_text("utf-8"))
            if name.startswith("cli"):  # helps of commands
                found |= {ast.get_docstring(n) or "" for n in tree.body if is_command(n)}
            found |= set(said_in(tree, errors=not page or name.startswith(HEARD)))
    return found


def for_page() -> dict[str, str]:
    """The texts that the page may need."""
    alone = texts_by(page=False) - texts_by(page=True)
    texts = json.loads((SOURCE / "language" / "zh.json").read_text("utf-8"))
    return {key: text for key, text in texts.items() if key not in alone}


if __name__ == "__main__":
    WRITTEN.write_text(json.dumps(for_page(), ensure_ascii=False, indent=1) + "\n", "utf-8")
