"""Many resources at once: $everything about patients, and $export into files (FHIR Bulk Data Access).

https://hl7.org/fhir/R4/patient-operation-everything.html, https://hl7.org/fhir/uv/bulkdata/export.html. An
export is ordered with `Prefer: respond-async`; a job writes its files, its status stands at another address.
A group is an organisation's patients: the id of the Group is the id of the Organization.
"""

from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import FileResponse
from sqlalchemy.orm import Session

from api.auth.policy import PLANNING, TREATING, may
from api.dependencies import DbSession, ReadSession, SettingsDep
from api.reading import with_reading
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import AskingDep, wishes_of
from api.routers.fhir.bodies import RESOURCE_BODY, ResourceBody
from api.routers.marked import MarkedRouter
from careapp.access import Viewer, ViewerRole
from careapp.config import Settings
from careapp.errors import CareError, Invalid, NotFound
from careapp.jobs import queue
from careapp.jobs.kinds import EXPORT
from careapp.jobs.models import Job, JobState
from careapp.organisations.queries import get_organisation
from fhir.asking import Asking
from fhir.issues import TooMuchAtOnce
from fhir.operations.everything import everything
from fhir.operations.export import Level, manifest, read_order
from fhir.operations.wanted import Pairs, pairs_of, read_pairs
from fhir.search.carriers import parse_id

router = MarkedRouter("/$")
files = MarkedRouter("/$export", dependencies=[may(*PLANNING)])
"""What is not FHIR by its format, so no `Accept` of FHIR's is asked for."""

NDJSON = "application/fhir+ndjson"
LOOK_AGAIN_S = 2
MOST_AT_ONCE = 10
"""Exports of one organisation that are not done yet."""


class NotAsked(Invalid):
    """An export was asked for without `Prefer: respond-async`."""


class GroupNotFound(NotFound):
    """There is no organisation of this id."""


class ExportNotFound(NotFound):
    """There is no such export, or it has expired."""


class ExportFailed(CareError):
    """The export's job failed."""


@router.get("/Patient/{id}/$everything", dependencies=[may(*TREATING)])
@router.get("/Patient/{id}/$everything/", include_in_schema=False, dependencies=[may(*TREATING)])
async def get_everything(
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    asking: AskingDep,
) -> Response:
    """Answer all that belongs to a patient, page by page."""
    return await _everything(request, asking, read_pairs(request.url.query), id)


@router.post("/Patient/{id}/$everything", openapi_extra=RESOURCE_BODY, dependencies=[may(*TREATING)])
@router.post("/Patient/{id}/$everything/", include_in_schema=False, dependencies=[may(*TREATING)])
async def ask_for_everything(
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    asking: AskingDep,
    body: ResourceBody,
) -> Response:
    """Answer all that belongs to a patient; what is wanted stands in a Parameters resource."""
    return await _everything(request, asking, pairs_of(body), id)


@router.get("/Patient/$everything", dependencies=[may(*TREATING)])
@router.get("/Patient/$everything/", include_in_schema=False, dependencies=[may(*TREATING)])
async def get_everything_of_all(request: Request, asking: AskingDep) -> Response:
    """Answer all that belongs to any patient, page by page."""
    return await _everything(request, asking, read_pairs(request.url.query))


async def _everything(request: Request, asking: Asking, pairs: Pairs, id: str | None = None) -> Response:  # noqa: A002 -- FHIR's word
    work = partial(everything, id=id, pairs=pairs, asking=asking)
    return await with_reading(request, asking.viewer, work, partial(answer, request))


@router.get("/$export", status_code=202, dependencies=[may(*PLANNING)])
@router.get("/$export/", include_in_schema=False, dependencies=[may(*PLANNING)])
def export_all(request: Request, session: DbSession, asking: AskingDep) -> Response:
    """Order an export of all resources; the header Content-Location says where its status stands."""
    return _order(request, session, asking, "system", read_pairs(request.url.query))


@router.post("/$export", status_code=202, openapi_extra=RESOURCE_BODY, dependencies=[may(*PLANNING)])
@router.post("/$export/", include_in_schema=False, dependencies=[may(*PLANNING)])
def ask_to_export_all(
    request: Request, session: DbSession, asking: AskingDep, body: ResourceBody
) -> Response:
    """Order an export of all resources by a Parameters resource."""
    return _order(request, session, asking, "system", pairs_of(body))


@router.get("/Patient/$export", status_code=202, dependencies=[may(*PLANNING)])
@router.get("/Patient/$export/", include_in_schema=False, dependencies=[may(*PLANNING)])
def export_patients(request: Request, session: DbSession, asking: AskingDep) -> Response:
    """Order an export of what belongs to patients, and of who cares for them where."""
    return _order(request, session, asking, "patient", read_pairs(request.url.query))


@router.post("/Patient/$export", status_code=202, openapi_extra=RESOURCE_BODY, dependencies=[may(*PLANNING)])
@router.post("/Patient/$export/", include_in_schema=False, dependencies=[may(*PLANNING)])
def ask_to_export_patients(
    request: Request, session: DbSession, asking: AskingDep, body: ResourceBody
) -> Response:
    """Order an export of what belongs to patients by a Parameters resource."""
    return _order(request, session, asking, "patient", pairs_of(body))


@router.get("/Group/{id}/$export", status_code=202, dependencies=[may(*PLANNING)])
@router.get("/Group/{id}/$export/", include_in_schema=False, dependencies=[may(*PLANNING)])
def export_group(
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    session: DbSession,
    asking: AskingDep,
) -> Response:
    """Order an export of what belongs to an organisation's patients; its id is the Group's."""
    return _order(request, session, asking, "group", read_pairs(request.url.query), id)


@router.post(
    "/Group/{id}/$export", status_code=202, openapi_extra=RESOURCE_BODY, dependencies=[may(*PLANNING)]
)
@router.post("/Group/{id}/$export/", include_in_schema=False, dependencies=[may(*PLANNING)])
def ask_to_export_group(
    id: str,  # noqa: A002 -- FHIR's word
    request: Request,
    session: DbSession,
    asking: AskingDep,
    body: ResourceBody,
) -> Response:
    """Order an export of what belongs to one organisation's patients by a Parameters resource."""
    return _order(request, session, asking, "group", pairs_of(body), id)


def _order(
    request: Request,
    session: Session,
    asking: Asking,
    level: Level,
    pairs: Pairs,
    group: str | None = None,
) -> Response:
    if "respond-async" not in wishes_of(request):
        raise NotAsked("an export takes a while: send the header Prefer: respond-async")
    key = None
    if group is not None:
        key = parse_id(group)
        if key is None:
            raise GroupNotFound("there is no such group: name the id of an Organization")
        get_organisation(session, organisation_id=key, viewer=asking.viewer)
    order = read_order(
        level,
        pairs,
        viewer=asking.viewer,
        zone=asking.zone,
        group=key,
        lenient="handling=lenient" in wishes_of(request),
    )
    arguments = order.as_arguments() | {"request": str(request.url)}
    if queue.count_active(session, kind=EXPORT, viewer=asking.viewer) >= MOST_AT_ONCE:
        raise TooMuchAtOnce(f"{MOST_AT_ONCE} exports are not done yet: wait for one, or delete it")
    job = queue.submit(
        session, kind=EXPORT, arguments=arguments, viewer=asking.viewer, now=asking.now, dedup=False
    )
    return answer(request, b"", 202, {"Content-Location": f"{asking.base_url}/$export-status/{job.id}"})


@files.get(
    "/$export-status/{job_id}",
    responses={200: {"description": "The manifest"}, 202: {"description": "Not yet whole"}},
)
def get_export(job_id: UUID, session: ReadSession, asking: AskingDep, settings: SettingsDep) -> Response:
    """Tell how far an export is (202), or list its files (200)."""
    job = _find(session, job_id, asking.viewer, settings, asking.now)
    if job.state is JobState.FAILED:
        raise ExportFailed(f"the export failed: {job.error}")
    if job.state is not JobState.DONE or job.result is None or job.ended_at is None:
        progress = job.progress.get("text", "waiting")
        return Response(
            status_code=202, headers={"X-Progress": progress[:100], "Retry-After": str(LOOK_AGAIN_S)}
        )
    content = manifest(
        moment=datetime.fromisoformat(job.result["moment"]),
        request=job.arguments["request"],
        files=job.result["files"],
        address=f"{asking.base_url}/$export-file/{job.id}",
        requires_token=False,
    )
    expires = format_datetime(job.ended_at + timedelta(hours=settings.answers_keep_h), usegmt=True)
    return Response(content, media_type="application/json", headers={"Expires": expires})


@files.delete("/$export-status/{job_id}", status_code=202)
def delete_export(job_id: UUID, session: DbSession, asking: AskingDep, settings: SettingsDep) -> Response:
    """Stop an export, or throw its files away."""
    _find(session, job_id, asking.viewer, settings, asking.now)
    queue.discard(session, job_id=job_id, viewer=asking.viewer, now=asking.now)
    return Response(status_code=202)


@files.get("/$export-file/{job_id}/{name}", responses={200: {"content": {NDJSON: {}}}})
def get_export_file(
    job_id: UUID, name: str, session: ReadSession, asking: AskingDep, settings: SettingsDep
) -> Response:
    """Answer a file of an export: one resource on each line."""
    job = _find(session, job_id, asking.viewer, settings, asking.now)
    result: dict[str, Any] = job.result or {"files": []}
    if not any(file["name"] == name for file in result["files"]):
        raise ExportNotFound("the export has no such file: its status lists those it has")
    path = settings.exports_dir / result["folder"] / name
    if not path.is_file():
        raise ExportNotFound("the file is not here any more: order the export again")
    return FileResponse(path, media_type=NDJSON)


def _find(session: Session, job_id: UUID, viewer: Viewer, settings: Settings, now: datetime) -> Job:
    job = queue.get_job(session, job_id=job_id, viewer=viewer)
    is_others = viewer.role is not ViewerRole.SYSTEM and job.asked_by != viewer.name
    is_gone = (
        job.kind != EXPORT
        or is_others
        or job.is_cancel_asked
        or job.state is JobState.CANCELLED
        or (job.ended_at is not None and job.ended_at + timedelta(hours=settings.answers_keep_h) <= now)
    )
    if is_gone:
        raise ExportNotFound(f"there is no export {job_id}: it was deleted, or has expired")
    return job
