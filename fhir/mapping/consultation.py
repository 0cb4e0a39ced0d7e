"""Kinds of consultation, and that they take place by video: common to schedules, slots and appointments.

Every kind is a video consultation, so whoever asks for these finds them all; assisted and colleagues' ones
have a code of their own beside it. FHIR R5 says by `virtualService` how one joins; on R4 its cross-version
extension does (https://hl7.org/fhir/uv/xver-r5.r4/). We say who carries the call, and never its address: a
link is each participant's own and is made when they come.
"""

from collections.abc import Mapping

from sqlalchemy import ColumnElement

from careapp.calls.models import Call
from careapp.consultations.models import ConsultationCode
from fhir.mapping import codes
from fhir.mapping.elements import Json, concept
from fhir.search import carriers
from fhir.search.carriers import Carrier

CODES: Mapping[ConsultationCode, str] = {
    ConsultationCode.VIDEO: codes.VIDEO_CONSULTATION,
    ConsultationCode.ASSISTED: codes.ASSISTED_CONSULTATION,
    ConsultationCode.COLLEAGUE: codes.COLLEAGUE_CONSULTATION,
}
TEXTS: Mapping[str, str] = {
    codes.VIDEO_CONSULTATION: "Videosprechstunde",
    codes.ASSISTED_CONSULTATION: "Videosprechstunde mit Pflegekraft",
    codes.COLLEAGUE_CONSULTATION: "Videokonsil",
}
UNDECIDED = "video"


def service_types(*kinds: ConsultationCode) -> list[Json]:
    """Return the service types of what is of these kinds: a video consultation first."""
    wanted = {codes.VIDEO_CONSULTATION, *(CODES[kind] for kind in kinds)}
    return [concept(codes.SERVICE_TYPE, code, text=text) for code, text in TEXTS.items() if code in wanted]


def by_kind(every: ColumnElement[bool], **others: ColumnElement[bool]) -> dict[str, ColumnElement[bool]]:
    """Return the conditions of service types on a row.

    Args:
        every: It is a consultation at all.
        others: By name of a kind (`assisted`, `colleague`): it is of that kind.
    """
    return {codes.VIDEO_CONSULTATION: every} | {
        CODES[ConsultationCode(name)]: condition for name, condition in others.items()
    }


def searched(conditions: Mapping[str, ColumnElement[bool]], texts: Mapping[str, str] = TEXTS) -> Carrier:
    """Return what service types are searched by."""
    return carriers.cases(codes.SERVICE_TYPE, conditions, texts)


def virtual_service(call: Call | None) -> Json:
    """Say that an appointment takes place by video, and who carries the call.

    Args:
        call: None as long as nobody has prepared it.
    """
    channel = {"system": codes.VIDEO_PROVIDER, "code": call.provider.value if call else UNDECIDED}
    return {
        "extension": [
            {"url": "_datatype", "valueString": "VirtualServiceDetail"},
            {"url": "channelType", "valueCoding": channel},
        ],
        "url": f"{codes.FROM_R5}Appointment.virtualService",
    }
