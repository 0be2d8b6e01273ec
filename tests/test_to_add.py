"""Rows of the table "To add" of ARCHITECTURE.md, done in a copy: touch what a row says, and see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_registry import cohort, median, study, write_file

ROOT = Path(__file__).parent.parent
PACKAGES = ("studies", "priors", "synthesis")

FIGURES = {"survival": [median("5.5", ci="3.1 9.2", level="0.95")]}
STUDY = study("smith2024", cohort("all", "wonder_drug", 19, **FIGURES), year=2024)
TREATMENT = """
[[treatments]]
id = "wonder_drug"
label = "Wonder drug"
class = "multikinase_inhibitor"
"""

CHECK = '''

def small_cohorts(study: Study, around: Around) -> Iterator[Finding]:
    """Ask whether a cohort has fewer than twenty patients."""
    for arm, path, _ in arms(study):
        if (arm.n or 20) < 20:
            yield odd((*path, "n"), show(arm.n), "twenty or more", "look twice")
'''

FAMILY = '''class Gumbel(Weibull):
    """The Weibull under another name and with a prior of its own."""

    name = label = "gumbel"
    shape_prior = "shape_gumbel"


#: Every family'''

PRIOR = """
[[priors]]
name = "{name}"
role = "Made up"
family = "normal"
location = 0.0
scale = 0.3
reads_as = "{reads_as}"
rationale = "Made up."
source = "Made up"
"""

COVARIATE = """    Covariate("of_disease", "Of the disease or not", "disease", {"ATC": 0.5}),
    Covariate(
        "braf_mutated","""

QUESTION = '''"""How many cohorts count?"""

from studies import Registry
from studies.selection import select
from synthesis.result import Finding, Result


def result(registry: Registry) -> Result:
    """Say how many cohorts count for overall survival."""
    counted = len(select(registry, "os").counted)
    return Result("howmany", "How many?", findings=(Finding("How many?", (f"{counted} count.",)),))
'''

COMMAND = '''

@answers(out=None)
def howmany(request: Request) -> Result:
    """Count cohorts."""
    from synthesis.questions import howmany as question

    return question.result(request.registry)
'''

ENDPOINT = """        Endpoint("dss", "Disease-specific survival", "DSS", "How many live with it?"),
        Endpoint(
            "response","""

RULE = """    Rule("made up", 0, lambda own: True),
    Rule("not randomised","""

LINES = """

def _bare(result: Result) -> Iterator[str]:
    yield result.title


#: Format of tables"""

SEEN = """
import json
import sys
import tempfile
from pathlib import Path
import numpy as np
import studies, priors
from typer.testing import CliRunner
from studies import load_registry
from studies.plausibility import review
from studies.selection import select
from synthesis.cli import app
from synthesis.model import covariates, families

sys.path.append(TESTS)
from report_fits import analysis_of, registry_of
from synthesis.questions.sensitivity.specifications import CHOICES
from synthesis.report import write_report

with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    analysis = analysis_of(registry_of(folder))
    files = write_report(analysis, folder / "out", formats=["bare"])
    bare = (folder / "out" / "tables" / "compare.txt").read_text()
    page = (folder / "out" / "report.html").read_text()

run = lambda *words: CliRunner().invoke(app, list(words), env={"COLUMNS": "200"}).output
registry = load_registry()
new = next(ref for ref in select(registry, "os").counted if ref.study.id == "smith2024")
print(json.dumps({
    "home": str(Path(studies.__file__).parent.parent),
    "help": run("--help"),
    "compare": run("compare", "--help"),
    "howmany": run("howmany"),
    "list": run("studies", "list", "--treatment", "Wonder drug"),
    "notes": [str(note) for note in review(registry).notes],
    "survival": float(families.survival(np.array(4.0), 4.0, 1.0, "gumbel", 0.0)),
    "covariates": covariates.COVARIATE_LABELS["of_disease"],
    "priors": list(priors.load_priors()),
    "label": registry.vocabulary.treatment(new.treatment).label,
    "estimands": list(analysis.pooled["estimand"].unique()),
    "contrasts": list(analysis.comparison.table["estimand"].unique()),
    "reasons": list(analysis.comparison.table["certainty_reasons"].dropna().unique()),
    "choices": [choice.label for choice in CHOICES],
    "bare": bare,
    "page": [words for words in ("made up",) if words in page],
    "report": run("report", "--help"),
    "counted": len(select(registry, "dss").counted),
}))
"""


def put(path: Path, old: str, new: str) -> None:
    """Replace a text that stands once in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name}: {old!r} stands {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


FAMILIES = "GeneralisedGamma, LongTail)"
#: File, text that stands once in it, and what it becomes.
EDITS = (
    (
        "studies/plausibility/__init__.py",
        "NOTES: Mapping[str, Question] = {\n",
        'NOTES: Mapping[str, Question] = {\n    "small": notes.small_cohorts,\n',
    ),
    ("synthesis/model/families.py", "#: Every family", FAMILY),
    ("synthesis/model/families.py", FAMILIES, FAMILIES.replace(")", ", Gumbel)")),
    ("synthesis/choices.py", '"long-tail"),', '"long-tail", "gumbel"),'),
    ("synthesis/choices.py", '("latex", "markdown")', '("latex", "markdown", "bare")'),
    ("synthesis/model/covariates.py", '    Covariate(\n        "braf_mutated",', COVARIATE),
    (
        "synthesis/cli/__init__.py",
        "    commands.sensitivity:",
        '    commands.howmany: "Count.",\n    commands.sensitivity:',
    ),
    ("synthesis/endpoints.py", '        Endpoint(\n            "response",', ENDPOINT),
    ("studies/schema.py", 'PATIENT_TIMES = ("os", "pfs")', 'PATIENT_TIMES = ("os", "pfs", "dss")'),
    ("synthesis/estimands.py", "  _mean_to(12.0),", "  _mean_to(12.0),\n        _mean_to(18.0),"),
    ("synthesis/questions/contrasts.py", "months in (12, 24)", "months in (12, 18, 24)"),
    ("synthesis/questions/certainty.py", '    Rule("not randomised",', RULE),
    (
        "synthesis/questions/sensitivity/specifications.py",
        '    "medians_only": "Medians only",\n',
        '    "medians_only": "Medians only",\n    "none": "No figure",\n',
    ),
    ("synthesis/report/typeset.py", "\n\n#: Format of tables", LINES),
    ("synthesis/report/typeset.py", '{"latex": ', '{"bare": ("txt", _bare), "latex": '),
)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What a copy of the project shows once each thing was added to it."""
    copy = tmp_path_factory.mktemp("copy")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    write_file(copy / "studies/data/smith2024.toml", STUDY)
    (copy / "synthesis/questions/howmany.py").write_text(QUESTION, encoding="utf-8")
    append(copy / "studies/vocabulary.toml", TREATMENT)
    append(copy / "studies/plausibility/notes.py", CHECK)
    append(copy / "synthesis/cli/commands.py", COMMAND)
    priors = copy / "priors/data/default.toml"
    append(priors, PRIOR.format(name="shape_gumbel", reads_as="shape"))
    append(priors, PRIOR.format(name="covariate_of_disease", reads_as="ratio"))
    for file, old, new in EDITS:
        put(copy / file, old, new)
    done = subprocess.run(
        [sys.executable, "-c", SEEN.replace("TESTS", repr(str(ROOT / "tests")))],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["home"] == str(copy)
    return shown


#: What was added, where it is looked for, and what stands there.
SHOWN = [
    ("a study", "list", "smith2024"),
    ("a treatment", "label", "Wonder drug"),
    ("a family", "compare", "gumbel"),
    ("its prior", "priors", "shape_gumbel"),
    ("a covariate", "covariates", "Of the disease or not"),
    ("its prior", "priors", "covariate_of_disease"),
    ("a question", "help", "howmany"),
    ("its answer", "howmany", "count."),
    ("an endpoint", "report", "os|pfs|dss|response"),
    ("an estimand", "estimands", "rmst_18m"),
    ("a contrast", "contrasts", "difference_rmst_18m"),
    ("a rule of certainty", "page", "made up"),
    ("a choice of the sensitivity analysis", "choices", "No figure"),
    ("a format of tables", "report", "latex|markdown|bare"),
]


@pytest.mark.parametrize(("what", "where", "words"), SHOWN)
def test_what_is_added_is_shown(seen, what, where, words):
    assert words in seen[where], what


def test_what_is_added_is_used(seen):
    assert any("smith2024" in note and "twenty or more" in note for note in seen["notes"])
    assert seen["survival"] == pytest.approx(0.5)
    assert seen["counted"] > 0
    assert all(reasons.startswith("made up") for reasons in seen["reasons"])
    assert seen["bare"].strip()
