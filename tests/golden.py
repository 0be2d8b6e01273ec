"""Golden pages: whole answers kept as text, which a person reads when they change.

``GOLDEN=write python -m pytest tests`` renews those that differ; the difference is for review.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """Hold a text to the page of that name; with GOLDEN=write in the environment renew the page."""
    page = FOLDER / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")
    assert page.is_file(), f"no golden page {page.name}; GOLDEN=write makes it"
    assert text == page.read_text(encoding="utf-8")
