"""What it costs that somebody else comes: continuity of care."""

from collections.abc import Mapping
from uuid import UUID

STRANGER = 900
"""Points of a nurse who was not at the patient in four weeks: a quarter of an hour of driving is worth as
much. Leaving out even the least urgent visit costs eight times as much."""

ONCE_KNOWN = 450
"""Points of a nurse who was there, but hardly ever. They fall to 0 for the one who came most often."""


def points(visits: Mapping[UUID, int], practitioner_id: UUID) -> int:
    """Return what it costs that this nurse comes.

    Args:
        visits: How often each practitioner was at the patient in the last four weeks.
        practitioner_id: Who would come.

    Returns:
        0 for everybody if the patient saw nobody in these weeks. Else 0 for whoever came most often,
        `STRANGER` for whoever never came, and between them `ONCE_KNOWN` less the share of the visits of the
        one who came most often.
    """
    most = max(visits.values(), default=0)
    came = visits.get(practitioner_id, 0)
    if most == 0 or came == most:
        return 0
    return STRANGER if came == 0 else ONCE_KNOWN * (most - came) // most
