"""Why an appointment is cancelled."""

from careapp.errors import Invalid

CANCELLATION_REASONS = frozenset({"pat", "prov", "maint", "meds-inc", "other"})
"""Codes of http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason (top level)."""


class UnknownReason(Invalid):
    """The reason is no code of the value set."""


def require_reason(because: str) -> None:
    """Refuse what is no code of `CANCELLATION_REASONS`.

    Raises:
        UnknownReason: It is none.
    """
    if because not in CANCELLATION_REASONS:
        known = ", ".join(sorted(CANCELLATION_REASONS))
        raise UnknownReason(f"{because!r} is no reason for a cancellation: write one of {known}")
