"""How well were the reports made and told? The appraisal of each, item by item."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from studies import Registry
from studies.documents import shapes
from studies.schema import Appraisal
from studies.selection import quality
from synthesis.numbers import count
from synthesis.result import Result

if TYPE_CHECKING:
    import pandas as pd

#: Stands where nobody has answered.
UNCLEAR = "unclear"
#: Items, of ten, of the better reports: half of them. The checklist has no threshold of its own.
HALF = 5


def questions() -> dict[str, str]:
    """Return the ten items of an appraisal, each with its question."""
    return {shape.name: shape.meaning for shape in shapes(Appraisal)}


def appraisal_table(registry: Registry, counted: Collection[str]) -> pd.DataFrame:
    """Return the appraisals of the reports that are appraised or counted, the best first.

    ``study``, ``label``, ``items_yes`` (0 to 10), the answer to each item (yes, no, unclear) under
    its name, and the reasons under the names with ``_reason``; without one, missing.
    """
    import pandas as pd

    rows = []
    for study in registry:
        if study.appraisal is None and study.id not in counted:
            continue
        known = {item: getattr(study.appraisal, item, None) for item in questions()}
        row = {"study": study.id, "label": registry.labels[study.id], "items_yes": quality(study)}
        row |= {item: own.answer if own else UNCLEAR for item, own in known.items()}
        rows.append(row | {f"{item}_reason": own and own.reason for item, own in known.items()})
    table = pd.DataFrame(rows)
    return table.sort_values(["items_yes", "label"], ascending=[False, True], ignore_index=True)


def result(registry: Registry, counted: Collection[str]) -> Result | None:
    """Say how the reports were appraised; None where no report is."""
    if not any(study.appraisal for study in registry):
        return None
    table = appraisal_table(registry, counted)
    half = int((table["items_yes"] >= HALF).sum())
    lead = (
        "The ten items of the JBI checklist for case series (Munn et al. 2020, "
        "doi:10.11124/JBISRIR-D-19-00099), answered from what was read of each report, most often "
        "its abstract: yes (+), no (-), or unclear (?) where that does not tell. So a report is "
        "marked by what it tells as much as by how it was done, and arms of trials are judged as "
        f"series. Of {count(len(table), 'report')} {half} have {HALF} items or more answered "
        "yes; no estimate is weighted by them.",
    )
    title = f"Appraisal of the reports ({len(table)})"
    return Result("appraisal", title, lead, tables={"appraisal": table})
