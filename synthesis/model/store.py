"""What is kept on disk between runs: draws, what follows from them, the library of the charts.

Each entry is a folder under the fingerprint of all that determines it. It appears in one move, and
what was used longest ago goes when all together grow beyond :func:`most_bytes`.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

#: What other than data and source determines compiled code and draws.
VERSIONS = (
    platform.python_version(),
    platform.machine(),
    *((name, version(name)) for name in ("pymc", "pytensor", "nutpie", "numpy", "numba", "arviz")),
)

_DRAFT = "draft-"
_ABANDONED = 6 * 3600.0  # seconds after which a draft is of a process that was killed


def cache_folder() -> Path:
    """Where all of it is kept: ``ATC_CACHE_DIR``, or a folder of the user's caches."""
    base = os.environ.get("ATC_CACHE_DIR")
    if base:
        return Path(base)
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "atc-synthesis"


def most_bytes() -> float:
    """Room for all entries together: ``ATC_CACHE_MB`` megabytes, 2,000 where it is not set."""
    try:
        return float(os.environ.get("ATC_CACHE_MB", "")) * 1e6
    except ValueError:
        return 2e9


@dataclass(frozen=True)
class Entry:
    """One folder of the cache."""

    folder: Path
    about: str
    """What it holds, in words."""
    bytes: int
    used: float
    """When it was last used, seconds since 1970."""


def entries(base: Path, about: str = "") -> list[Entry]:
    """Entries of a folder, the one that was used last first; what vanishes meanwhile is skipped."""
    found = []
    for folder in base.iterdir() if base.is_dir() else ():
        try:
            sizes = [file.stat().st_size for file in folder.rglob("*")]
            if folder.is_dir():
                words = about or _about(folder)
                found.append(Entry(folder, words, sum(sizes), folder.stat().st_mtime))
        except OSError:
            continue
    return sorted(found, key=lambda entry: -entry.used)


def _about(folder: Path) -> str:
    try:
        return str(json.loads((folder / "draws.json").read_text(encoding="utf-8"))["about"])
    except (OSError, ValueError, LookupError, TypeError):
        return "unfinished" if folder.name.startswith(_DRAFT) else folder.name


def make_room(base: Path, spare: Path) -> None:
    """Remove drafts of killed runs, then what was used longest ago, but never ``spare``."""
    total = 0
    for entry in entries(base, "any"):
        total += entry.bytes
        old = time.time() - entry.used > _ABANDONED
        abandoned = entry.folder.name.startswith(_DRAFT) and old
        if abandoned or (total > most_bytes() and entry.folder != spare):
            shutil.rmtree(entry.folder, ignore_errors=True)
            total -= entry.bytes


@contextmanager
def draft(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes its place and name when all went well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_DRAFT, dir=folder.parent) as stage:
        filled = Path(stage) / "new"
        filled.mkdir()
        yield filled
        if folder.exists():  # what could not be read
            folder.rename(Path(stage) / "old")
        filled.rename(folder)
    make_room(folder.parent, folder)


# --- Draws ---------------------------------------------------------------------------------------


def read_draws(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, float]] | None:
    """Stored draws and seconds that they took; ``None`` where there are none that can be read."""
    try:
        facts = json.loads((folder / "draws.json").read_text(encoding="utf-8"))
        values = np.load(folder / "draws.npy", allow_pickle=False)
        if facts["checksum"] != _checksum(facts["shapes"], values):
            return None
        os.utime(folder)
        stops = np.cumsum([math.prod(shape) for shape in facts["shapes"].values()])
        parts = np.split(values.astype(float), stops[:-1])
        named = zip(facts["shapes"].items(), parts, strict=True)
        return {name: part.reshape(shape) for (name, shape), part in named}, facts["seconds"]
    except Exception:  # a damaged file fails in many ways
        return None


def _checksum(shapes: Mapping[str, Sequence[int]], values: np.ndarray) -> int:
    return zlib.crc32(values.tobytes(), zlib.crc32(json.dumps(shapes).encode()))


def write_draws(
    folder: Path, arrays: Mapping[str, np.ndarray], seconds: Mapping[str, float], about: str
) -> bool:
    """Store draws; a folder that cannot be written costs the next run its time only."""
    shapes = {name: values.shape for name, values in arrays.items()}
    vector = np.concatenate([np.ravel(values) for values in arrays.values()]).astype(np.float32)
    facts = {"about": about, "shapes": shapes, "seconds": dict(seconds)}
    facts["checksum"] = _checksum(shapes, vector)
    try:
        with draft(folder) as place:
            np.save(place / "draws.npy", vector)
            (place / "draws.json").write_text(json.dumps(facts), encoding="utf-8")
    except OSError:
        return False
    return True


def read_or_make(
    path: Path, make: Callable[[], Mapping[str, np.ndarray]]
) -> Mapping[str, np.ndarray]:
    """Arrays of a file beside draws, made and kept there where it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except Exception:  # a damaged file fails in many ways
        pass
    arrays = make()
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as stage:
            np.savez(Path(stage) / path.name, **arrays)
            (Path(stage) / path.name).replace(path)
    except OSError:
        pass
    return arrays
