"""What a planned study would settle: files of `atc plan`."""

from __future__ import annotations

from pathlib import Path

from studies.vocabulary import Vocabulary
from synthesis.benefit.compare_words import in_sentence
from synthesis.planning.words import plan_captions
from synthesis.plots.planning import plot_assurance, plot_planned_widths
from synthesis.plots.style import About, Figure
from synthesis.questions.plan import Plan
from synthesis.report.files import write_files
from synthesis.report.view import dashes


def draw_plan(found: Plan) -> dict[str, Figure]:
    """Draw a plan: stem of the file -> figure."""
    title, endpoint = plan_title(found), found.table["endpoint"].iloc[0]
    return {
        f"plan_assurance_{endpoint}": plot_assurance(found.table, title=title),
        f"plan_widths_{endpoint}": plot_planned_widths(found.table, title=title),
    }


def plan_title(found: Plan) -> str:
    """Design, treatment and reference."""
    kind = found.design.kind
    names = (in_sentence(label) for label in (found.treatment, found.reference))
    return f"{kind[:1].upper()}{kind[1:]} study of {' against '.join(names)}"


def write_plan(found: Plan, vocabulary: Vocabulary, out: Path) -> list[Path]:
    """Write the table and the figures of a plan.

    Parameters
    ----------
    found : Plan
    vocabulary : Vocabulary
    out : Path
        The folder; made when it does not exist. Other files in it stay.

    Returns
    -------
    list of Path
        ``tables/plan.csv``, and of each figure SVG, PDF and PNG in ``figures/``.

    Raises
    ------
    synthesis.staging.OutputError
        When `out` cannot be written.
    """
    captions = plan_captions(found, vocabulary)
    figures = {
        stem: (figure, About(plan_title(found), dashes(captions[stem.split("_")[1]])))
        for stem, figure in draw_plan(found).items()
    }
    return write_files(out, {"plan": found.table}, figures)
