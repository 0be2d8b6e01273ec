"""Files of what new studies change: a summary to read, figures, tables and citations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from studies.documents import bibtex
from synthesis.plots import About, plot_impact, save_figure
from synthesis.questions.impact import listed
from synthesis.report.files import write_tables, write_texts
from synthesis.report.references import references
from synthesis.report.sections import endpoint_label
from synthesis.report.view import dashes
from synthesis.staging import MANIFEST, check_folder, staged_folder

if TYPE_CHECKING:
    from synthesis.questions.impact import Impact

TABLES = ("estimates", "surprise", "ranks", "selection", "diagnostics")
SUMMARY, BIBLIOGRAPHY = "impact.md", "references.bib"
_KIND = "impact"


def write_impact(impact: Impact, out: Path) -> list[Path]:
    """Write the answers, figures, tables and citations of what new studies change.

    Parameters
    ----------
    impact : Impact
    out : Path
        The folder; made when it does not exist. Files of an earlier answer in it are replaced or,
        where this one has none of that name, removed; other files stay.

    Returns
    -------
    list of Path
        Everything written: ``impact.md``, ``references.bib`` (the new studies), ``figures/`` (svg,
        pdf and png of each endpoint), ``tables/`` (csv) and ``manifest.json``.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written, or holds results of another kind, whose files would be taken
        for those of an earlier answer.
    """
    out = Path(out)
    check_folder(out, _KIND)
    with staged_folder(out) as stage:
        pictures = _draw(impact, stage / "figures")
        write_tables({name: getattr(impact, name) for name in TABLES}, stage)
        texts = {
            SUMMARY: "\n".join(_summary(impact, pictures)) + "\n",
            BIBLIOGRAPHY: bibtex([*impact.new, *impact.changed]).rstrip() + "\n",
        }
        write_texts(texts, stage)
        made = [file for file in stage.rglob("*") if file.is_file()] + [stage / MANIFEST]
        names = sorted(file.relative_to(stage).as_posix() for file in made)
        entries = dict(impact.manifest) | {"kind": _KIND, "files": names}
        text = json.dumps(entries, indent=2) + "\n"
        (stage / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    return [out / name for name in names]


def _draw(impact: Impact, folder: Path) -> dict[str, str]:
    """Draw the figure of each endpoint; return its caption by the name of its file."""
    cited = references(impact.registry, [study.id for study in (*impact.new, *impact.changed)])
    captions = {}
    for endpoint in impact.endpoints:
        stem = f"impact_{endpoint}"
        # hues of its own: those of all classes of a large registry are not distinct
        figure = plot_impact(impact.estimates, impact.surprise, impact.ranks, endpoint=endpoint)
        caption = dashes(impact.captions[stem])
        about = About(
            f"{endpoint_label(impact.registry, endpoint)}: what new studies change",
            caption,
            tuple(entry.in_full for entry in cited),
            tuple(entry.label for entry in cited),
        )
        save_figure(figure, folder / stem, about)
        captions[stem] = caption
    return captions


def _summary(impact: Impact, captions: dict[str, str]) -> Iterator[str]:
    """Lines of the summary: answers, verdicts, figures with their captions."""
    yield f"# What {listed(impact.titles)} change{'s' if len(impact.titles) == 1 else ''}"
    for answer in impact.answers:
        yield f"\n## {answer.question}"
        before = ""
        for line in answer.text.splitlines():
            # a list needs an empty line before it, and a paragraph one of its own
            if not (line.startswith("- ") and before.startswith("- ")):
                yield ""
            yield dashes(line)
            before = line
    if impact.verdicts:
        yield "\n## Can the fits be trusted?\n"
    for row in impact.diagnostics.to_dict("records"):
        advice = f": {row['advice']}" if row["advice"] else ""
        yield f"- {row['fit']} the new studies: {row['verdict']}{advice}"
    for stem, caption in captions.items():
        yield f"\n![{stem}](figures/{stem}.png)\n\n{caption}"
