"""The reference of parameters says what the catalogue says."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "parameters.py"))
    written = script["PAGE"].read_text(encoding="utf-8")
    assert written == script["page"](), "run: python scripts/parameters.py"
