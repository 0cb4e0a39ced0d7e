"""Skills: the region's common words for what a nurse can and a service needs."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.errors import Invalid
from careapp.people.models import Skill

_GRADES = range(1, 5)


class UnknownSkill(Invalid):
    """No skill has this code."""


class ImpossibleGrade(Invalid):
    """A skill's grade is none of the four."""


def require_skills(session: Session, needed: Sequence[Mapping[str, int]]) -> None:
    """Refuse skills that do not exist.

    Args:
        session: An open transaction.
        needed: Of each nurse: code to grade.

    Raises:
        UnknownSkill: A code names no skill; the message lists those that exist.
        ImpossibleGrade: A grade is not from 1 to 4; the message names the skill.
    """
    graded = [item for skills in needed for item in sorted(skills.items())]
    for code, grade in graded:
        if grade not in _GRADES:
            raise ImpossibleGrade(f"skill {code}: grade {grade} does not exist, write 1 (basic) to 4")
    if not graded:
        return
    known = set(session.scalars(select(Skill.code)))
    for code, _ in graded:
        if code not in known:
            raise UnknownSkill(f"there is no skill {code!r}: write one of {', '.join(sorted(known))}")
