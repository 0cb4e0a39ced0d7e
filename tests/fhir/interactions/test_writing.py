"""Create, update, patch, delete: what comes of a document, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from careapp.errors import Conflict
from careapp.people.models import Patient
from fhir.interactions import writing
from fhir.interactions.tags import NEVER, read_tag
from fhir.interactions.written import Returns
from fhir.issues import Malformed, NotSupported, Rejected, VersionConflict
from fhir.mapping.registry import UnknownKind
from fhir.read import DocumentGone, DocumentNotFound, read
from tests.careapp.worlds import a_patient, a_visit, an_organisation, coordinator_of
from tests.fhir.interactions.conftest import Server, a_document, shown

ANY = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02"


def patient_of(session: Session, written: Any) -> Patient:
    found = session.get(Patient, written.id)
    assert found is not None
    return found


class TestCreate:
    def test_makes_the_row_and_its_document(self, server: Server):
        written = server.create(id="theirs")

        assert (written.kind, written.version, written.is_created) == ("Patient", 1, True)
        assert shown(written)["id"] == str(written.id)
        assert shown(written)["name"][0]["family"] == "Sommer"
        assert written.updated_at == server.clock.now
        with server.sessions() as session:
            assert patient_of(session, written).family_name == "Sommer"
            assert (
                read(session, kind="Patient", id=str(written.id), viewer=server.asking.viewer).content
                == written.content
            )

    def test_keeps_what_the_row_cannot_hold(self, server: Server):
        assert shown(server.create(maritalStatus={"text": "ledig"}))["maritalStatus"] == {"text": "ledig"}

    def test_refuses_what_breaks_a_rule_with_its_place(self, server: Server):
        with pytest.raises(Rejected) as refused:
            server.create(gender="divers")

        assert not isinstance(refused.value, Malformed)
        assert server.versions() == 0

    @pytest.mark.parametrize("document", [[], "Patient", {"resourceType": "Slot"}, {}])
    def test_refuses_what_is_no_such_resource(self, server: Server, document):
        with pytest.raises(Malformed):
            server.do(writing.create, kind="Patient", document=document)

    def test_refuses_kinds_that_are_not_written_or_not_there(self, server: Server):
        with pytest.raises(NotSupported):
            server.do(writing.create, kind="List", document={"resourceType": "List"})
        with pytest.raises(UnknownKind):
            server.do(writing.create, kind="Dragon", document={"resourceType": "Dragon"})

    def test_says_which_of_its_rules_the_row_breaks(self, server: Server):
        with server.sessions.begin() as session:
            an_organisation(session)

        with pytest.raises(Rejected) as refused:  # now nobody knows whose patient it is
            server.create()

        assert refused.value.issues[0].expression == "Patient.managingOrganization"


class TestUpdate:
    def test_replaces_the_whole_resource(self, server: Server):
        created = server.create(maritalStatus={"text": "ledig"})
        server.clock.advance(hours=1)

        written = server.do(
            writing.update,
            kind="Patient",
            id=str(created.id),
            document=a_document("Winter", id=str(created.id)),
        )

        assert (written.id, written.version, written.is_created) == (created.id, 2, False)
        assert written.updated_at == server.clock.now
        assert shown(written)["name"][0]["family"] == "Winter"
        assert "maritalStatus" not in shown(written)

    def test_of_only_what_the_row_cannot_hold_is_a_new_version(self, server: Server):
        created = server.create()

        written = server.do(
            writing.update,
            kind="Patient",
            id=str(created.id),
            document=a_document(id=str(created.id), maritalStatus={"text": "verheiratet"}),
        )

        assert written.version == 2
        assert shown(written)["maritalStatus"] == {"text": "verheiratet"}

    def test_of_nothing_is_no_new_version(self, server: Server):
        created = server.create()

        written = server.do(
            writing.update, kind="Patient", id=str(created.id), document=a_document(id=str(created.id))
        )

        assert (written.version, written.content) == (1, created.content)

    @pytest.mark.parametrize("if_match", [1, None])
    def test_takes_the_version_that_was_seen(self, server: Server, if_match):
        created = server.create()

        written = server.do(
            writing.update,
            kind="Patient",
            id=str(created.id),
            document=a_document("Winter", id=str(created.id)),
            if_match=if_match,
        )

        assert written.version == 2

    @pytest.mark.parametrize("if_match", [NEVER, 2])
    def test_refuses_another_version_than_the_present_one(self, server: Server, if_match):
        created = server.create()

        with pytest.raises(VersionConflict):
            server.do(
                writing.update,
                kind="Patient",
                id=str(created.id),
                document=a_document("Winter", id=str(created.id)),
                if_match=if_match,
            )

        assert server.versions() == 1

    def test_lets_one_of_many_who_saw_the_same_version_win(self, server: Server):
        created, barrier = server.create(), Barrier(6)

        def change(number: int) -> bool:
            barrier.wait()
            try:
                server.do(
                    writing.update,
                    kind="Patient",
                    id=str(created.id),
                    document=a_document(f"Winter {number}", id=str(created.id)),
                    if_match=1,
                )
            except VersionConflict:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            won = list(pool.map(change, range(6)))

        assert (won.count(True), server.versions()) == (1, 2)

    @pytest.mark.parametrize("sent", ["other", None])
    def test_refuses_another_id_than_the_one_in_the_address(self, server: Server, sent):
        created = server.create()
        document = a_document("Winter") if sent is None else a_document("Winter", id=sent)

        with pytest.raises(Malformed) as refused:
            server.do(writing.update, kind="Patient", id=str(created.id), document=document)

        assert refused.value.issues[0].expression == "Patient.id"

    @pytest.mark.parametrize("key", [ANY, "7", ANY.upper()])
    def test_makes_nothing_under_an_id_of_the_sender(self, server: Server, key):
        with pytest.raises(writing.IdsAreOurs):
            server.do(writing.update, kind="Patient", id=key, document=a_document(id=key))

    def test_does_not_tell_another_tenant_that_it_is_there(self, server: Server):
        created = server.create()
        with server.sessions.begin() as session:
            stranger = coordinator_of(an_organisation(session))

        with pytest.raises(writing.IdsAreOurs):
            server.do(
                writing.update,
                kind="Patient",
                id=str(created.id),
                document=a_document(id=str(created.id)),
                asking=replace(server.asking, viewer=stranger),
            )

    def test_of_what_was_deleted_is_gone(self, server: Server):
        created = server.create()
        server.do(writing.delete, kind="Patient", id=str(created.id))

        with pytest.raises(DocumentGone):
            server.do(
                writing.update, kind="Patient", id=str(created.id), document=a_document(id=str(created.id))
            )


class TestPatch:
    def test_changes_a_part_and_leaves_the_rest(self, server: Server):
        created = server.create(maritalStatus={"text": "ledig"})

        written = server.do(
            writing.patch,
            kind="Patient",
            id=str(created.id),
            change=lambda document: {**document, "birthDate": "1940-01-01"},
            if_match=1,
        )

        assert (written.version, shown(written)["birthDate"]) == (2, "1940-01-01")
        assert shown(written)["maritalStatus"] == {"text": "ledig"}

    @pytest.mark.parametrize("change", [{"id": "other"}, {"resourceType": "Slot"}])
    def test_cannot_make_it_another_resource(self, server: Server, change):
        created = server.create()

        with pytest.raises(Rejected):
            server.do(
                writing.patch,
                kind="Patient",
                id=str(created.id),
                change=lambda document: {**document, **change},
            )

    def test_of_what_is_not_there_is_not_found(self, server: Server):
        with pytest.raises(DocumentNotFound):
            server.do(writing.patch, kind="Patient", id=str(uuid4()), change=lambda document: document)


class TestDelete:
    def test_leaves_a_tombstone(self, server: Server):
        created = server.create()

        server.do(writing.delete, kind="Patient", id=str(created.id))

        with server.sessions() as session, pytest.raises(DocumentGone):
            read(session, kind="Patient", id=str(created.id), viewer=server.asking.viewer)

    def test_may_be_said_twice(self, server: Server):
        created = server.create()
        server.do(writing.delete, kind="Patient", id=str(created.id))
        versions = server.versions()

        server.do(writing.delete, kind="Patient", id=str(created.id))

        assert server.versions() == versions

    def test_refuses_another_version_than_the_present_one(self, server: Server):
        created = server.create()

        with pytest.raises(VersionConflict):
            server.do(writing.delete, kind="Patient", id=str(created.id), if_match=2)

    def test_of_what_never_was_is_not_found(self, server: Server):
        with pytest.raises(DocumentNotFound):
            server.do(writing.delete, kind="Patient", id=str(uuid4()))

    def test_of_what_others_need_is_a_conflict(self, server: Server):
        with server.sessions.begin() as session:
            patient = a_patient(session)
            a_visit(session, patient)

        with pytest.raises(Conflict):
            server.do(writing.delete, kind="Patient", id=str(patient.id))


class TestReturns:
    def test_is_as_much_as_the_sender_wants(self, server: Server):
        written = server.create()

        assert written.body(Returns.MINIMAL) == b""
        assert written.body(Returns.REPRESENTATION) == written.content
        assert b'"resourceType":"OperationOutcome"' in written.body(Returns.OUTCOME)
        assert b'"severity":"information"' in written.body(Returns.OUTCOME)


class TestTags:
    @pytest.mark.parametrize(
        ("written", "version"),
        [
            (None, None),
            ("*", None),
            ('W/"3"', 3),
            ('"3"', 3),
            (" 3 ", 3),
            ('W/"abc"', NEVER),
            ('W/"0"', NEVER),
            ('W/"99999999999999999999"', NEVER),
        ],
    )
    def test_name_a_version(self, written, version):
        assert read_tag(written, "http.If-Match") == version

    @pytest.mark.parametrize("written", ["", "W/3", 'W/"1", W/"2"', "three", '"1'])
    def test_that_cannot_be_read_are_refused_with_their_place(self, written):
        with pytest.raises(Malformed) as refused:
            read_tag(written, "http.If-Match")

        assert refused.value.issues[0].expression == "http.If-Match"
