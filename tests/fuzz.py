"""Shipped study files with slips in them: each is refused in words, or read to the end.

Whatever is accepted is reviewed, shown, exported and read into observations, and holds no control
character. `python -m tests.fuzz 10000 1000 300` tries so many files, command lines (`fuzz_lines`)
and interrupts (`fuzz_interrupts`); a fourth number is the seed.
"""

from __future__ import annotations

import re
import signal
import sys
import tempfile
import tomllib
import traceback
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from studies import RegistryError, add_studies, load_registry
from studies.documents import bibtex, csv_of, export_json, registry_frame
from studies.plausibility import review
from studies.registry import SHIPPED_FOLDER, Registry
from studies.responses import best_responses
from synthesis.cli.showing import study_lines
from synthesis.counting import select
from synthesis.fits import class_order, survival_observations
from synthesis.model.response import response_data

FILES = sorted(SHIPPED_FOLDER.glob("*.toml"))
SECONDS = 10  # for one file

NUMBER = re.compile(r"(?<![\w.\"-])-?\d+(?:\.\d+)?(?![\w.\"-])")
TEXT = re.compile(r'"[^"\n]+"')
VALUES = (
    *("0", "1", "0.0", "1.0", "-1", "0.5", "95", "100", "2", "7", "3.1", "0.40", "0.05", "1e9"),
    *("100000", "999999998", "1e-30", "nan", "inf", "1_0", "0x1F", "9" * 70, "9" * 5000),
    *('"not reached"', '"5"', "true", "[]", "{}", "[0, 1]", "[0.5, 0.5]"),
    *("2020-01-01", "[[[[1]]]]"),
)
TEXTS = (
    *('""', '" "', '"=1+1"', '"not reached"', '"symmetric"', '"log"', '"mixed"', '"pure"', '"os"'),
    *(r'"a\u0000b"', r'"\u001b[2J"', r'"\u202eabc"', '"a\x07b"', '"²"', '"ü' * 300 + '"', "5"),
)
LINES = (
    *("a.b.c = 1", "a." * 40 + "a = 1", '"1²3" = 1', "x" * 300 + " = 1", "n = 0", "events = 0"),
    *("level = 1", 'ci_method = "symmetric"', "ci = [0, 1]", "follow_up = 6", "[[cohorts]]", "[x]"),
    *("histology = { pure = 0, mixed = 0 }", "a = " + "[" * 50, "iqr = [1, 2]", "at_risk = 0"),
    *('median = "not reached"', "survival = 1", "survival = 0"),
    *('label = "reader"', '"\\u0007" = 1'),
)


def _in_place(rng: Random, text: str, pattern: re.Pattern[str], new: tuple[str, ...]) -> str:
    """Put one of some values in the place of something that is there."""
    places = [match.span() for match in pattern.finditer(text)]
    if not places:
        return text
    start, end = rng.choice(places)
    return text[:start] + rng.choice(new) + text[end:]


def slip(rng: Random, text: str) -> str:
    """Make one slip."""
    lines = text.split("\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(9):
        case 0 | 1 | 2:
            return _in_place(rng, text, NUMBER, VALUES)
        case 3:
            return _in_place(rng, text, NUMBER, tuple(NUMBER.findall(text)) or VALUES)
        case 4:
            return _in_place(rng, text, TEXT, TEXTS)
        case 5:
            del lines[at]
        case 6:
            lines.insert(at, lines[other])
        case 7:
            lines.insert(at, rng.choice(LINES))
        case 8:
            position = rng.randrange(len(text) + 1)
            return text[:position] + rng.choice('\x00\x1b"[]{}=.,#\\\n9é') + text[position:]
    return "\n".join(lines)


def texts_in(value: Any) -> Iterator[str]:
    """Every key and text of a document."""
    if isinstance(value, dict):
        yield from value
    entries = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for entry in entries:
            yield from texts_in(entry)
    elif isinstance(value, str):
        yield value


def use(registry: Registry, study_id: str) -> None:
    """Do with a registry what does not take sampling."""
    review(registry)
    study_lines(registry, study_id)
    export_json(registry), bibtex(registry), csv_of(registry_frame(registry))
    for data, _ in survival_observations(registry).values():
        assert all(len(node) for arm in data.arms for chain in arm.chains for node in chain.nodes)
    counted = select(registry, "response").counted
    counts = [best_responses(ref.cohort.response, ref.cohort.n) for ref in counted]
    response_data(counted, counts, class_order(registry))


def fault(file: Path, base: Registry) -> str | None:
    """What goes wrong with a file; None where it is refused in words, or used."""

    def late(*_: Any) -> None:
        raise TimeoutError(f"more than {SECONDS} seconds")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        registry = add_studies(base, [file])
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        signs = {sign for text in texts_in(content) for sign in text} - {"\n", "\t"}
        assert not any(unicodedata.category(sign) == "Cc" for sign in signs), "a control character"
        use(registry, file.stem)
    except RegistryError as error:
        return None if str(error) and str(error).replace("\n", "").isprintable() else repr(error)
    except Exception:
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return None


def faults(number: int, seed: int, folder: Path) -> Iterator[tuple[int, str]]:
    """Try so many files in a folder; the number of each that fails, with what goes wrong.

    The file that failed stays in the folder.
    """
    base = load_registry(FILES[0], alone=True)
    for case in range(number):
        rng = Random(f"{seed} {case}")
        source = rng.choice(FILES[1:])
        text = source.read_text(encoding="utf-8")
        for _ in range(rng.choice((1, 1, 2, 3))):
            text = slip(rng, text)
        place = folder / str(case)
        place.mkdir()
        file = place / source.name
        file.write_text(text, encoding="utf-8")
        wrong = fault(file, base)
        if wrong is not None:
            yield case, f"{file}\n{wrong}"
        else:
            file.unlink()
            place.rmdir()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import fuzz_interrupts
    import fuzz_lines

    given = [int(word) for word in sys.argv[1:]]
    *counts, first = (*given, *(10_000, 1_000, 300, 0)[len(given) :])
    place, failed = Path(tempfile.mkdtemp(prefix="fuzz")), 0
    # interrupts first: their processes copy this one, which is small then
    parts = ("interrupts", fuzz_interrupts), ("command lines", fuzz_lines)
    for (what, part), number in zip(parts, counts[:0:-1], strict=True):
        found = list(part.faults(number, first, place))
        print(*(f"{case}: {words}" for case, words in found), f"{number} {what}", sep="\n")
        failed += len(found)
    found = list(faults(counts[0], first, place))
    print(*(f"{case}: {words}" for case, words in found), f"{counts[0]} files", sep="\n")
    print(f"{failed + len(found)} faults")
    sys.exit(bool(failed or found))
