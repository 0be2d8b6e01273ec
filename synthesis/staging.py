"""Writing a set of files so that nobody ever sees half of it.

Files are made in a hidden folder on the same file system and moved in place at the end. A results
folder that exists keeps whatever else is in it; files of an earlier report that the new one does
not have go away, so that no figure outlives the answers it belonged to.
"""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

MANIFEST = "manifest.json"
_PREFIX = ".atc-unfinished-"
_PLACE_ERRORS = (
    *(errno.EACCES, errno.EBUSY, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR),
    *(errno.ENOSPC, errno.ENOTDIR, errno.ENOTEMPTY, errno.EPERM, errno.EROFS),
)


class OutputError(Exception):
    """The place for the output cannot be written; the message is one sentence for the user."""


def check_folder(out: Path, kind: str | None = None) -> None:
    """Try, without leaving a trace, whether a results folder can be made and filled.

    A file is really written: permission bits tell little for the administrator, on network
    shares and on read-only mounts.

    Parameters
    ----------
    out : Path
        The results folder. Neither it nor its parents need exist.
    kind : str or None
        What its manifest will say that it holds (``"report"``, ``"impact"``); None: anything.

    Raises
    ------
    OutputError
        When a file stands where a folder is needed, nothing can be written there, or results of
        another kind are there, which would be taken for earlier ones of this kind and removed.
    """
    out = Path(out)
    if (out.exists() or out.is_symlink()) and not out.is_dir():
        raise OutputError(f"{out} is a file; give a folder for the results (--out).")
    found = _kind_of(out)
    if kind is not None and found not in (None, kind):
        raise OutputError(
            f"{out} holds other results ({found}), which these would replace; give another folder "
            "(--out)."
        )
    _try_to_write(_nearest_folder(out, out), out)


def check_file(path: Path) -> None:
    """Try whether one file can be written; see `check_folder`.

    Raises
    ------
    OutputError
        When a folder stands in its place or nothing can be written there.
    """
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file (-o).")
    _try_to_write(_nearest_folder(path.parent, path), path)


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder to write into; its files appear in `out` together, or not at all.

    Parameters
    ----------
    out : Path
        The results folder; made, with its parents, when it does not exist.

    Yields
    ------
    Path
        The folder to write into.

    Raises
    ------
    OutputError
        When the place cannot be written.
    """
    out = Path(out)
    check_folder(out)
    made = _missing_folders(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        # Inside `out`, not beside it: a results folder is often a mount of its own, and a move
        # from one file system to another is not atomic.
        stage = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=out))
    except OSError as error:
        _remove_empty(made)
        raise OutputError(_cannot_write(out, error)) from error
    finished = False
    try:
        new = stage / "new"
        new.mkdir()
        yield new
        _move_in_place(new, out, stage / "old")
        finished = True
    except OSError as error:
        # Only what the place is to blame for; anything else is a fault of the program.
        if error.errno in _PLACE_ERRORS:
            raise OutputError(_cannot_write(out, error)) from error
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if not finished:
            _remove_empty(made)


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """Give a path with the same suffix to write to; moved to `path` when it is complete.

    Raises
    ------
    OutputError
        When the place cannot be written.
    """
    path = Path(path)
    with staged_folder(path.parent) as stage:
        yield stage / path.name


def _move_in_place(new: Path, out: Path, old: Path) -> None:
    """Move every file of `new` into `out`; on any trouble put back what was there."""
    incoming = [file.relative_to(new) for file in sorted(new.rglob("*")) if file.is_file()]
    # A single file (a figure) is not a report: it takes nothing of an earlier report away.
    stale = _earlier_files(out) - set(incoming) if Path(MANIFEST) in incoming else set()
    moved: list[tuple[Path, Path]] = []
    try:
        for name in [*incoming, *sorted(stale)]:
            if (out / name).is_file():
                _move(out / name, old / name, moved)
        for name in incoming:
            _move(new / name, out / name, moved)
    except BaseException:  # an interrupt too must not leave half of the old and half of the new
        for source, target in reversed(moved):
            if not source.exists():
                target.replace(source)
        _remove_empty({(out / name).parent for name in incoming} - {out})
        raise
    _remove_empty({(out / name).parent for name in stale} - {out})


def _move(source: Path, target: Path, moved: list[tuple[Path, Path]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    moved.append((source, target))  # noted first: an interrupt may come between the two
    source.replace(target)


def _kind_of(out: Path) -> str | None:
    """Return what the manifest in a folder says that it holds; None where there is none."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        return str(manifest.get("kind", "report"))
    except (OSError, ValueError, AttributeError):
        return None


def _earlier_files(out: Path) -> set[Path]:
    """Files that the report already in `out` lists as its own (only inside `out`)."""
    try:
        listed = json.loads((out / MANIFEST).read_text(encoding="utf-8"))["files"]
        names = [PurePosixPath(name) for name in listed]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    inside = [name for name in names if not name.is_absolute() and ".." not in name.parts]
    return {Path(name) for name in inside if (out / name).is_file()}


def _nearest_folder(path: Path, wanted: Path) -> Path:
    """Return the deepest part of a path that exists; it must be a folder."""
    for candidate in (path, *path.absolute().parents):
        if candidate.exists():
            if not candidate.is_dir():
                raise OutputError(
                    f"{wanted} cannot be made, because {candidate} is a file; choose another place."
                )
            return candidate
    raise OutputError(f"{wanted} cannot be made: no part of it exists.")  # pragma: no cover


def _try_to_write(folder: Path, wanted: Path) -> None:
    try:
        probe = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        (probe / "probe").write_bytes(b"probe")
        shutil.rmtree(probe)
    except OSError as error:
        raise OutputError(_cannot_write(wanted, error)) from error


def _missing_folders(out: Path) -> list[Path]:
    return [folder for folder in (out, *out.absolute().parents) if not folder.exists()]


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _cannot_write(wanted: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{wanted} cannot be written ({reason}); choose a folder that can be written."
