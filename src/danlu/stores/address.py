"""The address of a store as anybody may see it."""

import re
from pathlib import Path


def shown(where: str | Path) -> str:
    """The address without its password, wherever that stands in it."""
    text = re.sub(r"://([^/@:]*):.*@", r"://\1:***@", str(where))
    return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", text)
