"""Every route × every role × {own tenant, foreign tenant, no sign-in, wrong scope}.

The table is written by hand, from the issue's words; a route that is not in it fails. What `/fhir/{kind}`
answers depends on the kind, too: see `test_matrix_fhir`.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine

from api.app import create_app
from careapp.config import Settings
from tests.api.matrices import LETTERS, Matrix, a_lasting_matrix, a_matrix

OPEN = "open"
PERIOD = "from=2026-03-03T00:00:00Z&to=2026-03-04T00:00:00Z"
ALL = "".join(LETTERS)
TREATING, READING, WRITING = "caxsnd", "caxsndu", "caxnd"

TABLE = f"""
GET  /openapi.json                                   open
GET  /health/live                                    open
GET  /health/ready                                   open
GET  /api/about                                      open
GET  /api/days/{{date}}                              caxs
GET  /api/days/{{date}}/demand                       caxs
POST /api/days/{{date}}/plan                         cax
POST /api/days/{{date}}/publication                  cax
GET  /api/jobs/{{job_id}}                            caxs     foreign=404
POST /api/jobs/{{job_id}}/cancellation               cax      foreign=404
GET  /api/jobs/{{job_id}}/events                     caxs     foreign=404 endless
GET  /api/tours                                      caxsn    query=date=2026-03-03
GET  /api/tours/{{tour_id}}                          caxsn    foreign=404
GET  /api/tours/{{tour_id}}/path                     caxsn    foreign=404
GET  /api/roads                                      {ALL}
POST /api/roads/closures                             ca
DELETE /api/roads/closures/{{absent}}                ca       any
GET  /api/nurses                                     caxsn
GET  /api/nurses/{{nurse_id}}                        caxsn    foreign=404
GET  /api/nurses/{{nurse_id}}/days/{{date}}          caxsn    foreign=404
POST /api/nurses/{{nurse_id}}/shifts                 cax      foreign=404
POST /api/nurses/{{nurse_id}}/absences               cax      foreign=404
GET  /api/visits                                     caxsn
GET  /api/visits/{{visit_id}}                        caxsn    foreign=404
POST /api/visits                                     cax      foreign=404
POST /api/visits/{{visit_id}}/cancellation           cax      foreign=404
PUT  /api/appointments/{{appointment_id}}/encounter  caxnd    foreign=404
GET  /api/organisations                              {ALL}
GET  /api/patients                                   {TREATING}
GET  /api/patients/{{patient_id}}                    {TREATING}  foreign=404
POST /api/patients                                   cax      foreign=404,403
GET  /api/patients/{{patient_id}}/accesses          cau      foreign=404
PUT  /api/patients/{{patient_id}}/home               cax      foreign=404
PUT  /api/patients/{{patient_id}}/home/point         cax      foreign=404
POST /api/places/search                              cax
GET  /api/skills                                     {ALL}
GET  /api/orders                                     caxsn
GET  /api/orders/{{order_id}}                        caxsn    foreign=404
POST /api/orders                                     cax      foreign=404
GET  /api/patients/{{patient_id}}/contact            caxs     foreign=404
PUT  /api/patients/{{patient_id}}/contact            cax      foreign=404
GET  /api/patients/{{patient_id}}/notices            caxs     foreign=404
GET  /api/calendars                                     d
POST /api/calendars                                     d
DELETE /api/calendars/{{absent}}                        d        any
GET  /calendars/{{secret}}.ics                          open
GET  /api/slots                                      {TREATING}  period
GET  /api/slots/{{slot_id}}                          {TREATING}  foreign=200
POST /api/slots/{{slot_id}}/booking                  caxd     foreign=404
POST /api/slots/{{slot_id}}/hold                     caxd
DELETE /api/holds/{{absent}}                         caxd     any
GET  /api/bookings/{{booking_id}}                    {TREATING}  foreign=404
POST /api/bookings/{{booking_id}}/cancellation       caxd     foreign=404
PUT  /api/bookings/{{booking_id}}/slots              caxd     foreign=404
POST /api/bookings/{{booking_id}}/confirmation       caxd     foreign=404
GET  /api/bookings/{{booking_id}}/history            {TREATING}  foreign=404
GET  /api/bookings/{{booking_id}}/participants       {TREATING}  foreign=404
POST /api/bookings/{{booking_id}}/participants       caxd     foreign=404
DELETE /api/bookings/{{booking_id}}/participants/{{absent}}  caxd  foreign=404 any
POST /api/group-bookings                             caxd     foreign=404
POST /api/series                                     caxd     foreign=404 any
GET  /api/series/{{absent}}                          {TREATING}  any
GET  /api/waiting                                    {TREATING}
GET  /api/waiting/{{absent}}                         {TREATING}  any
POST /api/waiting                                    caxd     foreign=404 any
POST /api/waiting/{{absent}}/withdrawal              caxd     any
POST /api/chances/{{absent}}/acceptance              caxd     any
POST /api/chances/{{absent}}/refusal                 caxd     any
POST /api/assisted/offers                            cax      foreign=404
POST /api/assisted/bookings                          cax      foreign=404
POST /api/assisted/bookings/{{booking_id}}/move      cax      foreign=404
POST /api/assisted/bookings/{{booking_id}}/cancellation  cax  foreign=404
GET  /api/assisted/waiting                           {TREATING}  query=date=2026-03-03
POST /api/tours/{{tour_id}}/delay                    caxn     foreign=404
POST /api/bookings/{{booking_id}}/call               caxnd    foreign=404
GET  /api/bookings/{{booking_id}}/call               caxnd    foreign=404
GET  /api/calls/{{call_id}}                          caxnd    foreign=404
POST /api/calls/{{call_id}}/links                    caxnd    foreign=404
POST /api/calls/{{call_id}}/seat                     nd       foreign=404
POST /api/calls/{{call_id}}/participants/{{absent}}/admission  d  foreign=404
POST /api/calls/{{call_id}}/participants/{{absent}}/refusal    d  foreign=404
POST /api/calls/{{call_id}}/consent                  nd       foreign=404
POST /api/calls/{{call_id}}/address                  nd       foreign=404
POST /api/calls/{{call_id}}/departure                nd       foreign=404
POST /api/calls/{{call_id}}/end                      d        foreign=404
GET  /api/join                                       open
POST /api/join/waiting-room                          open
POST /api/join/departure                             open
GET  /join                                           open
POST /join                                           open
GET  /join/link.js                                   open
GET  /join/consent                                   open
POST /join/consent                                   open
GET  /join/room                                      open
POST /join/room                                      open
POST /join/address                                   open
POST /join/departure                                 open
GET  /join/left                                      open
GET  /api/doctors                                    {TREATING}
GET  /api/doctors/{{doctor_id}}/hours                {TREATING}  foreign=200
PUT  /api/doctors/{{doctor_id}}/hours                caxd     foreign=404
GET  /api/doctors/{{doctor_id}}/exceptions           {TREATING}  foreign=200
PUT  /api/doctors/{{doctor_id}}/exceptions           caxd     foreign=404
GET  /api/doctors/{{doctor_id}}/kinds                {TREATING}  foreign=200
PUT  /api/doctors/{{doctor_id}}/kinds                caxd     foreign=404
GET  /api/doctors/{{doctor_id}}/times                {TREATING}  period foreign=200
POST /api/doctors/{{doctor_id}}/times/hold           caxd     foreign=404
POST /api/doctors/{{doctor_id}}/times/booking        caxd     foreign=404
GET  /api/coverage                                   caxsn    query=bbox=8.0,51.3,8.1,51.4
POST /api/coverage/samples                           n
GET  /api/patients/{{patient_id}}/link               {TREATING}  foreign=404
POST /api/consultations/search                       caxd     foreign=404
GET  /api/ranking-decisions                          ca
GET  /api/ranking-decisions/export                   ca       period
GET  /api/ranking-decisions/{{absent}}               ca       any
GET  /api/figures/days/{{date}}                      cay
GET  /api/emergencies                                ca
POST /api/emergencies                                cand
POST /api/emergencies/{{absent}}/closure             ca       any
GET  /api/support-grants                             a
POST /api/support-grants                             a
POST /api/support-grants/{{grant_id}}/end            a        foreign=404
GET  /api/help-requests                              ca
GET  /api/help-requests/{{absent}}                   ca       any
POST /api/help-requests                              ca       foreign=404
POST /api/help-requests/{{absent}}/withdrawal        ca       any
POST /api/help-requests/{{absent}}/offers            ca       any
POST /api/help-requests/{{absent}}/offers/{{absent}}/acceptance  ca  any
POST /api/help-requests/{{absent}}/offers/{{absent}}/withdrawal  ca  any
GET  /api/help-visits                                can      query=date=2026-03-03
POST /api/patients/{{patient_id}}/erasure            a        foreign=404
GET  /api/erasures                                   a
PUT  /api/patients/{{patient_id}}/restriction        a        foreign=404
DELETE /api/patients/{{patient_id}}/restriction      a        foreign=404
GET  /api/patients/{{patient_id}}/data               a        foreign=404
GET  /api/map                                        {ALL}
GET  /api/map/style.json                             {ALL}
GET  /api/map/plain.geojson                          {ALL}
GET  /api/map/tiles.pmtiles                          {ALL}    any
GET  /api/me                                         {ALL}
GET  /account                                        {ALL}    page
GET  /map                                            {ALL}
GET  /calls/{{absent}}                               nd
GET  /join/call                                      open
GET  /app/assets/{{name}}                            open
GET  /sign-in/style.css                              open
GET  /sign-in/passkeys.js                            open
GET  /sign-in                                        open
POST /sign-in                                        open
GET  /sign-out                                       open
POST /sign-out                                       open
GET  /signed-out                                     open
GET  /sign-in/code                                   open
POST /sign-in/code                                   open
POST /sign-in/passkey/challenge                      open
POST /sign-in/passkey                                open
GET  /sign-in/external                               open
GET  /sign-in/external/callback                      open
POST /account/password                               {ALL}    page
POST /account/app                                    {ALL}    page
POST /account/app/code                               {ALL}    page
POST /account/app/removal                            {ALL}    page
POST /account/passkeys/challenge                     {ALL}    page
POST /account/passkeys                               {ALL}    page
POST /account/passkeys/{{absent}}/removal            {ALL}    page
POST /account/others/end                             {ALL}    page
GET  /.well-known/oauth-authorization-server         open
GET  /.well-known/openid-configuration               open
GET  /oauth/jwks                                     open
GET  /oauth/authorize                                open
POST /oauth/authorize                                open
POST /oauth/token                                    open
POST /oauth/revoke                                   open
POST /oauth/introspect                               open
GET  /oauth/userinfo                                 open
POST /oauth/userinfo                                 open
GET  /.well-known/smart-configuration                open
GET  /fhir/.well-known/smart-configuration           open
GET  /fhir/metadata                                  open
GET  /fhir/OperationDefinition                       open
POST /fhir/OperationDefinition/_search               open
GET  /fhir/OperationDefinition/{{id}}                open
GET  /fhir/SearchParameter                           open
POST /fhir/SearchParameter/_search                   open
GET  /fhir/SearchParameter/{{id}}                    open
GET  /fhir/$export-status/{{job_id}}                 cax      any
DELETE /fhir/$export-status/{{job_id}}               cax      any
GET  /fhir/$export-file/{{job_id}}/{{name}}          cax      any
GET  /fhir/$async-status/{{absent}}                  {READING}  any
DELETE /fhir/$async-status/{{absent}}                {READING}  any
GET  /fhir/Subscription/{{subscription_id}}/$stream  cax      foreign=404 endless
GET  /fhir/Subscription/{{subscription_id}}/$status  cax      foreign=404
GET  /fhir/Subscription/$status                      cax
POST /fhir/Subscription/$status                      cax      any
GET  /fhir/Subscription/{{subscription_id}}/$events  cax      foreign=404
POST /fhir/Appointment/$book                         caxd     any
POST /fhir/Appointment/$hold                         caxd     any
POST /fhir/Appointment/$find                         {TREATING}  any
GET  /fhir/Appointment/$find                         {TREATING}  any
GET  /fhir/Patient/{{patient_id}}/$everything        {TREATING}  foreign=404
POST /fhir/Patient/{{patient_id}}/$everything        {TREATING}  any
GET  /fhir/Patient/$everything                       {TREATING}
GET  /fhir/$export                                   cax
POST /fhir/$export                                   cax      any
GET  /fhir/Patient/$export                           cax
POST /fhir/Patient/$export                           cax      any
GET  /fhir/Group/{{organisation_id}}/$export         cax      foreign=404
POST /fhir/Group/{{organisation_id}}/$export         cax      any
GET  /fhir/_history                                  {READING}  scopeless
GET  /fhir/{{kind}}/_history                         {READING}  kind
GET  /fhir/{{kind}}/{{id}}/_history                  {READING}  kind
GET  /fhir/{{kind}}/{{id}}/_history/{{version}}      {READING}  kind
GET  /fhir/{{kind}}                                  {READING}  kind
POST /fhir/{{kind}}/_search                          {READING}  kind
GET  /fhir/{{kind}}/{{id}}                           {READING}  kind
POST /fhir/{{kind}}                                  {WRITING}  kind
PUT  /fhir/{{kind}}                                  {WRITING}  kind
PUT  /fhir/{{kind}}/{{id}}                           {WRITING}  kind
DELETE /fhir/{{kind}}                                {WRITING}  kind
DELETE /fhir/{{kind}}/{{id}}                         {WRITING}  kind
PATCH /fhir/{{kind}}                                 {WRITING}  kind
PATCH /fhir/{{kind}}/{{id}}                          {WRITING}  kind
POST /fhir                                           {READING}  any scopeless
"""
"""Method, address, who may (letters of `matrices.LETTERS`; -: only whoever has the machine), and:

foreign=…  what is answered if the address or body names something of another tenant
any        what is answered to those who may depends on more than that; it is neither 401 nor 403
page       a form of a person's own pages: its tests are those of sign-in
endless    a stream, which nobody follows here who may
scopeless  a token without any scope that fits sees an empty answer, not a refusal
kind       see `test_matrix_fhir`
"""


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    who: str
    marks: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def mark(self, name: str) -> str | None:
        return next((each.partition("=")[2] for each in self.marks if each.startswith(f"{name}=")), None)


def _rows() -> Iterator[Row]:
    for line in TABLE.strip().splitlines():
        method, path, who, *marks = line.split()
        yield Row(method, path, who.strip("-"), tuple(marks))


ROWS = list(_rows())
ASKED = [row for row in ROWS if row.who != OPEN and not {"kind", "page"} & set(row.marks)]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with a_lasting_matrix(tmp_path_factory.mktemp("matrix")) as matrix:
        yield matrix


@pytest.fixture
def fresh(settings: Settings, sqlite_engine: Engine, now: datetime) -> Iterator[Matrix]:
    """One of its own for a test that changes what there is."""
    with a_matrix(settings, sqlite_engine, now) as matrix:
        yield matrix


class TestTheTable:
    def test_has_every_route_once(self, settings):
        served = [
            f"{method} {nameless(context.path or '')}"
            for context in iter_route_contexts(create_app(settings, runs_jobs=False).routes)
            for method in context.methods or ()
        ]
        listed = [f"{row.method} {nameless(row.path)}" for row in ROWS]

        assert sorted(set(served)) == sorted(listed)
        assert len(ROWS) >= 120


@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.name)
class TestARoute:
    def test_asks_for_a_sign_in(self, matrix, row):
        assert ask(matrix, row, None, 0).status_code == 401

    def test_refuses_every_other_role(self, matrix, row):
        for letter in set(LETTERS) - set(row.who):
            assert ask(matrix, row, letter, 0).status_code == 403, letter

    def test_refuses_a_token_for_something_else(self, matrix, row):
        for letter in row.who:
            if "endless" in row.marks or ("any" in row.marks and row.path.startswith("/fhir")):
                continue
            answer = ask(matrix, row, f"{letter}-", 0)
            if "scopeless" in row.marks:
                assert "entry" not in answer.json(), letter
            elif row.path != "/map":  # a page, for those who have no token
                assert answer.status_code == 403, letter

    def test_serves_these_roles_in_their_own_tenant(self, request, row):
        matrix = request.getfixturevalue("matrix" if row.method == "GET" else "fresh")
        if "endless" in row.marks:
            return
        for letter in row.who:
            answer = ask(matrix, row, letter, 0)

            if "any" in row.marks or row.method != "GET":
                assert answer.status_code not in {401, 403}, (letter, answer.text)
            else:
                assert answer.status_code in {200, 202}, (letter, answer.text)

    def test_knows_nothing_of_another_tenant(self, matrix, row):
        expected = row.mark("foreign")
        if expected is None and row.method != "GET":
            return  # it names nothing of any tenant, and answers what it has made
        for letter in row.who:
            if "endless" in row.marks and expected is None:
                continue
            if expected is not None:
                answer = ask(matrix, row, letter, 1)
                assert str(answer.status_code) in expected.split(","), (letter, answer.text)
            elif "endless" not in row.marks:
                answer = ask(matrix, row, letter, 0)
                for secret in secrets_of(matrix):
                    assert secret not in answer.text, letter


def nameless(path: str) -> str:
    """Replace the names in an address, since those of the table say what is put there."""
    parts = ["{}" if part.startswith("{") else part for part in path.rstrip("/").split("/")]
    return "/".join(parts)


def ask(matrix: Matrix, row: Row, who: str | None, tenant: int) -> Any:
    """Ask for a route with ids of one tenant, its body being the example of `/openapi.json`."""
    known = ids_of(matrix, who or "c", tenant)
    address = row.path.format(**known)
    query = PERIOD if "period" in row.marks else row.mark("query")
    body = body_of(matrix, row, known)
    headers = {"Prefer": "respond-async"} if "$export" in row.path and row.method != "DELETE" else {}
    return matrix.ask(who, row.method, f"{address}?{query}" if query else address, json=body, headers=headers)


def ids_of(matrix: Matrix, who: str, tenant: int) -> dict[str, Any]:
    served = (matrix.own, matrix.foreign)[tenant]
    is_doctor = who.startswith("d") and tenant == 0
    ids = {kind: pair[tenant] for kind, pair in matrix.ids.items()}
    if is_doctor:
        ids |= matrix.of_doctor
    return {
        "date": "2026-03-03",
        "absent": uuid4(),
        "job_id": matrix.jobs[tenant],
        "tour_id": ids["List"],
        "doctor_id": served.world.doctor.id,
        "nurse_id": served.world.nurses[0].id,
        "practitioner_id": served.world.nurses[0].practitioner_id,
        "visit_id": served.world.visits[0].id,
        "appointment_id": ids["Appointment"],
        "patient_id": served.booking.patient_id if is_doctor else ids["Patient"],
        "order_id": ids["ServiceRequest"],
        "slot_id": served.free_slot.id,
        # Of the visit in which it takes place a nurse knows, too.
        "booking_id": served.booking.id,
        "call_id": matrix.calls[tenant],
        "grant_id": matrix.grants[tenant],
        "organisation_id": served.world.organisation_id,
        "subscription_id": ids["Subscription"],
        "name": "nothing.js",
        "id": "nothing",
    }


IN_BODIES = frozenset({"patient_id", "visit_id", "organisation_id", "practitioner_id", "nurse_id"})


def body_of(matrix: Matrix, row: Row, known: dict[str, Any]) -> Any:
    """Return the example of a route's body with ids of ours; None if it takes none."""
    if row.path.startswith("/fhir"):
        return {"resourceType": "Parameters"} if row.method == "POST" else None
    document = matrix.client.app.openapi()  # type: ignore[attr-defined]  # of FastAPI
    operation: dict[str, Any] = next(
        (
            operations[row.method.lower()]
            for path, operations in document["paths"].items()
            if nameless(path) == nameless(row.path) and row.method.lower() in operations
        ),
        {},
    )
    if "requestBody" not in operation:
        return None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = next((each for each in schema.get("anyOf", [schema]) if "$ref" in each), schema)
    shape = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    body = deepcopy(shape["examples"][0])
    body |= {name: str(known[name]) for name in IN_BODIES & body.keys()}
    if "slot_ids" in body:
        body["slot_ids"] = [str(known["slot_id"])]
    return body


def secrets_of(matrix: Matrix) -> list[str]:
    """List what nobody of the first tenant may learn: whom the second cares for, when, and who does."""
    world = matrix.foreign.world
    ids: list[UUID] = [
        *(patient.id for patient in world.patients),
        *(visit.id for visit in world.visits),
        *(order.id for order in world.orders),
        *(nurse.id for nurse in world.nurses),
        *(tour.id for tour in matrix.foreign.tours),
        matrix.foreign.booking.id,
        matrix.jobs[1],
    ]
    return [str(each) for each in ids]
