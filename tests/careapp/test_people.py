from datetime import date, datetime
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.db import NaiveDatetime
from careapp.organisations.commands import (
    Address,
    EmptyName,
    NoPointOnEarth,
    NotYourOrganisation,
    UnknownMunicipality,
)
from careapp.organisations.models import Municipality, OrganisationKind, PlaceKind
from careapp.organisations.queries import OrganisationNotFound, PlaceNotFound
from careapp.people import commands, queries, rules, skills
from careapp.people.models import Absence, Gender, PreferenceKind, VehicleKind
from careapp.records.models import AuditEvent
from tests.careapp.worlds import (
    a_doctor,
    a_nurse,
    a_patient,
    a_place,
    a_skill,
    an_organisation,
    coordinator_of,
    moment,
)

HOME = Address(51.4, 8.06, street="Musterweg", city="Arnsberg")
SOMEBODY = rules.Person("Pfleger", "Petra", Gender.FEMALE)


class TestListPatients:
    def test_gives_each_patient_once_over_pages(self, session: Session, viewer: Viewer) -> None:
        organisation = an_organisation(session)
        made = {a_patient(session, organisation).id for _ in range(5)}

        found = []
        after = None
        while True:
            page = queries.list_patients(session, viewer=viewer, limit=2, after=after)
            found += [patient.id for patient in page.items]
            after = page.next_after
            if after is None:
                break

        assert found == sorted(made)

    def test_has_no_next_page_when_the_last_one_is_just_full(self, session: Session, viewer: Viewer) -> None:
        a_patient(session)
        a_patient(session)

        assert queries.list_patients(session, viewer=viewer, limit=2).next_after is None

    def test_shows_a_tenant_only_its_own(self, session: Session) -> None:
        own, foreign = a_patient(session), a_patient(session)

        found = queries.list_patients(session, viewer=coordinator_of(own.organisation), limit=10)

        assert [patient.id for patient in found.items] == [own.id]
        assert foreign.id != own.id

    @pytest.mark.parametrize(("is_active", "expected"), [(True, 1), (False, 2), (None, 3)])
    def test_may_leave_out_those_who_left(
        self, session: Session, viewer: Viewer, is_active: bool | None, expected: int
    ) -> None:
        for active in (True, False, False):
            a_patient(session, is_active=active)

        assert (
            len(queries.list_patients(session, viewer=viewer, is_active=is_active, limit=9).items) == expected
        )

    def test_brings_the_homes_along(self, session: Session, viewer: Viewer) -> None:
        a_patient(session)
        session.expunge_all()

        (patient,) = queries.list_patients(session, viewer=viewer, limit=1).items

        assert patient.known_home.city == "Arnsberg"
        assert patient.organisation.name == "Pflegedienst Probe"


class TestGet:
    def test_finds_a_patient_a_nurse_and_a_doctor(self, session: Session, viewer: Viewer) -> None:
        patient, nurse, doctor = a_patient(session), a_nurse(session), a_doctor(session)
        session.expunge_all()

        assert queries.get_patient(session, patient_id=patient.id, viewer=viewer).id == patient.id
        found = queries.get_nurse(session, role_id=nurse.id, viewer=viewer)
        assert [(skill.skill.name_en, skill.grade) for skill in found.skills] == [("Skill care", 3)]
        assert (
            queries.get_doctor(session, role_id=doctor.id, viewer=viewer).practitioner.family_name == "Arzt"
        )

    def test_hides_what_is_another_tenants(self, session: Session) -> None:
        patient, nurse, doctor = a_patient(session), a_nurse(session), a_doctor(session)
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(queries.PatientNotFound, match=str(patient.id)):
            queries.get_patient(session, patient_id=patient.id, viewer=stranger)
        with pytest.raises(queries.NurseNotFound, match=str(nurse.id)):
            queries.get_nurse(session, role_id=nurse.id, viewer=stranger)
        with pytest.raises(queries.DoctorNotFound, match=str(doctor.id)):
            queries.get_doctor(session, role_id=doctor.id, viewer=stranger, to_change=True)

    def test_shows_everybody_who_offers_video_hours(self, session: Session) -> None:
        doctor, stranger = a_doctor(session), coordinator_of(an_organisation(session))

        assert queries.get_doctor(session, role_id=doctor.id, viewer=stranger).id == doctor.id
        assert queries.list_nurses(session, viewer=stranger, limit=9).items == []

    def test_does_not_take_a_doctor_for_a_nurse(self, session: Session, viewer: Viewer) -> None:
        nurse, doctor = a_nurse(session), a_doctor(session)

        assert [role.id for role in queries.list_nurses(session, viewer=viewer, limit=9).items] == [nurse.id]
        assert [role.id for role in queries.list_doctors(session, viewer=viewer, limit=9).items] == [
            doctor.id
        ]
        with pytest.raises(queries.NurseNotFound):
            queries.get_nurse(session, role_id=doctor.id, viewer=viewer)
        with pytest.raises(queries.DoctorNotFound):
            queries.get_doctor(session, role_id=nurse.id, viewer=viewer)


class TestAddPatient:
    def test_takes_a_patient_in_and_writes_it_down(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        organisation = an_organisation(session)

        patient = commands.add_patient(
            session,
            organisation_id=organisation.id,
            family_name=" Probst ",
            given_name="Paula",
            home=HOME,
            birth_date=date(1940, 1, 1),
            insurance_number="X123456789",
            viewer=viewer,
            now=now,
        )

        assert queries.get_patient(session, patient_id=patient.id, viewer=viewer).family_name == "Probst"
        assert patient.known_home.kind == PlaceKind.HOME
        (event,) = session.scalars(select(AuditEvent))
        assert (event.action, event.subject_id) == ("add_patient", patient.id)
        assert event.organisation_id == organisation.id
        assert "Probst" not in str(event.detail)

    @pytest.mark.parametrize("number", ["x123456789", "X12345678", "1234567890", "X1234567890"])
    def test_refuses_a_malformed_insurance_number(
        self, session: Session, viewer: Viewer, now: datetime, number: str
    ) -> None:
        organisation = an_organisation(session)

        with pytest.raises(rules.ImpossibleInsuranceNumber, match="nine digits") as refused:
            commands.add_patient(
                session,
                organisation_id=organisation.id,
                family_name="Probst",
                given_name="Paula",
                home=HOME,
                insurance_number=number,
                viewer=viewer,
                now=now,
            )

        assert number not in str(refused.value)

    @pytest.mark.parametrize(
        ("home", "family_name", "error"),
        [
            (HOME, "  ", EmptyName),
            (Address(91, 8), "Probst", NoPointOnEarth),
            (Address(51, 181), "Probst", NoPointOnEarth),
            (Address(51, 8, municipality_ags="05958004"), "Probst", UnknownMunicipality),
        ],
    )
    def test_refuses_what_cannot_be(
        self,
        session: Session,
        viewer: Viewer,
        now: datetime,
        home: Address,
        family_name: str,
        error: type[Exception],
    ) -> None:
        organisation = an_organisation(session)

        with pytest.raises(error):
            commands.add_patient(
                session,
                organisation_id=organisation.id,
                family_name=family_name,
                given_name="Paula",
                home=home,
                viewer=viewer,
                now=now,
            )

    def test_knows_the_municipality(self, session: Session, viewer: Viewer, now: datetime) -> None:
        session.add(
            Municipality(
                ags="05958004", name="Arnsberg", district="HSK", population=1, latitude=51, longitude=8
            )
        )
        organisation = an_organisation(session)

        patient = commands.add_patient(
            session,
            organisation_id=organisation.id,
            family_name="Probst",
            given_name="Paula",
            home=Address(51.4, 8.06, municipality_ags="05958004"),
            viewer=viewer,
            now=now,
        )

        assert patient.known_home.municipality is not None
        assert patient.known_home.municipality.name == "Arnsberg"

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            (OrganisationKind.CARE_SERVICE, OrganisationNotFound),
            (OrganisationKind.PRACTICE, NotYourOrganisation),
        ],
    )
    def test_refuses_another_tenants_organisation(
        self, session: Session, now: datetime, kind: OrganisationKind, error: type[Exception]
    ) -> None:
        foreign = an_organisation(session, kind=kind)

        with pytest.raises(error):
            commands.add_patient(
                session,
                organisation_id=foreign.id,
                family_name="Probst",
                given_name="Paula",
                home=HOME,
                viewer=coordinator_of(an_organisation(session)),
                now=now,
            )


class TestAddNurse:
    def test_employs_a_nurse_with_skills(self, session: Session, viewer: Viewer, now: datetime) -> None:
        organisation = an_organisation(session)
        base = a_place(session, organisation, kind=PlaceKind.BASE)
        a_skill(session, "wound-care")

        nurse = commands.add_nurse(
            session,
            organisation_id=organisation.id,
            person=SOMEBODY,
            base_id=base.id,
            vehicle=VehicleKind.EBIKE,
            skills={"wound-care": 3},
            viewer=viewer,
            now=now,
        )

        assert [(skill.skill_code, skill.grade) for skill in nurse.skills] == [("wound-care", 3)]
        assert nurse.vehicle == VehicleKind.EBIKE
        assert queries.list_skills(session, viewer=viewer)[0].code == "wound-care"

    @pytest.mark.parametrize(
        ("held", "error", "sentence"),
        [
            ({"care": 5}, skills.ImpossibleGrade, "write 1"),
            ({"care": 0}, skills.ImpossibleGrade, "write 1"),
            ({"magic": 1}, skills.UnknownSkill, "write one of care"),
        ],
    )
    def test_refuses_skills_that_do_not_exist(
        self,
        session: Session,
        viewer: Viewer,
        now: datetime,
        held: dict[str, int],
        error: type[Exception],
        sentence: str,
    ) -> None:
        organisation = an_organisation(session)
        a_skill(session)

        with pytest.raises(error, match=sentence):
            commands.add_nurse(
                session,
                organisation_id=organisation.id,
                person=SOMEBODY,
                base_id=a_place(session, organisation).id,
                skills=held,
                viewer=viewer,
                now=now,
            )

    def test_refuses_a_base_of_somebody_else(self, session: Session, viewer: Viewer, now: datetime) -> None:
        foreign = a_place(session, an_organisation(session))
        organisation = an_organisation(session)

        with pytest.raises(rules.PlaceOfAnotherOrganisation):
            commands.add_nurse(
                session,
                organisation_id=organisation.id,
                person=SOMEBODY,
                base_id=foreign.id,
                skills={},
                viewer=viewer,
                now=now,
            )
        with pytest.raises(PlaceNotFound):
            commands.add_nurse(
                session,
                organisation_id=organisation.id,
                person=SOMEBODY,
                base_id=foreign.id,
                skills={},
                viewer=coordinator_of(organisation),
                now=now,
            )


class TestAddDoctor:
    def test_registers_a_doctor(self, session: Session, viewer: Viewer, now: datetime) -> None:
        practice = an_organisation(session, kind=OrganisationKind.PRACTICE)

        doctor = commands.add_doctor(
            session,
            organisation_id=practice.id,
            person=rules.Person("Arzt", "Anton", title="Dr. med."),
            base_id=a_place(session, practice, kind=PlaceKind.PRACTICE).id,
            specialty="ALLG",
            viewer=viewer,
            now=now,
        )

        assert queries.get_doctor(session, role_id=doctor.id, viewer=viewer).specialty == "ALLG"

    def test_refuses_what_is_no_specialty(self, session: Session, viewer: Viewer, now: datetime) -> None:
        practice = an_organisation(session, kind=OrganisationKind.PRACTICE)

        with pytest.raises(rules.ImpossibleSpecialty, match="such as ALLG"):
            commands.add_doctor(
                session,
                organisation_id=practice.id,
                person=SOMEBODY,
                base_id=uuid4(),
                specialty="Hausarzt",
                viewer=viewer,
                now=now,
            )


class TestAddAbsence:
    def test_belongs_to_a_patient_or_to_a_practitioner(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        patient, nurse = a_patient(session), a_nurse(session)

        for_patient = commands.add_absence(
            session, patient_id=patient.id, starts_at=moment(8), ends_at=moment(9), viewer=viewer, now=now
        )
        for_nurse = commands.add_absence(
            session,
            practitioner_id=nurse.practitioner_id,
            starts_at=moment(8),
            ends_at=moment(9),
            viewer=viewer,
            now=now,
        )

        assert for_patient.organisation_id == patient.organisation_id
        assert for_nurse.organisation_id == nurse.organisation_id
        assert queries.get_absence(session, absence_id=for_nurse.id, viewer=viewer).starts_at == moment(8)
        with pytest.raises(queries.AbsenceNotFound):
            queries.get_absence(session, absence_id=for_nurse.id, viewer=coordinator_of(patient.organisation))

    def test_names_exactly_one_person_of_the_viewers(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        patient, nurse = a_patient(session), a_nurse(session)
        stranger = coordinator_of(an_organisation(session))

        for viewed_by, patient_id, practitioner_id, error in (
            (viewer, None, None, commands.AbsenceOfNobody),
            (viewer, patient.id, nurse.practitioner_id, commands.AbsenceOfNobody),
            (stranger, patient.id, None, queries.PatientNotFound),
            (stranger, None, nurse.practitioner_id, queries.PractitionerNotFound),
        ):
            with pytest.raises(error):
                commands.add_absence(
                    session,
                    patient_id=patient_id,
                    practitioner_id=practitioner_id,
                    starts_at=moment(8),
                    ends_at=moment(9),
                    viewer=viewed_by,
                    now=now,
                )

    def test_must_end_after_it_starts_in_a_zone(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        patient = a_patient(session)

        with pytest.raises(commands.AbsenceEndsBeforeItStarts):
            commands.add_absence(
                session, patient_id=patient.id, starts_at=moment(9), ends_at=moment(9), viewer=viewer, now=now
            )
        with pytest.raises(NaiveDatetime):
            commands.add_absence(
                session,
                patient_id=patient.id,
                starts_at=moment(9).replace(tzinfo=None),
                ends_at=moment(10),
                viewer=viewer,
                now=now,
            )
        assert session.scalars(select(Absence)).all() == []


class TestPreferences:
    def test_are_set_replaced_and_removed(self, session: Session, viewer: Viewer, now: datetime) -> None:
        patient = a_patient(session)
        nurse = a_nurse(session, patient.organisation)
        pair = {"patient_id": patient.id, "role_id": nurse.id}

        for kind in (PreferenceKind.PREFERRED, PreferenceKind.FORBIDDEN):
            commands.set_preference(session, **pair, kind=kind, viewer=viewer, now=now)
        (agreed,) = queries.list_preferences(session, patient_id=patient.id, viewer=viewer)
        commands.remove_preference(session, **pair, viewer=viewer, now=now)

        assert agreed.kind == PreferenceKind.FORBIDDEN
        assert queries.list_preferences(session, patient_id=patient.id, viewer=viewer) == []
        with pytest.raises(commands.NothingAgreed):
            commands.remove_preference(session, **pair, viewer=viewer, now=now)
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_id == patient.id)).all()
        assert sorted(actions) == ["remove_preference", "set_preference", "set_preference"]

    def test_are_agreed_within_one_organisation(
        self, session: Session, viewer: Viewer, now: datetime
    ) -> None:
        with pytest.raises(commands.StrangersAgree):
            commands.set_preference(
                session,
                patient_id=a_patient(session).id,
                role_id=a_nurse(session).id,
                kind=PreferenceKind.PREFERRED,
                viewer=viewer,
                now=now,
            )


class TestViewer:
    def test_of_one_organisation_may_not_read_anothers_preferences(self, session: Session) -> None:
        patient = a_patient(session)
        stranger = Viewer("stranger", ViewerRole.COORDINATOR, an_organisation(session).id)

        with pytest.raises(queries.PatientNotFound):
            queries.list_preferences(session, patient_id=patient.id, viewer=stranger)
