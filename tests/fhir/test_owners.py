"""Whose a document is, in every table that keeps one."""

from sqlalchemy import select

from careapp.people.models import Patient
from careapp.records.models import Document, DocumentVersion
from careapp.records.search_values import SearchValue
from fhir.mapping.registry import RESOURCES, get_resource
from tests.careapp.worlds import a_patient
from tests.fhir.rows import a_served_world


class TestDocuments:
    def test_are_their_rows_tenants_and_offers_are_nobodys(self, sessions):
        with sessions.begin() as session:
            a_served_world(session)

        offered = set()
        with sessions() as session:
            found = session.execute(select(Document.kind, Document.id, Document.organisation_id)).all()
            for kind, key, owner in found:
                for part in get_resource(kind).parts:  # a nurse's shift is a slot, too, and no offer
                    row = session.get(part.table, key)
                    if row is not None and part.is_offered:
                        offered.add((kind, key))
                        assert owner is None, kind
                    elif row is not None:
                        assert owner == row.organisation_id, kind
            values = session.execute(select(SearchValue.kind, SearchValue.organisation_id)).all()
        assert {kind for kind, _, _ in found} == {each.kind for each in RESOURCES if each.is_kept}
        assert {kind for kind, _ in offered} == {"Organization", "HealthcareService", "Schedule", "Slot"}
        assert {kind for kind, key, _ in found if (kind, key) not in offered} >= {
            "Schedule",
            "Slot",
            "Patient",
        }
        assert values
        assert {kind for kind, owner in values if owner is None} <= {kind for kind, _ in offered}

    def test_keep_their_owner_when_they_change_and_go(self, sessions):
        with sessions.begin() as session:
            patient = a_patient(session)
        with sessions.begin() as session:
            session.get_one(Patient, patient.id).given_name = "Rosa"
        with sessions.begin() as session:
            session.delete(session.get(Patient, patient.id))

        with sessions() as session:
            owners = session.execute(
                select(DocumentVersion.version, DocumentVersion.organisation_id)
                .where(DocumentVersion.kind == "Patient", DocumentVersion.id == patient.id)
                .order_by(DocumentVersion.version)
            ).all()
        assert [tuple(each) for each in owners] == [(number, patient.organisation_id) for number in (1, 2, 3)]
