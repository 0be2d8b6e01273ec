"""`atc impact`: what new study files change in the pool."""

from __future__ import annotations

from textwrap import indent


def shown(found):
    """Lines for a terminal: answers, then verdicts."""
    for answer in found.answers:
        yield f"{answer.question}\n{indent(answer.text, '  ')}\n"
    for name, verdict in found.verdicts.items():
        yield f"{verdict:<6}  {name}"
