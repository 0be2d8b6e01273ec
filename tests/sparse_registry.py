"""Seven invented reports of another disease, of which nearly every treatment has one cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from small_registry import cohort, median, study, write_registry

#: Class -> its treatments.
CLASSES = {
    "chemo": ("doublet", "single", "later"),
    "chemo_io": ("doublet_d", "doublet_p"),
    "targeted": ("target_a", "target_b", "target_c"),
    "supportive": ("symptoms", "placebo"),
}
#: Report -> line, and its arms: treatment, patients, overall and progression-free survival with
#: their limits, responders and of how many.
REPORTS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "a2020": ("pretreated", [("target_a", 107, "21.1", "14.8 NR", "6.9", "6.2 9.6", 38, 107)]),
    "b2023": ("pretreated", [("target_b", 103, "21.7", "14.5 NR", "9.0", "6.9 13.1", 43, 103)]),
    "c2023": (
        "first-line",
        [
            ("doublet_p", 533, "12.7", "11.5 13.6", "6.5", "5.7 6.9", 155, 533),
            ("doublet", 536, "10.9", "9.9 11.6", "5.6", "4.9 6.5", 153, 536),
        ],
    ),
    "d2021": (
        "pretreated",
        [
            ("later", 81, "6.2", "5.4 7.6", "4.0", "3.2 5.0"),
            ("symptoms", 81, "5.3", "4.1 5.8"),
        ],
    ),
    "e2022": (
        "first-line",
        [
            ("doublet_d", 341, "12.8", "11.1 14.0", "7.2", "6.7 7.4", 91, 341),
            ("doublet", 344, "11.5", "10.1 12.5", "5.7", "5.6 6.7", 64, 343),
        ],
    ),
    "f2010": (
        "first-line",
        [
            ("doublet", 204, "11.7", "9.5 14.3", "8.0", "6.6 8.6"),
            ("single", 206, "8.1", "7.1 8.7", "5.0", "4.0 5.9"),
        ],
    ),
    "g2021": (
        "pretreated",
        [
            ("target_c", 126, "10.3", "7.8 12.4", "2.7", "1.6 4.2", 3, 126),
            ("placebo", 61, "7.5", "4.8 11.1", "1.4", "1.4 1.6", 0, 61),
        ],
    ),
}
VOCABULARY: dict[str, Any] = {
    "disease": "QT",
    "subject": "quartz tumour",
    "classes": [
        {"id": name, "label": name, "role": "systemic", "order": 10 * i}
        for i, name in enumerate(CLASSES)
    ],
    "treatments": [
        {"id": own, "label": own, "class": name} for name, many in CLASSES.items() for own in many
    ],
    "endpoints": [
        {"id": "os", "label": "Overall survival", "meaning": "Time to death."},
        {"id": "pfs", "label": "Progression-free survival", "meaning": "Time to progression."},
        {"id": "response", "label": "Response", "meaning": "The tumour became smaller."},
    ],
    "designs": {"randomised": "By lot.", "prospective_single_arm": "Planned."},
    "lines": {"first-line": "Not treated before.", "pretreated": "Treated before."},
    "time_origins": {"randomisation": "Day of the lot.", "treatment start": "First dose."},
    "diseases": {"QT": "A tumour of quartz."},
}


def write_sparse(folder: Path) -> Path:
    """Write the registry."""
    return write_registry(folder, *map(_report, REPORTS), vocabulary=VOCABULARY)


def _report(name: str) -> dict[str, Any]:
    line, arms = REPORTS[name]
    randomised = len(arms) > 1
    own = {"line": line, "time_origin": "randomisation" if randomised else "treatment start"}
    design = "randomised" if randomised else "prospective_single_arm"
    return study(name, *(_cohort(*arm, **own) for arm in arms), design=design)


def _cohort(treatment: str, n: int, *printed: Any, **own: Any) -> dict[str, Any]:
    pairs = zip(("os", "pfs"), (printed[:2], printed[2:4]), strict=True)
    own["survival"] = [
        median(months[0], endpoint=name, ci=months[1], level="0.95")
        for name, months in pairs
        if months
    ]
    if printed[4:]:
        own["response"] = {"responders": printed[4], "evaluable": printed[5]}
    return cohort(treatment, treatment, n, **own)
