"""Writing a set of files so that nobody ever sees half of it.

Files are made in a hidden folder on the same file system and moved in place at the end. Files of
an earlier report that the new one does not have go away, so that no figure outlives the answers it
belonged to; whatever else is in the folder stays.

Ctrl-C and its like wait for the end of the moves. A run that is killed leaves its hidden folder,
and the next run in that place finishes its moves if they had begun, or removes it. Runs hold their
folders by locks, so that none takes what another one works on.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: leftovers stay, and two runs in one folder are on their own
    fcntl = None

MANIFEST = "manifest.json"
_PREFIX = ".atc-unfinished-"
_MOVING = "moving.json"  # in the hidden folder once its moves have begun: the names of what goes
_ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP")
#: Errors of a place or a name, for which the program is not to blame.
PLACE_ERRORS = (
    *(errno.EACCES, errno.EBUSY, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EISDIR, errno.ELOOP),
    *(errno.ENAMETOOLONG, errno.ENOSPC, errno.ENOTDIR, errno.ENOTEMPTY, errno.EPERM, errno.EROFS),
    errno.EXDEV,
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
    if os.path.lexists(out) and not os.path.isdir(out):
        raise OutputError(f"{out} is a file; give a folder for the results (--out).")
    with _held(out, wait=True) as alone:
        if alone:
            _clear(out)
    manifest = _manifest_in(out)
    found = kind if manifest is None else str(manifest.get("kind", "report"))
    if kind not in (None, found):
        raise OutputError(
            f"{out} holds other results ({found}), which these would replace; give another folder "
            "(--out)."
        )
    _try_to_write(out, out)


def check_file(path: Path, option: str = "-o") -> None:
    """Try whether one file can be written; `OutputError` where it cannot.

    A link is followed; a device or a pipe is no file.
    """
    if os.path.isdir(path):
        raise OutputError(f"{path} is a folder; give the name of a file ({option}).")
    file = Path(os.path.realpath(path))
    if _is_special(file):
        raise OutputError(f"{path} is no ordinary file; give the name of one ({option}).")
    _try_to_write(file.parent, file)


@contextmanager
def staged_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder to write into; its files appear in `out` together, or not at all.

    `out` is made where it does not exist. `OutputError` where the place cannot be written.
    """
    check_folder(out)
    made = [folder for folder in (out, *out.absolute().parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with _held(out, wait=True):
                # Inside `out`, not beside it: a results folder is often a mount of its own, and a
                # move from one file system to another is not atomic.
                hidden = tempfile.TemporaryDirectory(
                    prefix=_PREFIX, dir=out, ignore_cleanup_errors=True
                )
                stage = Path(stack.enter_context(hidden))
                stack.enter_context(_held(stage, wait=False))
            new = stage / "new"
            new.mkdir()
            yield new
            with _undisturbed():
                with _held(out, wait=True):
                    _move_in_place(new, out, stage / "old")
                stack.close()
    except OSError as error:
        # Only what the place is to blame for; anything else is a fault of the program.
        if error.errno in PLACE_ERRORS:
            raise OutputError(_cannot_write(out, error)) from error
        raise
    finally:
        _remove_empty(made)


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write texts by the names of their files: UTF-8, with the same line ends on every system."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """Give a path of the same name to write to; moved to `path` when it is complete.

    Where `path` is a link, the file that it points to is written.
    """
    path = Path(os.path.realpath(path))
    with staged_folder(path.parent) as stage:
        yield stage / path.name


def _move_in_place(new: Path, out: Path, old: Path) -> None:
    """Move every file of `new` into `out`; on any trouble put back what was there.

    The manifest goes first and comes last: with it the folder is complete.
    """
    incoming = [file.relative_to(new) for file in sorted(new.rglob("*")) if file.is_file()]
    incoming.sort(key=Path(MANIFEST).__eq__)
    for path in (out / name for name in incoming):
        if _is_special(path):
            raise OutputError(
                f"{path} is no ordinary file, and would be replaced; remove it, or give another "
                "place."
            )
    # A single file (a figure) is not a report: it takes nothing of an earlier report away.
    stale = _earlier_files(out) - set(incoming) if Path(MANIFEST) in incoming else set()
    there = [name for name in (*reversed(incoming), *sorted(stale)) if (out / name).is_file()]
    begun = old.with_name(_MOVING)
    begun.with_suffix("").write_text(json.dumps([name.as_posix() for name in there]), "utf-8")
    os.replace(begun.with_suffix(""), begun)
    try:
        _move(there, out, old)
        _move(incoming, new, out)
    except BaseException:
        _move([name for name in incoming if not (new / name).exists()], out, new)
        _move([name for name in there if (old / name).exists()], old, out)
        _remove_empty({(out / name).parent for name in incoming} - {out})
        raise
    finally:
        begun.unlink()
    _remove_empty({(out / name).parent for name in stale} - {out})


def _move(names: Iterable[Path], source: Path, target: Path) -> None:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).replace(target / name)


def _clear(out: Path) -> None:
    """Finish what a killed run was moving, and remove what it had not made whole."""
    for stage in out.glob(f"{_PREFIX}*"):
        with suppress(OSError, ValueError), _held(stage, wait=False) as abandoned:
            if abandoned:
                if (stage / _MOVING).exists():
                    _finish(out, stage / "new", stage / "old", stage / _MOVING)
                shutil.rmtree(stage)


def _finish(out: Path, new: Path, old: Path, begun: Path) -> None:
    """Make the moves that are left of those that a killed run had begun."""
    there = [Path(name) for name in json.loads(begun.read_text(encoding="utf-8"))]
    left = [file.relative_to(new) for file in sorted(new.rglob("*")) if file.is_file()]
    _move([each for each in there if not (old / each).exists() and (out / each).exists()], out, old)
    _move(sorted(left, key=Path(MANIFEST).__eq__), new, out)
    begun.unlink()
    _remove_empty({(out / name).parent for name in there} - {out})


@contextmanager
def _held(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a folder against other runs, where its file system can; whether it is held."""
    handle, held = None, False
    try:
        with suppress(OSError):
            if fcntl is not None:
                handle = os.open(folder, os.O_RDONLY)
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                held = True
        yield held
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put off what would end the program, but for a kill."""
    if threading.current_thread() is not threading.main_thread():  # is not interrupted anyway
        yield
        return
    late: list[int] = []
    signals = [getattr(signal, name) for name in _ENDINGS if hasattr(signal, name)]
    before = {each: signal.signal(each, lambda number, _: late.append(number)) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        if late:
            signal.raise_signal(late[0])


def _is_special(path: Path) -> bool:
    """Whether something else than a file or a folder stands there: a link, a device, a pipe."""
    return os.path.islink(path) or (
        os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    )


def _manifest_in(out: Path) -> dict[str, Any] | None:
    if not os.path.isfile(out / MANIFEST):  # a pipe has no end
        return None
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
    """Write a file into the deepest part of a path that exists, and try every name below it.

    Permission bits tell little for the administrator, on network shares and read-only mounts.
    """
    above = (folder, *folder.absolute().parents)
    there = next(each for each in above if os.path.exists(each))
    if not there.is_dir():
        raise OutputError(
            f"{wanted} cannot be made, because {there} is a file; choose another place."
        )
    try:
        for name in wanted.absolute().parts[len(there.absolute().parts) :]:
            with suppress(FileNotFoundError, NotADirectoryError):
                os.lstat(there / name)
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"probe")
    except OSError as error:
        raise OutputError(_cannot_write(wanted, error)) from error


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _cannot_write(wanted: Path, error: OSError) -> str:
    reason = (error.strerror or str(error)).lower()
    return f"{wanted} cannot be written ({reason}); choose a folder that can be written."
