"""Write what is generated: schema and field guide of study files, and blocks and pages of docs.

Run by ``make docs`` after a change of a record, of the vocabulary, of an equation or of a stored
calibration; tests hold that all are current. With ``--check`` nothing is written, and the exit
code says whether they are. ``--results DIR`` first takes the answer of the front page from the
tables of a report.

``docs/model.md`` holds the equations: they are the docstrings of the modules that hold them, so
that page and code cannot differ. ``docs/calibration.md`` holds what was measured: its tables are
read from the files that the simulations wrote.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
from calibration.benefit import reliability
from calibration.tables import calibration_tables, table

from priors import load_priors
from studies.documents import SCHEMA_FILE
from studies.guide import field_guide, schema_text
from studies.vocabulary import load_vocabulary
from synthesis import numbers
from synthesis.endpoints import endpoint_of
from synthesis.questions.certainty import PRIOR as CONFOUNDED
from synthesis.questions.contrasts import SURVIVAL_CONTRASTS
from synthesis.questions.influence import alternatives_words

ROOT = Path(__file__).parent.parent
STUDIES, DOCS, REFERENCE = ROOT / "studies", ROOT / "docs", ROOT / "tests" / "reference"
MODEL, CALIBRATION, AGAINST = (
    DOCS / f"{name}.md" for name in ("model", "calibration", "against_published")
)
FRONT = ROOT / "README.md"
ANSWER, HISTOLOGY, CHECKS = (DOCS / f"{name}.csv" for name in ("answer", "histology", "checks"))
ANSWER_BLOCK, CHECKS_BLOCK = (
    (f"<!-- Written by `make docs` from docs/{name}.csv. -->", f"<!-- End of the {name}. -->")
    for name in ("answer", "checks")
)
GUIDE_BLOCK = (
    "<!-- The field guide is written by `make docs`; edit the records instead. -->",
    "<!-- End of the field guide. -->",
)

#: What the page of the model tells, in order: heading, module or function.
EQUATIONS = (
    ("Survival families", "synthesis.model.families"),
    ("Which event times a median and its limits are", "synthesis.model.printed:interval_ranks"),
    ("Printed points of one curve", "synthesis.model.printed"),
    ("Printed comparisons", "synthesis.model.records:find_comparison"),
    ("What a comparison says of two curves", "synthesis.model.comparisons"),
    ("The hierarchy of survival", "synthesis.model.survival"),
    ("Arms that are known sharply", "synthesis.model.placing"),
    ("Kind of study and population", "synthesis.model.covariates"),
    ("The hierarchy of response", "synthesis.model.response"),
    ("Estimands", "synthesis.estimands"),
    ("Where a treatment is shrunk", "synthesis.questions.pooled.shrinkage"),
    ("Leaving one cohort out", "synthesis.left_out"),
    ("Choice of the survival family, and stacking", "synthesis.stacking"),
    ("Predictive checks", "synthesis.questions.checks"),
    ("Contrasts of treatments", "synthesis.questions.contrasts"),
    ("Confounding and certainty", "synthesis.questions.certainty"),
    ("A stated population", "synthesis.questions.mix"),
    ("What a planned study would settle", "synthesis.questions.plan"),
    ("What the draws are worth once a new study is printed", "synthesis.questions.plan.simulate"),
    ("Historical control: priors and what they are worth", "synthesis.questions.control"),
    ("Biases of retrospective reports (optional)", "synthesis.questions.bias"),
    ("Funnel of printed medians and small studies (optional)", "synthesis.questions.bias.funnel"),
)

_WRITTEN = "<!-- Written by `make docs` from {source}; edit those instead. -->\n\n"

_MODEL_HEAD = """\
# The model

From the figures that a report prints to a posterior. The equations are the docstrings of the
modules that hold them; [calibration.md](calibration.md) has what was measured of them.

Where to look, in `synthesis/model/`: a printed record becomes numbers in `records.py`, an ordered
chain of points in `printed.py`, an arm in `observations.py`, an array of the compiled model in
`arrays.py`. The likelihood is written out in `likelihoods.py` (numpy, the definition) and computed
in `kernel.py` (one operation with its gradient, tested against the definition). The hierarchy is in
`survival.py` and `response.py`, sampled by `sampler.py`; `synthesis/estimands.py` turns draws into
answers.
"""

_CALIBRATION_HEAD = """\
# What was measured

Each table with the command that makes it, run with `PYTHONPATH=scripts`. The equations are in
[model.md](model.md).
"""

_WHY_APART = (
    "Joint intervals of a contrast of two treatments are 9 % (true correlation 0.5) and 10 % (0.9) "
    "narrower for overall survival and 9 % and 11 % for progression-free survival, where half of "
    "the cohorts print one endpoint only; those of the mean log median are hardly so, by 1 % and "
    "4 %, and by 2 %. Coverage was 0.96 joint and 0.98 apart. Against that modest gain stands what "
    "it costs: the order of the endpoints, progression before death, pulls the mean log median of "
    "overall survival up (a bias of 0.10 where it is 0.04 apart, and no smaller error), the "
    "sampling errors of the two endpoints are taken as independent, and the contrasts cover less. "
    "So endpoints are fitted apart, and the joint model is no longer part of the code."
)


def generated() -> dict[Path, str]:
    """Return the text that each generated file should have."""
    readme = STUDIES / "README.md"
    return {
        STUDIES / SCHEMA_FILE: schema_text(load_vocabulary()),
        readme: with_block(readme, GUIDE_BLOCK, field_guide()),
        FRONT: with_block(FRONT, ANSWER_BLOCK, answer()),
        AGAINST: with_block(AGAINST, CHECKS_BLOCK, checks()),
        MODEL: model_page(),
        CALIBRATION: calibration_page(),
    }


def with_block(path: Path, marks: tuple[str, str], text: str) -> str:
    """Return a page with another text between two marks."""
    before, _, rest = path.read_text(encoding="utf-8").partition(marks[0])
    _, _, after = rest.partition(marks[1])
    return f"{before}{marks[0]}\n\n{text.strip()}\n\n{marks[1]}{after}"


def answer() -> str:
    """Return the answer of the stored report."""
    rows = pd.read_csv(ANSWER)
    medians, gains, adjusted = (
        map(_with_limits, *(rows[f"{name}{end}"] for end in ("", "_lower", "_upper")))
        for name in ("median", "gain", "adjusted")
    )
    sizes = (f"{row.cohorts} ({row.patients})" for row in rows.itertuples())
    limits = (
        "; ".join(map(numbers.ratio, pair))
        for pair in zip(rows["tipping_limit"], rows["tipping_estimate"], strict=True)
    )
    columns = [rows["treatment"], medians, gains, adjusted, sizes, rows["evidence"], limits]
    lines = zip(*columns, rows["certainty"], strict=True)
    head = [
        *("treatment", "median overall survival, months (95 %)"),
        f"longer than with {numbers.in_sentence(rows['reference'].iloc[0])} by",
        *("allowing for confounding", "cohorts (patients)", "the comparison is"),
        *("undone at", "certainty"),
    ]
    (histology,) = alternatives_words(pd.read_csv(HISTOLOGY))
    prior = load_priors()[CONFOUNDED]
    anyway = numbers.interval(prior.natural(prior.location), *prior.implied(), numbers.ratio)
    confounding = (
        "*Allowing for confounding* takes the patients on a treatment to have lived "
        f"{anyway} times as long anyway, which is a judgement."
    )
    return f"{table(head, lines)}\n\n{confounding}\n\n{histology}"


def _with_limits(middle: float, lower: float, upper: float) -> str:
    return numbers.interval(middle, lower, upper, numbers.months)


def checks() -> str:
    """Return how reported figures lie among predictions from all other cohorts."""
    rows = pd.read_csv(CHECKS)
    head = ["endpoint", "figures"]
    head += [f"inside the {numbers.percent(own)} % intervals" for own in rows["level"].unique()]
    lines = [
        [
            endpoint_of(name).label,
            str(own["figures"].iloc[0]),
            *(
                numbers.interval(row.share, row.lower, row.upper, numbers.percent)
                for row in own.itertuples()
            ),
        ]
        for name, own in rows.groupby("endpoint", sort=False)
    ]
    return table(head, lines)


def take_answer(results: Path, most: int = 6) -> None:
    """Keep overall survival under the largest treatments of several cohorts, and the figure of all.

    `results` is the folder of a report on this registry, `most` how many treatments.
    """
    names = "pooled", "compare", "histology_alternatives", "predictive_coverage"
    pooled, compared, alternatives, checks = (
        pd.read_csv(results / "tables" / f"{name}.csv") for name in names
    )
    medians = pooled.query(
        "endpoint == 'os' and estimand == 'median_months' and histology == 'reference' "
        "and target == 'mean_study'"
    )
    compared = compared.query("endpoint == 'os'").dropna(subset="p_gain")
    ends = ["estimate", "lower", "upper"]
    about = ["reference", "evidence", "tipping_limit", "tipping_estimate", "certainty"]
    about += ["adjusted", "adjusted_lower", "adjusted_upper"]
    gains = compared[["treatment", *ends, *about]].rename(columns=_named("gain"))
    known = (
        medians.drop(columns="evidence", errors="ignore")
        .rename(columns=_named("median"))
        .merge(gains, on="treatment")
        .dropna(subset="gain_lower")
        .query("cohorts >= 2")
        .nlargest(most, "patients")
        .sort_values("gain", ascending=False)
    )
    columns = ["treatment", *_named("median").values(), "evidence", *_named("gain").values()]
    _keep(known[list(dict.fromkeys([*columns, "cohorts", "patients", *about]))], ANSWER)
    _keep(alternatives.query("endpoint == 'os'"), HISTOLOGY)
    _keep(checks, CHECKS)
    shutil.copy(results / "figures" / "compare.svg", ANSWER.with_name("compare.svg"))


def _named(name: str) -> dict[str, str]:
    return {"estimate": name, "lower": f"{name}_lower", "upper": f"{name}_upper"}


def _keep(rows: pd.DataFrame, path: Path) -> None:
    rows.to_csv(path, float_format="%.8g", lineterminator="\n", index=False)


def model_page() -> str:
    """Return the page of the equations."""
    parts = [_WRITTEN.format(source="the modules") + _MODEL_HEAD]
    for heading, name in EQUATIONS:
        module, _, function = name.partition(":")
        holder = importlib.import_module(module)
        text = (getattr(holder, function) if function else holder).__doc__
        text = re.split(r"\n\s*Parameters\n\s*-+\n", text)[0]
        parts.append(f"## {heading}\n\n`{module.replace('.', '/')}.py`. {markdown(text)}")
    return _joined(parts)


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part.strip() for part in parts) + "\n"


def calibration_page() -> str:
    """Return the page of what was measured."""
    head = _WRITTEN.format(source="`tests/reference` by `scripts/make_docs.py`") + _CALIBRATION_HEAD
    sections = (_coverage, _simulation_based, _selective, _benefit, _together)
    return _joined([head, *(part for section in sections for part in section())])


def _coverage() -> Iterator[str]:
    yield "## Coverage and width, beside the patients themselves"
    yield (
        "`make calibration` simulates cohorts as reports make them and fits what they print: by "
        "this likelihood, by the log-normal approximation from the interval, by a Wald error on "
        "months with random effects by REML, and from the patients themselves. "
        "`tests/reference/calibration.csv` has every cell."
    )
    yield "![Coverage and width by method](../tests/reference/calibration.png)"
    yield calibration_tables()


def _simulation_based() -> Iterator[str]:
    stored = json.loads((REFERENCE / "sbc.json").read_text(encoding="utf-8"))
    yield "## Simulation-based calibration of the sampler and the hierarchy"
    yield (
        "`python -m sbc` draws parameters from the priors, prints what reports would "
        "print of patients drawn from them, fits that with the sampler of every report, and "
        "ranks the truth among the draws (Talts et al. 2018, arXiv 1804.06788). Ranks of a "
        "correct model and sampler are uniform; the 95 % bands are simultaneous over the whole "
        "distribution of a quantity's ranks (Säilynoja et al. 2022, "
        "doi 10.1007/s11222-022-10090-6)."
    )
    yield "![Rank histograms](../tests/reference/sbc.png)"
    lines = []
    for model, own in stored["models"].items():
        found = own["quantities"]
        worst = min(found, key=lambda name: found[name]["p"])
        inside = f"{sum(figures['inside'] for figures in found.values())} of {len(found)}"
        words = f"{worst}, p = {found[worst]['p']:.3f}"
        lines.append([model, str(own["replicates"]), inside, words, str(own["divergences"])])
    head = ["model", "worlds", "quantities inside their band", "worst", "divergences"]
    yield table(head, lines)
    versions = ", ".join(f"{name} {number}" for name, number in stored["versions"].items())
    yield (
        f"Made on {stored['date']} with seed {stored['seed']} "
        f"({versions}). `tests/test_sbc.py` fails when the density of the model is another one."
    )


def _selective() -> Iterator[str]:
    stored = json.loads((REFERENCE / "selective.json").read_text(encoding="utf-8"))
    yield "## Where significant results are printed and the others are not"
    yield (
        f"`python -m calibration.selective` simulates {stored['registries']} registries of "
        f"{stored['reports']} reports in which histology does nothing. Significant differences "
        f"are printed with their medians ({stored['significant_reports']} reports), the others "
        'as "not significant". Estimates are log ratios of medians.'
    )
    figures = {"covers_none": ".3f", "root_mean_square": ".2f", "largest": ".2f"}
    names = {"as_printed": "null results entered", "without_nulls": "null results left out"}
    lines = [
        [words, *(format(stored[name][key], digits) for key, digits in figures.items())]
        for name, words in names.items()
    ]
    head = ["registry", "95 % intervals that hold no effect", "root mean square", "largest"]
    yield table(head, lines)


def _benefit() -> Iterator[str]:
    yield "## Gains and ranks as probable as they are said to be"
    yield (
        "`python -m calibration.benefit` draws registries from the priors, fits what "
        "their reports print, compares the treatments as `atc compare` does, and looks up "
        "which statements are true. Errors count the statements of a registry as one draw."
    )
    yield "![Reliability of gains and ranks](../tests/reference/benefit_calibration.png)"
    statements = {
        "gain": "gain of more than 0, 1 or 3 months",
        "rank": "each rank of each treatment",
        "rank interval": "95 % interval of a rank",
    }
    for name, contrast in SURVIVAL_CONTRASTS.items():
        statements[f"interval {name}"] = f"95 % interval, {contrast.label}"
    lines = []
    for kind, own in pd.read_csv(REFERENCE / "benefit_calibration.csv").groupby("kind"):
        found = reliability(own)
        figures = (f"{value:.3f}" for value in (found.said, found.true, found.error))
        lines.append([statements[kind], str(found.statements), *figures])
    yield table(["statement", "number", "said, mean", "true", "standard error"], lines)


def _together() -> Iterator[str]:
    rows = pd.read_csv(REFERENCE / "calibration_joint.csv")
    first, methods = rows.iloc[0], dict(tuple(rows.groupby("method")))
    yield "## Overall and progression-free survival together, or apart"
    yield (
        "One model of both endpoints was tried: registries of twelve cohorts, of which "
        "half print one endpoint only, were fitted in that model and apart "
        f"({first['replicates']} registries a setting, {first['date']}). Figures of the "
        "models apart in brackets; widths of the joint intervals are relative to them."
    )
    key = ["correlation", "endpoint", "quantity"]
    pairs = methods["joint"].merge(methods["apart"], on=key, suffixes=("", "_apart"))
    lines = [
        [
            *(str(row.correlation), row.endpoint.upper(), row.quantity),
            f"{row.coverage:.2f} ({row.coverage_apart:.2f})",
            f"{row.rmse:.3f} ({row.rmse_apart:.3f})",
            f"{row.width_ratio:.2f}",
        ]
        for row in pairs.itertuples()
    ]
    head = ["true correlation", "endpoint", "quantity", "coverage", "root mean square error"]
    yield table([*head, "width"], lines)
    yield _WHY_APART


def markdown(docstring: str) -> str:
    """Turn a docstring in reStructuredText into Markdown with formulas."""
    first, _, rest = docstring.partition("\n")
    text = f"{first}\n{textwrap.dedent(rest)}"
    blocks = [_block(block) for block in re.split(r"\n\s*\n", _joined_math(text.strip()))]
    return "\n\n".join(blocks)


def _joined_math(text: str) -> str:
    """Put the lines of a displayed formula into one paragraph."""
    found = re.sub(r"\.\. math::\n\s*\n?((?:[ ]{3,}.*(?:\n|$))+)", _displayed, text)
    return re.sub(r"\n{3,}", "\n\n", found)


def _displayed(match: re.Match[str]) -> str:
    formula = textwrap.dedent(match.group(1)).strip()
    if "&" in formula:
        formula = f"\\begin{{aligned}}\n{formula}\n\\end{{aligned}}"
    return f"\n```math\n{formula}\n```\n"


def _block(block: str) -> str:
    if block.startswith("```"):
        return block
    return _grid(block) if block.startswith("====") else _inline(block)


def _inline(text: str) -> str:
    text = re.sub(r":math:`([^`]*)`", lambda m: "$" + " ".join(m.group(1).split()) + "$", text)
    text = re.sub(r":\w+:`~?([^`]*)`", lambda m: f"`{m.group(1).split('.')[-1]}`", text)
    return text.replace("``", "`")


def _grid(block: str) -> str:
    """A simple table: columns begin where its rules do, a line without a first cell goes on."""
    rule, *lines = block.splitlines()
    starts = [match.start() for match in re.finditer(r"=+", rule)]
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("=="):
            continue
        ends = [*starts[1:], None]
        cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], cells, strict=True)]
    head, *rest = ([_inline(cell) for cell in row] for row in rows)
    return table(head, rest)


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` only look at them; return the exit code."""
    if "--results" in arguments:
        take_answer(Path(arguments[arguments.index("--results") + 1]))
    stale = [
        (path, text)
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if "--check" in arguments:
            print(f"{path.name} is not current: run make docs")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.name}")
    return int("--check" in arguments and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
