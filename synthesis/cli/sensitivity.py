"""`atc sensitivity`: which conclusion changes under which choice."""

from __future__ import annotations

from textwrap import wrap

from synthesis.text.plain import WIDTH


def shown(found):
    """Lines for a terminal: every finding, then the verdict of the base."""
    for item in found.findings:
        yield item.question
        for line in item.text.splitlines():
            rest = "    " if line.startswith("- ") else "  "
            yield from wrap(
                line,
                WIDTH,
                initial_indent="  ",
                subsequent_indent=rest,
                break_on_hyphens=False,
            )
        yield ""
    advice = f" ({found.advice})" if found.advice else ""
    yield f"{found.verdict:<6}  base, {found.question.endpoint}{advice}"
    yield ""
