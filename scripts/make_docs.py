"""Write what is generated: schema and field guide of study files, and the page of the model.

Run by ``make docs`` after a change of a record, of the vocabulary, of an equation or of a stored
calibration; tests hold that all are current. With ``--check`` nothing is written, and the exit
code says whether they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

from model_page import PAGE, model_page

from studies.documents import SCHEMA_FILE
from studies.guide import field_guide, schema_text
from studies.vocabulary import load_vocabulary

STUDIES = Path(__file__).parent.parent / "studies"
BEGIN = "<!-- The field guide is written by `make docs`; edit the records instead. -->"
END = "<!-- End of the field guide. -->"


def generated() -> dict[Path, str]:
    """Return the text that each generated file should have.

    Returns
    -------
    dict of Path to str
        Texts by file.
    """
    readme = STUDIES / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return {
        STUDIES / SCHEMA_FILE: schema_text(load_vocabulary()),
        readme: f"{before}{BEGIN}\n\n{field_guide()}\n{END}{after}",
        PAGE: model_page(),
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` only look at them; return the exit code."""
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
