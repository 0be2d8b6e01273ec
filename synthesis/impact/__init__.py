"""What new studies change: the pool without them and with them, and how surprising they are.

- ``measure``: the two fits, and everything made of them.
- ``predictive``, ``crowd``, ``surprise``: what a fit expects of the next report, the law of what
  such a report prints, and where the printed figures fall.
- ``tables``, ``words``: estimates, ranks and selection before and after, as tables and sentences.
"""

from synthesis.questions.impact import Impact, impact

__all__ = ["Impact", "impact"]
