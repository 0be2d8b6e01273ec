"""Writing a set of files so that nobody ever sees half of it.

Files are made in a hidden folder on the same file system and moved in place at the end. Files of
an earlier report that the new one does not have go away, so that no figure outlives the answers it
belonged to; whatever else is in the folder stays.
"""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST = "manifest.json"
_PREFIX = ".atc-unfinished-"
_PLACE_ERRORS = (
    *(errno.EACCES, errno.EBUSY, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR),
    *(errno.ENAMETOOLONG, errno.ENOSPC, errno.ENOTDIR, errno.ENOTEMPTY, errno.EPERM, errno.EROFS),
)


class OutputError(Exception):
    """The place for the output cannot be written; the message is one sentence for the user."""


def check_folder(out: Path, kind: str | None = None) -> None:
    """Try, without leaving a trace, whether a results folder can be made and filled.

    `kind` is what its manifest will say that it holds (``"report"``, ``"impact"``); None: anything.

    Raises
    ------
    OutputError
        When a file stands where a folder is needed, nothing can be written there, or results of
        another kind are there, which would be taken for earlier ones of this kind and removed.
    """
    if (out.exists() or out.is_symlink()) and not out.is_dir():
        raise OutputError(f"{out} is a file; give a folder for the results (--out).")
    manifest = _manifest_in(out)
    found = kind if manifest is None else str(manifest.get("kind", "report"))
    if kind not in (None, found):
        raise OutputError(
            f"{out} holds other results ({found}), which these would replace; give another folder "
            "(--out)."
        )
    _try_to_write(out, out)


def check_file(path: Path, option: str = "-o") -> None:
    """Try whether one file can be written; `OutputError` where it cannot."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file ({option}).")
    _try_to_write(path.parent, path)


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder to write into; its files appear in `out` together, or not at all.

    `out` is made where it does not exist. `OutputError` where the place cannot be written.
    """
    check_folder(out)
    made = [folder for folder in (out, *out.absolute().parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        # Inside `out`, not beside it: a results folder is often a mount of its own, and a move
        # from one file system to another is not atomic.
        hidden = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=out, ignore_cleanup_errors=True)
        with hidden as stage:
            new = Path(stage, "new")
            new.mkdir()
            yield new
            _move_in_place(new, out, Path(stage, "old"))
    except OSError as error:
        # Only what the place is to blame for; anything else is a fault of the program.
        if error.errno in _PLACE_ERRORS:
            raise OutputError(_cannot_write(out, error)) from error
        raise
    finally:
        _remove_empty(made)


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """Give a path of the same name to write to; moved to `path` when it is complete."""
    with staged_folder(path.parent) as stage:
        yield stage / path.name


def _move_in_place(new: Path, out: Path, old: Path) -> None:
    """Move every file of `new` into `out`; on any trouble put back what was there."""
    incoming = [file.relative_to(new) for file in sorted(new.rglob("*")) if file.is_file()]
    # A single file (a figure) is not a report: it takes nothing of an earlier report away.
    stale = _earlier_files(out) - set(incoming) if Path(MANIFEST) in incoming else set()
    there = [name for name in (*incoming, *sorted(stale)) if (out / name).is_file()]
    moves = [(out / name, old / name) for name in there]
    moves += [(new / name, out / name) for name in incoming]
    try:
        for source, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
    except BaseException:  # an interrupt too must not leave half of the old and half of the new
        for source, target in reversed(moves):
            if not source.exists():
                target.replace(source)
        _remove_empty({(out / name).parent for name in incoming} - {out})
        raise
    _remove_empty({(out / name).parent for name in stale} - {out})


def _manifest_in(out: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _earlier_files(out: Path) -> set[Path]:
    """Files that the report already in `out` lists as its own (only inside `out`)."""
    listed = (_manifest_in(out) or {}).get("files")
    texts = (name for name in listed if isinstance(name, str)) if isinstance(listed, list) else ()
    names = (name for name in map(PurePosixPath, texts) if ".." not in name.parts)
    return {Path(n) for n in names if not n.is_absolute() and (out / n).is_file()}


def _try_to_write(folder: Path, wanted: Path) -> None:
    """Write a file into the deepest part of a path that exists.

    Permission bits tell little for the administrator, on network shares and read-only mounts.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not there.is_dir():
        raise OutputError(
            f"{wanted} cannot be made, because {there} is a file; choose another place."
        )
    try:
        probe = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=there))
        (probe / "probe").write_bytes(b"probe")
        shutil.rmtree(probe)
    except OSError as error:
        raise OutputError(_cannot_write(wanted, error)) from error


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _cannot_write(wanted: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{wanted} cannot be written ({reason}); choose a folder that can be written."
