"""Small registries for tests: plain tables in, TOML files out."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from studies import RegistryError, load_registry
from studies.documents import file_texts

NR = "not reached"
VOCABULARY: dict[str, Any] = {
    "classes": [
        {"id": "mki", "label": "Multikinase inhibitor", "role": "systemic", "order": 10},
        {"id": "chemo", "label": "Chemotherapy", "role": "systemic", "order": 20},
        {"id": "care", "label": "Supportive care", "role": "supportive", "order": 30},
        {"id": "rt", "label": "Radiotherapy", "role": "local", "order": 40},
        {"id": "mixed", "label": "Mixed treatments", "role": "mixed", "order": 50},
    ],
    "treatments": [
        {"id": "lenvatinib", "label": "Lenvatinib", "class": "mki", "synonyms": ["Lenvima"]},
        {"id": "sorafenib", "label": "Sorafenib", "class": "mki"},
        {"id": "paclitaxel", "label": "Paclitaxel", "class": "chemo"},
        {"id": "best_care", "label": "Best supportive care", "class": "care"},
        {"id": "radiotherapy", "label": "Radiotherapy", "class": "rt"},
        {"id": "various", "label": "Various", "class": "mixed"},
    ],
    "endpoints": [
        {"id": "os", "label": "Overall survival", "meaning": "Time to death."},
        {"id": "pfs", "label": "Progression-free survival", "meaning": "Time to progression."},
    ],
    "designs": {"retrospective": "After the fact.", "registry": "A disease registry."},
    "lines": {"first-line": "Not treated before."},
    "time_origins": {"treatment start": "First dose.", "diagnosis": "Day of the biopsy."},
    "diseases": {"ATC": "Anaplastic carcinoma.", "squamous": "Squamous-cell carcinoma."},
}


def write_tables(files: dict[str, dict[str, Any]], folder: Path) -> None:
    """Write tables by the name of their file, as an import does."""
    folder.mkdir()
    for name, text in file_texts(files).items():
        (folder / name).write_text(text, encoding="utf-8")


def toml(value: Any) -> str:
    """Write a value in TOML, tables inline."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int() | Decimal() | float() | datetime.date():
            return str(value)
        case list() | tuple():
            return "[" + ", ".join(toml(item) for item in value) + "]"
        case dict():
            entries = (f"{json.dumps(str(k))} = {toml(v)}" for k, v in value.items())
            return "{" + ", ".join(entries) + "}"
    raise TypeError(value)


def write_file(path: Path, tables: dict[str, Any]) -> None:
    """Write a document, one key on each line."""
    lines = [f"{key} = {toml(value)}" for key, value in tables.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def digits(figures: dict[str, Any]) -> dict[str, Any]:
    """Return figures with texts such as "3.1" and "0.6 5.5" as decimals and pairs of them."""

    def read(value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(r"[\d.]+( ([\d.]+|NR))?", value):
            return value
        numbers = [NR if part == "NR" else Decimal(part) for part in value.split()]
        return numbers if " " in value else numbers[0]

    return {key: read(value) for key, value in figures.items()}


def median(
    value: Any = "3.1", *, endpoint: str = "os", unit: str = "months", **more: Any
) -> dict[str, Any]:
    """Describe a printed median."""
    return digits({"endpoint": endpoint, "median": value, "unit": unit} | more)


def landmark(time: Any, survival: Any, *, endpoint: str = "os", **more: Any) -> dict[str, Any]:
    """Describe a printed survival probability, by default after so many months."""
    figures = {"endpoint": endpoint, "time": time, "unit": "months", "survival": survival}
    return digits(figures | more)


def subgroup(histology: str, n: int | None, **figures: Any) -> dict[str, Any]:
    """Describe a subgroup by histology."""
    number = {} if n is None else {"n": n}
    return {"factor": "histology", "level": histology, "histology": histology} | number | figures


def cohort(name: str = "arm", treatment: str = "lenvatinib", n: int | None = 23, **more: Any):
    """Describe a cohort."""
    number = {} if n is None else {"n": n}
    return {"id": name, "treatment": treatment, "treatment_as_printed": treatment} | number | more


def study(name: str, *cohorts: dict[str, Any], year: int | None = 2021, **more: Any):
    """Describe a study by one author of the same name."""
    citation: dict[str, Any] = {"authors": [f"{name.capitalize().rstrip('0123456789')} AB"]}
    if year is not None:
        citation["year"] = year
    head = {"id": name, "status": "verified", "design": "retrospective", "citation": citation}
    return head | {"cohorts": list(cohorts)} | more


def write_registry(folder: Path, *studies: dict[str, Any], vocabulary: Any = VOCABULARY) -> Path:
    """Write one file for each study, and a vocabulary beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "vocabulary.toml", vocabulary)
    for tables in studies:
        write_file(folder / f"{tables['id']}.toml", tables)
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with what it holds."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def full_study() -> dict[str, Any]:
    """Describe a sound study that uses every kind of record."""
    groups = [
        subgroup("pure", 15, survival=[median("2.7")]),
        subgroup("mixed", 8, survival=[median("6.3")], landmarks=[landmark(12, 0.25)]),
    ]
    first = cohort(
        "all",
        line="first-line",
        time_origin="treatment start",
        histology={"pure": 15, "mixed": 8, "other": {"focal": 3}},
        braf_v600e={"positive": 4, "tested": 20},
        survival=[
            median("3.1", ci="0.6 5.5", level="0.95"),
            median("not reached", endpoint="pfs", ci="2.0 NR", events=9),
        ],
        landmarks=[landmark(12, "0.20", ci="0.05 0.41")],
        response={"cr": 0, "pr": 2, "sd": 7, "evaluable": 23, "orr_percent": Decimal("8.7")},
        subgroups=groups,
        patients=[{"os": Decimal("2.0"), "unit": "months", "event": "died"}],
        characteristics=[{"name": "age", "statistic": "mean", "value": 64, "unit": "years"}],
    )
    second = cohort("old", n=9, part_of="all", n_implied={"value": 9, "derivation": "23 less 14"})
    return copy.deepcopy(
        study(
            "sparano2021",
            first,
            second,
            overlaps=[{"with": "jannin2023", "reason": "same network", "pairs": [["all", "x"]]}],
            comparisons=[
                {"endpoint": "os", "groups": ["mixed", "pure"], "p": Decimal("0.026"), "sided": 2},
                {"endpoint": "os", "p": "<0.001", "hr": 2, "hr_ci": [Decimal("1.1"), 4]},
            ],
            sources=[{"kind": "abstract", "doi": "10.1530/ERC-20-0106"}],
        )
    )


def problems_of(folder):
    """Return the problems of a folder, each as its sentence without the line of the file."""
    with pytest.raises(RegistryError) as raised:
        load_registry(folder)
    assert str(raised.value) == "\n".join(str(problem) for problem in raised.value.problems)
    return [str(dataclasses.replace(problem, line=None)) for problem in raised.value.problems]


def problems_with(tmp_path, *studies, vocabulary=VOCABULARY):
    """Return the problems of a registry of these studies."""
    return problems_of(write_registry(tmp_path / "registry", *studies, vocabulary=vocabulary))


def changed(place, value):
    """Return the sound study with one field set; a value of ... removes it."""
    tables = full_study()
    *path, last = place
    here = tables
    for part in path:
        here = here[part]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return tables
