"""PostgreSQL's row security: which rows a transaction sees and may change, said once for every table.

`careapp migrate` makes it anew whenever it has changed, as it follows from the tables. A transaction tells
whose rows it wants (`careapp.db`); one that tells nothing sees none. It is a second fence behind
`careapp.access`, so it knows tenants and openings, not roles: whatever `visible` shows, it must show too.

The server works as a role that owns nothing: owners and superusers could lift the fence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, Engine, Table, text

from careapp.errors import Unavailable
from careapp.models import METADATA

ALL = "(SELECT careapp_sees_all())"
OWN = f"{ALL} OR organisation_id = ANY ((SELECT careapp_tenants())::uuid[])"
TO_US = "to_organisation_id = ANY ((SELECT careapp_tenants())::uuid[])"
NOBODYS = "organisation_id IS NULL"
EVERYBODY = "true"
OURSELVES = ALL
OPENED_PATIENTS = "(SELECT careapp_opened_patients())"
OPENED_APPOINTMENTS = "(SELECT careapp_opened_appointments())"
OF_OPENED_PATIENT = f"patient_id IN {OPENED_PATIENTS}"
OFFERED_KINDS = "('Organization', 'HealthcareService', 'Schedule', 'Slot')"
SHOWN_DOCUMENT = f"({NOBODYS} AND kind IN {OFFERED_KINDS}) OR careapp_shows(kind, {{key}})"


class RolesMix(Unavailable):
    """The server would work as a role that may lift the fence between tenants."""


class RoleUnknown(Unavailable):
    """The role that the server is to work as does not exist."""


@dataclass(frozen=True)
class Rule:
    """Which rows of a table are there for a transaction. Each is an SQL condition on one row.

    Attributes:
        own: Rows that it may read, write, change and remove.
        reads: Further rows that it may read.
        changes: Further rows that it may read and change.
        adds: Further rows that it may add.
    """

    own: str = OWN
    reads: str | None = None
    changes: str | None = None
    adds: str | None = None


def part_of(parent: str, column: str) -> Rule:
    """Rows that are there where the row is to which they belong; the column with its table's name."""
    return Rule(f"{ALL} OR EXISTS (SELECT 1 FROM {parent} AS its WHERE its.id = {column})")  # noqa: S608 -- ours


RULES: Mapping[str, Rule | None] = {
    # Facts, of no tenant.
    "municipality": None,
    "skill": None,
    "road_closure": None,
    "travel_data": None,
    "travel_place": None,
    "travel_row": None,
    "coverage_figure": None,
    # Ours alone.
    "claim": Rule(OURSELVES),
    "shared_key": Rule(OURSELVES),
    "outbox_message": Rule(OURSELVES, adds=EVERYBODY),
    "sealing_key": Rule(OURSELVES),
    "audit_seal": Rule(OURSELVES),
    "audit_unsealed": Rule(OURSELVES, adds=EVERYBODY),  # by a trigger, whoever adds to the record
    # Who signs in, looked up before anybody is known.
    "account": Rule(changes=NOBODYS),
    "passkey": part_of("account", "passkey.account_id"),
    "web_session": Rule(OURSELVES),
    "sign_in_step": Rule(OURSELVES),
    "sign_in_failure": Rule(OURSELVES),
    "client": Rule(reads=NOBODYS),
    "client_grant": Rule(changes=NOBODYS),
    "client_code": Rule(OURSELVES),
    "client_refresh_token": Rule(OURSELVES),
    "client_opaque_token": Rule(OURSELVES),
    "client_used_assertion": Rule(OURSELVES),
    "token_revocation": Rule(OURSELVES),
    "signing_key": Rule(OURSELVES),
    "support_grant": Rule(),
    # Offered to all.
    "organisation": Rule(f"{ALL} OR id = ANY ((SELECT careapp_tenants())::uuid[])", reads=EVERYBODY),
    "schedule": Rule(reads=EVERYBODY),
    "slot": Rule(reads=EVERYBODY),
    "consultation_hours": Rule(part_of("schedule", "consultation_hours.schedule_id").own),
    "consultation_kind": Rule(reads=EVERYBODY),
    "hours_exception": Rule(reads=EVERYBODY),
    "practitioner": Rule(
        reads="id IN (SELECT practitioner_id FROM role WHERE kind = 'doctor') "
        "OR id IN (SELECT careapp_helpers())"
    ),
    "role": Rule(reads="kind = 'doctor' OR practitioner_id IN (SELECT careapp_helpers())"),
    "role_skill": part_of("role", "role_skill.role_id"),
    # A tenant's, and what of it is opened to others.
    "patient": Rule(reads=f"id IN {OPENED_PATIENTS}"),
    "place": Rule(
        reads=f"kind = 'practice' OR id IN (SELECT home_id FROM patient WHERE id IN {OPENED_PATIENTS})"  # noqa: S608 -- ours
    ),
    "preference": Rule(reads=OF_OPENED_PATIENT),
    "absence": Rule(reads=OF_OPENED_PATIENT),
    "care_plan": Rule(reads=OF_OPENED_PATIENT),
    "care_order": Rule(reads=OF_OPENED_PATIENT),
    "care_order_window": part_of("care_order", "care_order_window.care_order_id"),
    "care_order_skill": part_of("care_order", "care_order_skill.care_order_id"),
    "appointment": Rule(changes=f"id IN {OPENED_APPOINTMENTS}"),
    "visit": part_of("appointment", "visit.id"),
    "visit_window": part_of("appointment", "visit_window.visit_id"),
    "visit_link": Rule(),
    "service": part_of("appointment", "service.visit_id"),
    "service_skill": part_of("service", "service_skill.service_id"),
    "booking": part_of("appointment", "booking.id"),
    "further_slot": part_of("appointment", "further_slot.booking_id"),
    "call": part_of("appointment", "call.booking_id"),
    "call_participant": part_of("call", "call_participant.call_id"),
    "call_consent": part_of("appointment", "call_consent.booking_id"),
    "booking_event": part_of("appointment", "booking_event.booking_id"),
    "booking_participant": part_of("appointment", "booking_participant.booking_id"),
    "booking_series": Rule(),
    "series_part": part_of("booking_series", "series_part.series_id"),
    "waiting_entry": Rule(),
    "chance": Rule(),
    "occupancy": Rule(),
    "opening": Rule(changes=TO_US),
    # Help: a request names no person, and an offer has two sides.
    "help_request": Rule(reads=EVERYBODY),
    "help_visit": Rule(),
    "help_offer": Rule(f"{OWN} OR {TO_US}"),
    # A tenant's.
    "shift_pattern": Rule(),
    "shift": Rule(),
    "plan": Rule(reads=NOBODYS),
    "unassigned_visit": part_of("appointment", "unassigned_visit.visit_id"),
    "tour": Rule(),
    "stop": part_of("tour", "stop.tour_id"),
    "tour_break": part_of("tour", "tour_break.tour_id"),
    "tour_change": Rule(),
    "calendar_feed": Rule(),
    "contact_wish": Rule(),
    "notice": Rule(),
    "heard_message": Rule(OURSELVES),
    "held_resource": Rule(reads=OF_OPENED_PATIENT),
    "erasure": Rule(),
    "coverage_measure": Rule(),
    "ranking_decision": Rule(),
    "subscription": Rule(),
    "subscription_delivery": part_of("subscription", "subscription_delivery.subscription_id"),
    "subscription_event": part_of("subscription", "subscription_event.subscription_id"),
    "job": Rule(),
    "later_answer": Rule(f"{OWN} OR status IS NULL"),
    # What was written beside the rows.
    "document": Rule(reads=SHOWN_DOCUMENT.format(key="id")),
    "document_version": Rule(reads=SHOWN_DOCUMENT.format(key="id")),
    "sent_document": Rule(reads=SHOWN_DOCUMENT.format(key="id")),
    "search_value": Rule(reads=SHOWN_DOCUMENT.format(key="resource_id")),
    "audit_event": Rule(adds=EVERYBODY),
    "audit_patient": part_of("audit_event", "audit_patient.event_id"),
}
"""Of every table; None: no fence, as it holds nothing of a tenant. A table that is missing is ours alone."""

FUNCTIONS = (
    """
    CREATE OR REPLACE FUNCTION careapp_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT coalesce(current_setting('app.tenants', true) = '*', false)
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION careapp_tenants() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT CASE WHEN coalesce(current_setting('app.tenants', true), '') IN ('', '*') THEN '{}'::uuid[]
        ELSE current_setting('app.tenants', true)::uuid[] END
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION careapp_moment() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT coalesce(nullif(current_setting('app.now', true), '')::timestamptz, now())
    $$
    """,
    """
    CREATE OR REPLACE FUNCTION careapp_opened_patients() RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
        SELECT patient_id FROM opening
        WHERE to_organisation_id = ANY (careapp_tenants())
        AND starts_at <= careapp_moment() AND ends_at > careapp_moment()
    $$
    """,
    # A practice goes on seeing that a slot was taken, and by which booking; no longer by whom.
    """
    CREATE OR REPLACE FUNCTION careapp_opened_appointments() RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
        SELECT appointment_id FROM opening
        WHERE to_organisation_id = ANY (careapp_tenants()) AND appointment_id IS NOT NULL
        AND (kind = 'booking' OR (starts_at <= careapp_moment() AND ends_at > careapp_moment()))
    $$
    """,
    # Whose nurse comes to us, and whom we have sent.
    """
    CREATE OR REPLACE FUNCTION careapp_helpers() RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
        SELECT to_practitioner_id FROM opening
        WHERE organisation_id = ANY (careapp_tenants()) AND to_practitioner_id IS NOT NULL
    $$
    """,
    # A document of another tenant is there if its row is.
    """
    CREATE OR REPLACE FUNCTION careapp_shows(kind text, key uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
        SELECT CASE kind
        WHEN 'Patient' THEN EXISTS (SELECT 1 FROM patient WHERE id = key)
        WHEN 'Practitioner' THEN EXISTS (SELECT 1 FROM practitioner WHERE id = key)
        WHEN 'PractitionerRole' THEN EXISTS (SELECT 1 FROM role WHERE id = key)
        WHEN 'Location' THEN EXISTS (SELECT 1 FROM place WHERE id = key)
        WHEN 'CarePlan' THEN EXISTS (SELECT 1 FROM care_plan WHERE id = key)
        WHEN 'ServiceRequest' THEN EXISTS (SELECT 1 FROM care_order WHERE id = key)
        WHEN 'Appointment' THEN EXISTS (SELECT 1 FROM appointment WHERE id = key)
        WHEN 'AuditEvent' THEN false
        WHEN 'Subscription' THEN false
        WHEN 'List' THEN false
        ELSE EXISTS (SELECT 1 FROM held_resource WHERE held_resource.id = key)
        END
    $$
    """,
)


def statements() -> Iterator[str]:
    """Yield what makes the fence, on a database that may have an older one."""
    yield from FUNCTIONS
    for table in METADATA.sorted_tables:
        yield from _fence(table)


def _fence(table: Table) -> Iterator[str]:
    name = table.name
    for policy in ("own", "reads", "changes", "adds", "removes"):
        yield f"DROP POLICY IF EXISTS careapp_{policy} ON {name}"
    rule = RULES.get(name, Rule(OURSELVES))
    if rule is None:
        return
    yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY"
    # One policy for each verb: conditions are tried as they stand in it, so what decides quickly is first.
    reads = _any(rule.own, rule.reads, rule.changes)
    changes, adds = _any(rule.own, rule.changes), _any(rule.own, rule.adds)
    yield f"CREATE POLICY careapp_reads ON {name} FOR SELECT USING ({reads})"
    yield f"CREATE POLICY careapp_adds ON {name} FOR INSERT WITH CHECK ({adds})"
    yield f"CREATE POLICY careapp_changes ON {name} FOR UPDATE USING ({changes}) WITH CHECK ({changes})"
    yield f"CREATE POLICY careapp_removes ON {name} FOR DELETE USING ({rule.own})"


def _any(*conditions: str | None) -> str:
    return " OR ".join(f"({each})" for each in conditions if each is not None)


def fingerprint() -> str:
    """Return a short name of the fence as this program makes it."""
    return sha256("\n".join(statements()).encode()).hexdigest()[:16]


def is_current(connection: Connection) -> bool:
    """Tell whether the database has the fence that this program makes; any other kind needs none."""
    if connection.dialect.name != "postgresql":
        return True
    found = connection.scalar(text("SELECT obj_description(to_regproc('careapp_tenants'), 'pg_proc')"))
    return bool(found == fingerprint())


def build(connection: Connection) -> None:
    """Make the fence, unless the database has it.

    Args:
        connection: In the owner's transaction, after the migrations.
    """
    if is_current(connection):
        return
    for statement in statements():
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"COMMENT ON FUNCTION careapp_tenants() IS '{fingerprint()}'")


def grant(connection: Connection, role: str) -> None:
    """Let a role work with the tables, and no more than that.

    Args:
        connection: In the owner's transaction.
        role: Name of an existing role of PostgreSQL, as which the server works.

    Raises:
        RoleUnknown: There is none of this name.
    """
    if connection.dialect.name != "postgresql":
        return
    if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}) is None:
        raise RoleUnknown(
            f"PostgreSQL has no role {role}: make it with CREATE ROLE {role} LOGIN PASSWORD '…', then run "
            "`careapp migrate` again"
        )
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {quoted}")
    for table in METADATA.sorted_tables:
        connection.exec_driver_sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table.name} TO {quoted}")
    connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {quoted}")
    connection.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}")


def role_faults(engine: Engine) -> list[str]:
    """Return by what the role of an address could lift the fence; nothing if it could not.

    Args:
        engine: A database, opened as the server would.
    """
    if engine.dialect.name != "postgresql":
        return []
    with engine.connect() as connection:
        found = connection.execute(_ABOUT_ROLE, {"tables": sorted(METADATA.tables)}).one()
    faults = ("is a superuser", "may bypass row security", "owns tables")
    return [fault for fault, is_so in zip(faults, found, strict=True) if is_so]


_ABOUT_ROLE = text(
    """
    SELECT rolsuper, rolbypassrls, EXISTS (
        SELECT 1 FROM pg_class WHERE relkind IN ('r', 'p') AND relname = ANY (:tables)
        AND relnamespace = to_regnamespace('public') AND pg_has_role(relowner, 'USAGE')
    ) AS owns FROM pg_roles WHERE rolname = current_user
    """
)


def require_fenced(engine: Engine) -> None:
    """Refuse to serve from a PostgreSQL database as somebody who could lift the fence.

    Raises:
        RolesMix: The role is a superuser, may bypass row security, or owns a table.
    """
    faults = role_faults(engine)
    if faults:
        raise RolesMix(
            f"the database role of CAREAPP_DATABASE_URL {faults[0]}, so nothing would hold tenants apart: "
            "CREATE ROLE careapp_server LOGIN PASSWORD '…', run `careapp migrate` as the owner with "
            "CAREAPP_DATABASE_ROLE=careapp_server, and serve with that role's address"
        )
