"""Provenance: where something comes from. Ours says which planner made tours, and who published them.

Shape: https://hl7.org/fhir/R4/provenance.html. Same input, seed, version and iterations give the same plan.
"""

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from careapp.records.held import HeldProvenance
from careapp.tours.models import Plan, Tour
from fhir.mapping import codes
from fhir.mapping.elements import Json, concept, extension, instant, meta, reference, without_none
from fhir.mapping.held.declared import (
    AGENTS,
    PATIENT,
    SERVED,
    date,
    parameters,
    token,
)
from fhir.mapping.held.declared import (
    reference as referring,
)
from fhir.mapping.held.declared import (
    to_fhir as as_sent,
)
from fhir.mapping.resource import Dependency, ServedResource
from fhir.mapping.tenant import invented, on_organisation

AGENT_TYPE = f"{codes.TERMINOLOGY}provenance-participant-type"
VIEWER = f"{codes.OURS}/NamingSystem/viewer"
PLANNER = f"{codes.OURS}/NamingSystem/planner"


def to_fhir(row: HeldProvenance) -> Json:
    """Show what was sent, else where published tours come from."""
    return _of_tours(row, row.plan) if row.plan is not None and row.content is None else as_sent(row)


def _of_tours(row: HeldProvenance, plan: Plan) -> Json:
    return without_none(
        {
            "resourceType": "Provenance",
            "id": str(row.id),
            "meta": meta(is_synthetic=row.organisation.is_synthetic),
            "target": [reference("List", tour.id) for tour in row.tours],
            "occurredDateTime": instant(plan.made_at),
            "recorded": instant(row.recorded_at or plan.made_at),
            "activity": concept(f"{codes.TERMINOLOGY}v3-DataOperation", "CREATE", display="create"),
            "agent": [
                {
                    "extension": [
                        extension("planner-version", valueString=plan.version),
                        extension("planner-seed", valueString=str(plan.seed)),
                        extension("planner-iterations", valueString=str(plan.iterations)),
                        extension("travel-source", valueString=plan.travel_source),
                    ],
                    "type": concept(AGENT_TYPE, "assembler", display="Assembler"),
                    "who": {
                        "type": "Device",
                        "identifier": {"system": PLANNER, "value": plan.version},
                        "display": "planner",
                    },
                },
                {
                    "type": concept(AGENT_TYPE, "verifier", display="Verifier"),
                    "who": {"identifier": {"system": VIEWER, "value": row.recorded_by}},
                    "onBehalfOf": reference("Organization", row.organisation_id),
                },
            ],
        }
    )


PROVENANCE = ServedResource(
    kind="Provenance",
    table=HeldProvenance,
    about="Where things come from; of published tours: which planner, which seed, who published them.",
    to_fhir=to_fhir,
    synthetic=invented(HeldProvenance.organisation_id),
    load=(
        joinedload(HeldProvenance.organisation),
        joinedload(HeldProvenance.plan),
        selectinload(HeldProvenance.tours),
    ),
    affected_by=(
        Dependency(
            Tour,
            key="plan_id",
            ids=lambda keys: select(HeldProvenance.id).where(HeldProvenance.plan_id.in_(keys)),
            attributes=frozenset({"published_at"}),
        ),
        Dependency(
            Plan,
            ids=lambda keys: select(HeldProvenance.id).where(HeldProvenance.plan_id.in_(keys)),
            attributes=frozenset({"made_at"}),
        ),
        on_organisation(HeldProvenance.id, HeldProvenance.organisation_id),
    ),
    parameters=parameters(
        "Provenance",
        HeldProvenance.id,
        {
            "agent": referring("agent.who", to=AGENTS),
            "agent-role": token("agent.role"),
            "agent-type": token("agent.type"),
            "entity": referring("entity.what", to=SERVED),
            "location": referring("location", to=frozenset({"Location"})),
            "patient": referring("target", to=PATIENT, only=True),
            "recorded": date("recorded"),
            "signature-type": token("signature.type"),
            "target": referring("target", to=SERVED),
            "when": date("occurredDateTime"),
        },
    ),
    order="recorded",
)
