"""Pages that a command shows, kept as text files under ``tests/golden``."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """Hold a text against the page of that name; with ``GOLDEN=write`` the page is renewed."""
    page = FOLDER / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")
    assert page.exists(), f"no page {page.name}: run the test with GOLDEN=write and look at it"
    assert text == page.read_text(encoding="utf-8"), f"{page.name} has changed"
