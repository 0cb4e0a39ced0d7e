"""Whose a document is, in every table that keeps one."""

from sqlalchemy import select

from careapp.access import OFFERED_TO_ALL
from careapp.people.models import Patient
from careapp.records.models import Document, DocumentVersion
from careapp.records.search_values import SearchValue
from fhir.mapping.registry import RESOURCES, get_resource
from tests.careapp.worlds import a_patient
from tests.fhir.rows import a_served_world

OFFERED = {each.kind for each in RESOURCES if each.table.__tablename__ in OFFERED_TO_ALL}


class TestDocuments:
    def test_are_their_rows_tenants_and_offers_are_nobodys(self, sessions):
        with sessions.begin() as session:
            a_served_world(session)

        with sessions() as session:
            found = session.execute(select(Document.kind, Document.id, Document.organisation_id)).all()
            for kind, key, owner in found:
                part, row = next(
                    (part, row)
                    for part in get_resource(kind).parts
                    if (row := session.get(part.table, key)) is not None
                )
                assert owner == (None if part.is_offered else row.organisation_id), kind
            values = session.execute(select(SearchValue.kind, SearchValue.organisation_id)).all()
        assert {kind for kind, _, _ in found} == {resource.kind for resource in RESOURCES}
        assert {kind for kind, _, owner in found if owner is None} >= OFFERED
        assert values
        assert {kind for kind, owner in values if owner is None} <= OFFERED

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
