"""A client has sent somebody here to be asked: what to show, or where to send them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError
from sqlalchemy.orm import Session

from api.auth.server.consent import Choice, Question
from api.auth.server.core import House, Server
from api.auth.server.requests import FormRequest, Pairs, is_sound
from api.auth.server.served_client import speaks_of_a_patient
from careapp.access import Viewer
from careapp.identity.client_models import Client
from careapp.identity.clients import find_client, redirect_fits
from careapp.identity.grants import Person
from careapp.people.queries import get_patient, list_patients

MOST_CHOICES = 200
REDIRECT_CODE = 302


@dataclass(frozen=True)
class Refusal:
    """Nobody may be sent anywhere: the client or its address is not known.

    Attributes:
        is_known: The client is.
    """

    is_known: bool


@dataclass(frozen=True)
class SendTo:
    """The browser goes there.

    Attributes:
        address: With a code, or with an error.
    """

    address: str


@dataclass(frozen=True)
class SignInFirst:
    """Nobody is signed in, or the client wants them to sign in again."""


@dataclass(frozen=True)
class Decision:
    """What a person has said.

    Attributes:
        allows: Yes.
        patient: The patient that was chosen, as it came.
    """

    allows: bool
    patient: str | None


Outcome = Refusal | SendTo | SignInFirst | Question


def authorize(
    session: Session,
    house: House,
    pairs: Pairs,
    *,
    viewer: Viewer | None,
    auth_time: datetime | None,
    decision: Decision | None = None,
) -> Outcome:
    """Decide on a request to the authorization endpoint.

    Args:
        session: A writing transaction.
        house: See `House`.
        pairs: The client's request.
        viewer: Who is signed in with the browser.
        auth_time: Since when.
        decision: What they have said; None: they were not asked yet.
    """
    asked = dict(pairs)
    client = find_client(session, asked.get("client_id", ""))
    if client is None or not is_sound(pairs):
        return Refusal(is_known=client is not None)
    redirect_uri = asked.get("redirect_uri", "")
    if not redirect_fits(client.redirect_uris, redirect_uri):
        return Refusal(is_known=True)
    server = Server(session, house)
    server.auth_time = auth_time
    try:
        return _decided(server, client, pairs, viewer, decision)
    except OAuth2Error as error:
        body = {"error": error.error, "error_description": error.description or ""}
        return SendTo(_answer_to(asked, body, house.issuer))


def _decided(
    server: Server, client: Client, pairs: Pairs, viewer: Viewer | None, decision: Decision | None
) -> Outcome:
    asked = dict(pairs)
    _require_understood(asked, server.issuer)
    request = FormRequest("GET", pairs)
    grant = server.get_consent_grant(request, end_user=viewer)
    prompts = asked.get("prompt", "").split()
    if viewer is None or ("login" in prompts and decision is None and _is_old(server)):
        if "none" in prompts:
            raise OAuth2Error("nobody is signed in", error="login_required")
        return SignInFirst()
    if client.organisation_id is not None and viewer.organisation_id != client.organisation_id:
        raise AccessDeniedError("the application is for people of another organisation")
    picks = speaks_of_a_patient(request.scope)
    if decision is None and (picks or not client.is_first_party or "consent" in prompts):
        if "none" in prompts:
            raise OAuth2Error("the person has to be asked", error="consent_required")
        return _question(server.session, client, request, viewer, picks=picks)
    if decision is not None and not decision.allows:
        raise AccessDeniedError("the person has denied it")
    if picks:
        server.patient_id = _chosen(server.session, viewer, decision)
    person = Person(viewer.name, viewer.role, viewer.organisation_id, viewer.practitioner_id)
    answer = server.create_authorization_response(request, grant_user=person, grant=grant)
    location = answer.location
    if location is None:
        raise InvalidRequestError("the request cannot be understood")
    return SendTo(add_params_to_uri(location, [("iss", server.issuer)]))  # RFC 9207


def _require_understood(asked: dict[str, str], issuer: str) -> None:
    if "request" in asked:
        raise OAuth2Error("send the request's parameters themselves", error="request_not_supported")
    if "request_uri" in asked:
        raise OAuth2Error("send the request's parameters themselves", error="request_uri_not_supported")
    if asked.get("response_mode", "query") != "query":
        raise InvalidRequestError("only the response_mode query is answered")
    if asked.get("aud", issuer).rstrip("/") not in {issuer, f"{issuer}/fhir"}:
        raise InvalidRequestError("aud names another server")
    if "none" in asked.get("prompt", "").split() and asked["prompt"] != "none":
        raise InvalidRequestError("the prompt none stands alone")


def _is_old(server: Server) -> bool:
    """Tell whether somebody signed in before the client asked; within a minute it was for this."""
    return server.auth_time is None or (server.now - server.auth_time).total_seconds() > FRESH_S


FRESH_S = 60


def _question(
    session: Session, client: Client, request: FormRequest, viewer: Viewer, *, picks: bool
) -> Question:
    choices: Sequence[Choice] | None = None
    is_cut = False
    if picks:
        page = list_patients(session, viewer=viewer, is_active=True, limit=MOST_CHOICES)
        is_cut = page.next_after is not None
        choices = sorted(
            (
                Choice(each.id, f"{each.family_name}, {each.given_name} ({each.birth_date})")
                for each in page.items
            ),
            key=lambda each: each.words.casefold(),
        )
    return Question(
        client.name,
        viewer.role.value,
        frozenset(request.scope.split()),
        choices,
        is_cut,
        request.payload.redirect_uri,
    )


def _chosen(session: Session, viewer: Viewer, decision: Decision | None) -> UUID:
    try:
        patient_id = UUID(decision.patient or "" if decision is not None else "")
    except ValueError:
        raise InvalidRequestError("no patient was chosen") from None
    return get_patient(session, patient_id=patient_id, viewer=viewer).id


def _answer_to(asked: dict[str, str], body: dict[str, str], issuer: str) -> str:
    state = {"state": asked["state"]} if "state" in asked else {}
    told = {name: value for name, value in body.items() if value} | state | {"iss": issuer}
    address = asked["redirect_uri"]
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(told)}"
