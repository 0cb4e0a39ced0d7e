"""FHIR R4: find, hold and book appointments (gematik ISiK Terminplanung, IHE ITI Scheduling)."""

from datetime import timedelta
from functools import partial
from urllib.parse import parse_qsl

from fastapi import Request, Response

from api.auth.policy import PRACTISING, TREATING, may
from api.dependencies import DbSession, SettingsDep
from api.reading import with_reading
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import AskingDep
from api.routers.fhir.bodies import RESOURCE_BODY, ResourceBody
from api.routers.marked import MarkedRouter
from fhir.asking import Asking
from fhir.mapping.elements import Json
from fhir.operations.answer import Answer
from fhir.operations.book import book
from fhir.operations.find import find
from fhir.operations.hold import hold

router = MarkedRouter("/$")


@router.post(
    "/Appointment/$book", status_code=201, openapi_extra=RESOURCE_BODY, dependencies=[may(*PRACTISING)]
)
@router.post("/Appointment/$book/", status_code=201, include_in_schema=False, dependencies=[may(*PRACTISING)])
def book_appointment(body: ResourceBody, request: Request, session: DbSession, asking: AskingDep) -> Response:
    """Book an Appointment, move it under its id, or replace another; 202 if it must be confirmed."""
    return _answer(request, book(session, body, asking))


@router.post("/Appointment/$hold", openapi_extra=RESOURCE_BODY, dependencies=[may(*PRACTISING)])
@router.post("/Appointment/$hold/", include_in_schema=False, dependencies=[may(*PRACTISING)])
def hold_appointment(
    body: ResourceBody, request: Request, session: DbSession, asking: AskingDep, settings: SettingsDep
) -> Response:
    """Keep a proposed Appointment for a while; the answer is `pending` and says until when."""
    return _answer(request, hold(session, body, asking, lasts=timedelta(seconds=settings.hold_s)))


@router.post("/Appointment/$find", openapi_extra=RESOURCE_BODY, dependencies=[may(*TREATING)])
@router.post("/Appointment/$find/", include_in_schema=False, dependencies=[may(*TREATING)])
async def find_appointments(body: ResourceBody, request: Request, asking: AskingDep) -> Response:
    """Propose Appointments that could be had."""
    return await _find(request, body, asking)


@router.get("/Appointment/$find", dependencies=[may(*TREATING)])
@router.get("/Appointment/$find/", include_in_schema=False, dependencies=[may(*TREATING)])
async def find_appointments_by_address(request: Request, asking: AskingDep) -> Response:
    """Propose Appointments that could be had; the parameters stand in the address."""
    given: list[Json] = [
        {"name": name, "valueString": value}
        for name, value in parse_qsl(request.url.query)
        if name != "_format" and name != "_pretty"
    ]
    return await _find(request, {"resourceType": "Parameters", "parameter": given}, asking)


async def _find(request: Request, document: Json, asking: Asking) -> Response:
    work = partial(find, document=document, asking=asking)
    return await with_reading(request, asking.viewer, work, partial(_answer, request))


def _answer(request: Request, given: Answer) -> Response:
    headers = {} if given.location is None else {"Location": given.location}
    return answer(request, given.content, given.status, headers)
