"""Where a video call is likely to hold: figures, our own phones, the link at a patient's home."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.auth.policy import CARING, TREATING, may
from api.dependencies import DbSession, Now, ReadSession, SettingsDep, SignedIn
from api.openapi import problems
from api.shapes import Example, In, Out, shown_as
from careapp.access import ViewerRole
from careapp.coverage import commands, queries
from careapp.coverage.cells import Bounds, Cell, NoArea
from careapp.coverage.commands import LONGEST_MS, Sample
from careapp.coverage.judging import Link, LinkKind, LinkWhy, Medium
from careapp.coverage.queries import CellLink
from careapp.people.queries import get_patient

router = APIRouter(prefix="/api/coverage", tags=["coverage"])
of_patients = APIRouter(prefix="/api/patients", tags=["coverage"])

GEOJSON_TYPE = "application/geo+json"
MOST_CELLS = 20_000
"""Of one answer: a region of 150 kilometres each way."""
MOST_SAMPLES = 500

LINK_EXAMPLE: Example = {"kind": "video", "why": "measured", "since": "2026-02-01", "medium": "video"}
COVERAGE_EXAMPLE: Example = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"kind": "audio", "why": "figures", "since": "2026-01-31"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[8.064, 51.39], [8.08, 51.39], [8.08, 51.4], [8.064, 51.4], [8.064, 51.39]]],
            },
        }
    ],
}


class LinkOut(Out):
    """What to expect of a link, on what that rests, and how a consultation should begin."""

    model_config = shown_as(LINK_EXAMPLE)

    kind: LinkKind
    why: LinkWhy
    since: date | None
    medium: Medium

    @classmethod
    def of(cls, link: Link) -> Self:
        """Show a link."""
        return cls(kind=link.kind, why=link.why, since=link.since, medium=link.medium)


class SampleIn(In):
    """One exchange of a phone with us; `cell` is the south-western corner of its cell, as the phone knows.

    It is `floor(latitude * 100) / 100` with two decimals, a comma, and `floor(longitude * 62.5) / 62.5` with
    three; the phone's place itself never leaves it, nor when it was there.
    """

    model_config = shown_as({"cell": "51.39,8.064", "is_ok": True, "took_ms": 420})

    cell: str = Field(max_length=16)
    is_ok: bool
    took_ms: int = Field(ge=0, le=LONGEST_MS)


class NewSamples(In):
    """What a phone met since it last told."""

    model_config = shown_as({"samples": [{"cell": "51.39,8.064", "is_ok": True, "took_ms": 420}]})

    samples: list[SampleIn] = Field(min_length=1, max_length=MOST_SAMPLES)


@router.get(
    "",
    response_class=Response,
    responses={
        200: {
            "description": "A GeoJSON FeatureCollection (RFC 7946)",
            "content": {GEOJSON_TYPE: {"schema": {"type": "object", "examples": [COVERAGE_EXAMPLE]}}},
        },
        **problems(400),
    },
    dependencies=[may(*CARING)],
)
def show_coverage(
    session: ReadSession,
    viewer: SignedIn,
    now: Now,
    settings: SettingsDep,
    bbox: Annotated[
        str,
        Query(
            max_length=80,
            description="West, south, east and north in degrees, with commas between.",
            examples=["7.9,51.2,8.2,51.4"],
        ),
    ],
) -> Response:
    """Show which link is likely where, as stretches of cells; what is unknown is left out.

    Imported figures, and what the phones of one's own service met, where that was often enough.
    """
    bounds = Bounds.of(*_four_numbers(bbox), most=MOST_CELLS)
    found = queries.list_links(
        session, bounds=bounds, viewer=viewer, now=now, operator=settings.coverage_operator
    )
    content = {"type": "FeatureCollection", "features": list(_features(found))}
    return Response(orjson.dumps(content), media_type=GEOJSON_TYPE)


@router.post("/samples", status_code=204, responses=problems(400), dependencies=[may(ViewerRole.NURSE)])
def add_samples(body: NewSamples, session: DbSession, viewer: SignedIn, now: Now) -> None:
    """Tell how long a phone's exchanges took, by cells; only sums of a cell and a month are kept."""
    samples = [Sample(Cell.named(each.cell), each.is_ok, each.took_ms) for each in body.samples]
    commands.add_samples(session, samples=samples, viewer=viewer, now=now)


@of_patients.get("/{patient_id}/link", responses=problems(404), dependencies=[may(*TREATING)])
def get_link(
    patient_id: UUID, session: ReadSession, viewer: SignedIn, now: Now, settings: SettingsDep
) -> LinkOut:
    """Tell what a call from a patient's home can count on, and how a consultation should begin there."""
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    return LinkOut.of(
        queries.expected_link(session, place=patient.home, now=now, operator=settings.coverage_operator)
    )


def _four_numbers(bbox: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError as malformed:
        raise NoArea(
            "name an area as west,south,east,north in degrees, like 7.9,51.2,8.2,51.4"
        ) from malformed
    return west, south, east, north


def _features(found: Sequence[CellLink]) -> Iterator[dict[str, Any]]:
    """Yield neighbours of one row that expect the same as one area."""

    def run(numbered: tuple[int, CellLink]) -> tuple[int, int, Link]:
        number, (cell, link) = numbered[0], (numbered[1].cell, numbered[1].link)
        return cell.row, cell.column - number, link

    for (_, _, link), members in groupby(enumerate(found), run):
        cells = [each.cell for _, each in members]
        first, beyond = cells[0], Cell(cells[-1].row + 1, cells[-1].column + 1)
        west, south, east, north = first.west, first.south, beyond.west, beyond.south
        corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        yield {
            "type": "Feature",
            "properties": {"kind": link.kind, "why": link.why, "since": link.since},
            "geometry": {"type": "Polygon", "coordinates": [corners]},
        }
