"""Arbitrary studies, and arbitrary damage to a sound one, for property tests."""

from __future__ import annotations

import copy
import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel
from registries import entries

from studies import schema
from studies.documents import plain, shapes

# --- Arbitrary studies, walked along their records -----------------------------------------------

characters = st.characters(codec="utf-8")
texts = st.text(characters, min_size=1, max_size=120).map(str.strip).filter(bool)
texts |= st.sampled_from(['"""', "a\n\n  b", "two words " * 20 + "end", "\\", "'", "# = ["])
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,12}", fullmatch=True)
numbers = st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=2)
numbers |= st.integers(-(10**8), 10**8).map(Decimal)
numbers |= st.sampled_from(list(map(Decimal, ("2.0", "1E+2", "0.520", "-0", "1E-30", "0E+3"))))
KINDS = (
    (schema.Text, texts),
    *((kind, numbers) for kind in (schema.Printed, schema.Fraction, schema.Percent)),
    (schema.Reached, numbers | st.just(schema.NOT_REACHED)),
    (schema.PrintedPair, st.lists(numbers, min_size=2, max_size=2)),
    (schema.ReachedPair, st.tuples(numbers, numbers | st.just(schema.NOT_REACHED)).map(list)),
    *((schema.PrintedOrText, numbers | texts), (schema.Count, st.integers(0, 10**6))),
    (schema.PatientCount, st.integers(1, 10**6)),
    (schema.CountsByName, st.dictionaries(texts, st.integers(0, 99), max_size=2)),
)


def values(hint: Any, least: int = 0) -> st.SearchStrategy[Any]:
    """Values of a type of a record; lists have `least` entries or more."""
    hint = plain(hint)
    for known, strategy in KINDS:
        if hint == known:
            return strategy
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        # The only annotated list is that of the cohorts, which may not be empty.
        return values(arguments[0], least=1)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), min_size=least, max_size=2)
    if origin is tuple:
        return st.tuples(*map(values, arguments)).map(list)
    if hint is bool:
        return st.booleans()
    return tables(hint)


def tables(record: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables of a record: every required key, and any of the others."""
    required = {s.key: values(s.hint) for s in shapes(record) if s.required}
    optional = {s.key: values(s.hint) for s in shapes(record) if not s.required}
    return st.fixed_dictionaries(required, optional=optional)


@st.composite
def studies(draw: st.DrawFn) -> schema.Study:
    """Any study that its records accept, consistent or not."""
    return schema.Study.model_validate(draw(tables(schema.Study)) | {"id": draw(names)})


# --- Damage --------------------------------------------------------------------------------------

scalars = st.one_of(
    st.text(characters, max_size=12),
    st.integers(-(10**12), 10**12),
    numbers,
    st.booleans(),
    st.just(Decimal("NaN")),
    st.just(Decimal("Infinity")),
    st.dates(datetime.date(1, 1, 1)),
    st.times(),
    st.sampled_from(["not reached", "lenvatinib", "os", "months", "verified", "5", "2.0", ""]),
)
keys = st.sampled_from(["id", "n", "with", "survival", "ci", "x", "", "a.b", "other"])
anything = st.recursive(
    scalars,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(keys, inside, max_size=3),
    max_leaves=6,
)


DAMAGES = ("add", "delete", "double", "rename", "replace", "wrap")


@st.composite
def damaged(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with one to three mistakes in it."""
    broken = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        known = [path for path, _ in entries(broken)]
        if not known:
            break
        *path, key = known[draw(st.integers(0, len(known) - 1))]
        here = broken
        for part in path:
            here = here[part]
        damage(draw, draw(st.sampled_from(DAMAGES)), here, key)
    return broken


def damage(draw: st.DrawFn, kind: str, here: Any, key: Any) -> None:
    """Make a mistake at one key of a table, or one place of a list."""
    match kind, here[key]:
        case "delete", _:
            del here[key]
        case "replace", _:
            here[key] = draw(anything)
        case "add", dict() as table:
            table[draw(keys)] = draw(anything)
        case "add", list() as several:
            several.append(draw(anything))
        case "double", value if isinstance(here, list):
            here.append(copy.deepcopy(value))
        case "rename", value if isinstance(here, dict):
            del here[key]
            here[draw(keys | st.just(f"{key}s") | st.just(f" {key}"))] = value
        case "wrap", [first, *_]:  # a list of tables becomes a table, or the other way round
            here[key] = first
        case "wrap", value:
            here[key] = [value]
