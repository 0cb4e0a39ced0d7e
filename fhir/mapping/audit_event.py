"""AuditEvent: who did, asked for or saw what of whom, read only; `audit_shape` tells how a row is shown.

No document is kept of these: rows never change, so they are shown when somebody reads them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    ColumnElement,
    Dialect,
    Select,
    Text,
    TypeDecorator,
    and_,
    case,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased, joinedload
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from careapp.organisations.models import Organisation
from careapp.records.audit_models import AuditPatient
from careapp.records.models import AuditEvent, Document, DocumentVersion
from fhir.formats.json import write_json
from fhir.mapping import codes
from fhir.mapping.audit_shape import (
    ACTION,
    COLUMNS,
    INTERACTION,
    INTERACTIONS,
    KINDS,
    OUR_ACTION,
    OUR_ROLE,
    OUTCOME,
    VERBS,
    Recorded,
    show,
)
from fhir.mapping.elements import Json, instant
from fhir.mapping.resource import ServedResource
from fhir.mapping.tenant import invented
from fhir.search import carriers
from fhir.search.carriers import Carrier
from fhir.search.dates import Instant
from fhir.search.parameter import Parameter
from fhir.search.references import Reference
from fhir.search.strings import String
from fhir.search.tokens import Token

Facts = list[Any]
"""Of a row: the values of `COLUMNS`, and whether its organisation is invented."""


def to_fhir(row: AuditEvent) -> Json:
    """Show a row loaded with its organisation."""
    return show(Recorded.of(row))


class _AsArray(GenericFunction[str]):
    """SQL: some columns of a row as one JSON array."""

    type = Text()
    inherit_cache = True
    name = "json_build_array"


@compiles(_AsArray, "sqlite")
def _as_sqlite_array(element: _AsArray, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array{compiler.function_argspec(element, **options)}"


class _Shown(TypeDecorator[bytes]):
    """A row as a JSON array in the database, as an AuditEvent for whoever reads it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Nobody writes these."""
        del dialect
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """Show a row."""
        del dialect
        return None if value is None else written(orjson.loads(value) if isinstance(value, str) else value)


def written(facts: Facts) -> bytes:
    """Show a row as the canonical bytes of its only version."""
    values = dict(zip(COLUMNS, facts, strict=False))
    detail = values["detail"]
    at = datetime.fromisoformat(values["at"])
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    event = Recorded(
        **{
            **values,
            **{name: _key(values[name]) for name in ("id", "subject_id", "patient_id")},
            "at": at,
            "detail": orjson.loads(detail) if isinstance(detail, str) else detail,
        },
        is_synthetic=bool(facts[-1]),
    )
    document = show(event)
    document["meta"] = {"versionId": "1", "lastUpdated": instant(at), **document["meta"]}
    return write_json(document)


def _key(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


_ALONE = AuditEvent.patients.is_(None)
"""The row names one patient or none, and is shown as it is."""
_OF_SEVERAL: Any = aliased(
    AuditEvent,
    select(
        AuditPatient.id.label("id"),
        AuditPatient.patient_id.label("patient_id"),
        *(
            column
            for column in AuditEvent.__table__.columns
            if column.name not in {"id", "patient_id", "patients"}
        ),
    )
    .join(AuditPatient, AuditPatient.event_id == AuditEvent.id)
    .subquery("audit_of_several"),
    adapt_on_names=True,
)
"""A row that names several is shown once for each of them."""


def _shown(table: Any) -> Select[Any]:
    """Select rows as documents are read."""
    facts = _AsArray(
        *(getattr(table, name) for name in COLUMNS),
        select(Organisation.is_synthetic).where(Organisation.id == table.organisation_id).scalar_subquery(),
    )
    return select(
        literal("AuditEvent").label("kind"),
        table.id.label("id"),
        literal(1).label("version"),
        table.at.label("updated_at"),
        table.organisation_id.label("organisation_id"),
        type_coerce(facts, _Shown()).label("content"),
    )


_EVERY = union_all(_shown(AuditEvent).where(_ALONE), _shown(_OF_SEVERAL))
DOCUMENTS: Any = aliased(Document, _EVERY.subquery("audit_document"), adapt_on_names=True)
VERSIONS: Any = aliased(DocumentVersion, _EVERY.subquery("audit_version"), adapt_on_names=True)
"""The rows, read as documents are."""


def _is(table: Any, code: str) -> ColumnElement[bool]:
    by_command = or_(*(table.action.regexp_match(f"^{verb}(_|$)") for verb in VERBS[code]))
    return or_(table.interaction.in_(INTERACTIONS[code]), and_(table.interaction.is_(None), by_command))


def _subject(table: Any, kind: str) -> Carrier:
    """The subject, if it is shown as this kind of resource."""
    shown_so = [kind, *(name for name, shown in KINDS.items() if shown == kind)]
    is_shown_so = table.subject_kind.in_(shown_so)
    whatever = carriers.ids(kind, table.subject_id)
    return replace(
        carriers.ids(kind, case((is_shown_so, table.subject_id))),
        matches=lambda found: and_(is_shown_so, whatever.matches(found)),  # the index on the id serves it
    )


def _parameters(table: Any) -> Mapping[str, Parameter]:
    known = {code: _is(table, code) for code in VERBS}
    patient = carriers.ids("Patient", table.patient_id)
    return {
        "action": Token(
            (carriers.cases(ACTION, {**known, "E": ~or_(*known.values())}),),
            f"{codes.HL7_PARAMETER}AuditEvent-action",
        ),
        "agent-name": String((table.viewer,), f"{codes.HL7_PARAMETER}AuditEvent-agent-name"),
        "agent-role": Token(
            (carriers.texts(OUR_ROLE, table.role),), f"{codes.HL7_PARAMETER}AuditEvent-agent-role"
        ),
        "date": Instant(table.at, f"{codes.HL7_PARAMETER}AuditEvent-date"),
        "entity": Reference(
            (*(_subject(table, kind) for kind in sorted(set(KINDS.values()))), patient),
            f"{codes.HL7_PARAMETER}AuditEvent-entity",
        ),
        "entity-name": String((table.subject_kind,), f"{codes.HL7_PARAMETER}AuditEvent-entity-name"),
        "outcome": Token(
            (carriers.texts(OUTCOME, table.outcome),), f"{codes.HL7_PARAMETER}AuditEvent-outcome"
        ),
        "patient": Reference(
            (patient, _subject(table, "Patient")), f"{codes.HL7_PARAMETER}AuditEvent-patient"
        ),
        "subtype": Token(
            (
                carriers.texts(OUR_ACTION, table.action),
                carriers.texts(INTERACTION, table.interaction),
            ),
            f"{codes.HL7_PARAMETER}AuditEvent-subtype",
        ),
    }


_SEVERAL = ServedResource(
    kind="AuditEvent",
    table=_OF_SEVERAL,
    about="One of several patients whom somebody saw at once.",
    to_fhir=to_fhir,
    synthetic=invented(_OF_SEVERAL.organisation_id),
    load=(joinedload(_OF_SEVERAL.organisation),),
    documents=DOCUMENTS,
    versions=VERSIONS,
    parameters=_parameters(_OF_SEVERAL),
    order="date",
)

AUDIT_EVENT = ServedResource(
    kind="AuditEvent",
    table=AuditEvent,
    about="Who did, asked for or saw what of whom.",
    to_fhir=to_fhir,
    synthetic=invented(AuditEvent.organisation_id),
    load=(joinedload(AuditEvent.organisation),),
    documents=DOCUMENTS,
    versions=VERSIONS,
    parameters=_parameters(AuditEvent),
    order="date",
    only=_ALONE,
    also=(_SEVERAL,),
)
