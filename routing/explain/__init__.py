"""Why is this visit left out, why this nurse, and what would have to change?"""

from routing.explain.changes import Counterfactual
from routing.explain.choice import Alternative, Choice, NotPlanned, stop
from routing.explain.proofs import explain_unassigned
from routing.explain.reasons import Reason, unassigned

__all__ = [
    "Alternative",
    "Choice",
    "Counterfactual",
    "NotPlanned",
    "Reason",
    "explain_unassigned",
    "stop",
    "unassigned",
]
