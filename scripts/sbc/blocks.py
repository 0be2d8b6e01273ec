"""Results of long runs on disk, block by block: an interrupt loses one block at most."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.progress import track

BLOCK = 10  # results of one file


def kept(path: Path, make: Callable[[], list[Any]]) -> list[Any]:
    """Rows of a block: read from its file, or made and stored there in one move."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(make()), encoding="utf-8")
        part.replace(path)
    return json.loads(path.read_text(encoding="utf-8"))


def in_blocks(stem: Path, wanted: int, make: Callable[[int], Any]) -> list[Any]:
    """Results of 0, 1, 2, ..., in whole blocks; files are named after ``stem`` and their number."""
    found: list[Any] = []
    for block in track(range(-(-wanted // BLOCK)), f"blocks of {stem.parent.name} {stem.name}"):
        numbers = range(block * BLOCK, (block + 1) * BLOCK)
        path = stem.with_name(f"{stem.name}_{block:03d}.json")
        found += kept(path, lambda numbers=numbers: [make(number) for number in numbers])
    return found
