"""Planning the next study: what it would conclude, and how narrow intervals would become.

- ``design``: what a study would do.
- ``printing``: Kaplan-Meier figures and tests of simulated patients, as records of the registry.
- ``simulate``: a truth from the posterior, its patients, and the report of them.
- ``update``: the likelihood of that report for every draw, its own effects integrated out.
- ``plan``: everything together; ``words`` says it.
"""

from synthesis.planning.design import Design, NotPlannedError
from synthesis.planning.plan import Plan, plan

__all__ = ["Design", "NotPlannedError", "Plan", "plan"]
