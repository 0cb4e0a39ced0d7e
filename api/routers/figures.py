"""Figures of the region in which nobody can be recognised."""

from datetime import date
from typing import Annotated, Self

from fastapi import APIRouter, Path, Request

from api.auth.policy import may
from api.shapes import Example, LocalDate, Out, shown_as
from careapp.access import ViewerRole
from careapp.figures import COUNTER, DayFigures, figures_of_day
from careapp.tenancy import begin_as

router = APIRouter(prefix="/api/figures", tags=["figures"])

MUNICIPALITY_EXAMPLE: Example = {
    "ags": "05970004",
    "name": "Bad Berleburg",
    "patients": 42,
    "visits": 63,
}
FIGURES_EXAMPLE: Example = {
    "date": "2026-03-03",
    "municipalities": [
        MUNICIPALITY_EXAMPLE,
        {"ags": "05970008", "name": "Erndtebrück", "patients": None, "visits": None},
    ],
    "patients": 1180,
    "visits": 1730,
    "nurses": 96,
    "kilometres": 5120,
}


class MunicipalityFiguresOut(Out):
    """One municipality on a day; null: fewer than five people, perhaps nobody."""

    model_config = shown_as(MUNICIPALITY_EXAMPLE)

    ags: str
    name: str
    patients: int | None
    visits: int | None


class DayFiguresOut(Out):
    """The region on a local day; its totals are rounded to tens, so that no gap can be worked out."""

    model_config = shown_as(FIGURES_EXAMPLE)

    date: date
    municipalities: list[MunicipalityFiguresOut]
    patients: int | None
    visits: int | None
    nurses: int | None
    kilometres: int | None

    @classmethod
    def of(cls, figures: DayFigures) -> Self:
        """Show a day's figures."""
        return cls.model_validate(figures)


@router.get(
    "/days/{date}",
    dependencies=[may(ViewerRole.ANALYST, ViewerRole.COORDINATOR, ViewerRole.ADMINISTRATOR)],
)
def get_figures(
    date: Annotated[LocalDate, Path(description="The local day.", examples=["2026-03-03"])], request: Request
) -> DayFiguresOut:
    """Count a day's visits by municipality; what would stand for fewer than five people is null."""
    with begin_as(request.app.state.reading_sessions, COUNTER) as session:
        return DayFiguresOut.of(figures_of_day(session, date=date))
