"""Write the gallery: docs/gallery.md with a picture of every kind of figure, from invented tables.

A new plot is its file and its entry in `GALLERY`. With ``--check`` nothing is written, and the
exit code says whether the gallery is current.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import plot_tables as tables  # noqa: E402

from synthesis import plots  # noqa: E402

PAGE, FOLDER = ROOT / "docs" / "gallery.md", ROOT / "docs" / "gallery"
LEAD = """# Gallery

Every kind of figure, drawn from invented tables by `python scripts/make_gallery.py`. Names,
treatments and numbers belong to no report.
"""


@dataclass(frozen=True)
class Entry:
    """One picture: its name, what draws it, what makes its tables, what it answers, options."""

    name: str
    plot: Callable[..., Any]
    make: Callable[[], Any]
    words: str
    more: Mapping[str, Any] = field(default_factory=dict)

    def frames(self) -> tuple[Any, ...]:
        """What it is drawn from."""
        made = self.make()
        return made if isinstance(made, tuple) else (made,)

    def draw(self, **more: Any) -> Any:
        """Draw it; `more` goes to the plot function."""
        return self.plot(*self.frames(), **self.more, **more)


GALLERY = (
    Entry("forest_os", plots.plot_forest, lambda: plots.parts_of(tables.forest_table())[0],
          "Survival in every cohort, by class.", {"part": (1, 2)}),
    Entry("forest_response", plots.plot_forest, lambda: tables.forest_table("response", 20, 9),
          "Response in every cohort.", {"endpoint": "response"}),
    Entry("curves_os", plots.plot_curves, tables.curve_tables, "Pooled survival curves.",
          {"reference": "Alfatinib"}),
    Entry("digitised", plots.plot_digitised, tables.digitised_tables,
          "A curve read off a picture, beside what its report prints."),
    Entry("compare", plots.plot_compare, tables.compare_table,
          "Every treatment against the reference."),
    Entry("benefit", plots.plot_benefit, tables.benefit_table,
          "Medians and gains of pure and mixed tumours."),
    Entry("benefit_effects", plots.plot_effects, tables.effect_tables,
          "Effects of histology on their priors."),
    Entry("single_results", plots.plot_singles, tables.single_tables,
          "Results of single reports, alone and once pooled."),
    Entry("predictive_checks", plots.plot_checks, tables.check_tables,
          "Reported figures in their predictions."),
    Entry("sensitivity", plots.plot_specification, tables.specification_table,
          "One conclusion under every choice."),
    Entry("impact", plots.plot_impact, tables.impact_tables, "What new studies change."),
    Entry("cumulative", plots.plot_cumulative, tables.cumulative_table, "Answers year by year."),
    Entry("cases", plots.plot_cases, tables.case_table, "Single patients, never pooled."),
    Entry("assurance", plots.plot_assurance, tables.plan_table,
          "What a planned study is expected to conclude."),
    Entry("planned_widths", plots.plot_planned_widths, tables.plan_table,
          "How narrow intervals become."),
    Entry("bias", plots.plot_bias, tables.bias_tables, "Biases of retrospective reports."),
    Entry("funnel", plots.plot_funnel, tables.funnel_table, "Reported medians in a funnel."),
    Entry("pool", plots.plot_pool, tables.pool_table, "A plain meta-analysis.",
          {"scale": "ratio"}),
)  # fmt: skip


def page() -> str:
    """Text of the page."""
    parts = [
        f"## {entry.words}\n\n`{entry.plot.__module__}.{entry.plot.__name__}`\n\n"
        f"![{entry.words}](gallery/{entry.name}.svg)\n"
        for entry in GALLERY
    ]
    return "\n".join([LEAD, *parts])


def main(arguments: list[str]) -> int:
    """Write page and pictures, or with ``--check`` only look at them; return the exit code."""
    files = {PAGE: page().encode()}
    with tempfile.TemporaryDirectory() as folder:
        for entry in GALLERY:
            svg, *_ = plots.save_figure(entry.draw(), Path(folder) / entry.name)
            files[FOLDER / svg.name] = svg.read_bytes()
    stale = [path for path, text in files.items() if not path.exists() or path.read_bytes() != text]
    if "--check" not in arguments:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path in stale:
            path.write_bytes(files[path])
    return int("--check" in arguments and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
