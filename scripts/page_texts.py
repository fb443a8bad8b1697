"""The Chinese catalogue for the page: without what only commands say, as every byte is sent.

    python scripts/page_texts.py

`make page` calls it before it builds.
"""

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "danlu"
WRITTEN = ROOT / "web" / "ui" / "src" / "language" / "zh.page.json"
FORMAT = re.compile(r"\{(\w+)(?::[^{}]*)?\}")


def said_in(paths: Iterable[Path]) -> set[str]:
    """Templates of `say` in some files, without the formats of their fields."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say" and node.args:
                said = node.args[0]
                if isinstance(said, ast.Constant):
                    found.add(FORMAT.sub(r"{\1}", str(said.value)))
    return found


def for_page() -> dict[str, str]:
    """The texts that the page may need."""
    commands = set((SOURCE / "cli").rglob("*.py"))
    alone = said_in(commands) - said_in(set(SOURCE.rglob("*.py")) - commands)
    texts = json.loads((SOURCE / "language" / "zh.json").read_text("utf-8"))
    return {key: text for key, text in texts.items() if key not in alone}


if __name__ == "__main__":
    WRITTEN.write_text(json.dumps(for_page(), ensure_ascii=False, indent=1) + "\n", "utf-8")
