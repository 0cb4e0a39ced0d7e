"""What a patient may wish, and that it is sealed."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from careapp.notices.models import ContactWish, Language, Way
from careapp.notices.wishes import (
    ImpossibleReminder,
    InvitationNeedsMail,
    NotAnAddress,
    NotANumber,
    Wish,
    find_contact_wish,
    set_contact_wish,
)
from careapp.people.queries import PatientNotFound
from tests.careapp.worlds import EVERYONE, a_patient, an_organisation, coordinator_of


def wish(session: Session, now, **more) -> ContactWish:
    patient = a_patient(session)
    return set_contact_wish(session, patient_id=patient.id, wish=Wish(**more), viewer=EVERYONE, now=now)


class TestSetContactWish:
    @pytest.mark.parametrize(
        ("written", "number"),
        [
            ("0171 2345678", "+491712345678"),
            ("(02931) 81-7160", "+492931817160"),
            ("+31 6 12345678", "+31612345678"),
            ("0031 6 12345678", "+31612345678"),
        ],
    )
    def test_spells_a_number_in_one_way(self, session, now, written, number):
        assert wish(session, now, way=Way.SMS, phone=written).phone == number

    @pytest.mark.parametrize(
        ("more", "error"),
        [
            ({"way": Way.SMS}, NotANumber),
            ({"way": Way.SMS, "phone": "12345"}, NotANumber),
            ({"way": Way.SMS, "phone": "+49 171 x"}, NotANumber),
            ({"way": Way.EMAIL}, NotAnAddress),
            ({"way": Way.EMAIL, "email": "hanna"}, NotAnAddress),
            ({"way": Way.EMAIL, "email": "erna@mail.example\nBcc: all@mail.example"}, NotAnAddress),
            ({"way": Way.EMAIL, "email": "a@b.example, c@d.example"}, NotAnAddress),
            ({"way": Way.NONE, "email": "hanna@"}, NotAnAddress),
            ({"way": Way.NONE, "hours_before": [0]}, ImpossibleReminder),
            ({"way": Way.NONE, "hours_before": [200]}, ImpossibleReminder),
            ({"way": Way.NONE, "hours_before": [1, 2, 3, 4]}, ImpossibleReminder),
            ({"way": Way.SMS, "phone": "0171 2345678", "wants_invitations": True}, InvitationNeedsMail),
        ],
    )
    def test_refuses_what_cannot_be_fulfilled_without_quoting_it(self, session, now, more, error):
        with pytest.raises(error) as refused:
            wish(session, now, **more)

        assert str(more.get("email") or more.get("phone") or "\0") not in str(refused.value)

    def test_takes_the_place_of_the_wish_before(self, session, now):
        patient = a_patient(session)
        for way in (Way.EMAIL, Way.NONE):
            row = set_contact_wish(
                session,
                patient_id=patient.id,
                wish=Wish(way, Language.ENGLISH, email="erna@mail.example", hours_before=[2, 24, 2]),
                viewer=EVERYONE,
                now=now,
            )

        assert session.scalars(select(ContactWish)).all() == [row]
        assert (row.way, row.language, row.hours_before) == (Way.NONE, Language.ENGLISH, [24, 2])

    def test_seals_address_and_number(self, session, now):
        wish(session, now, way=Way.EMAIL, email="erna@mail.example", phone="0171 2345678")
        session.flush()

        stored = session.execute(text("SELECT sealed FROM contact_wish")).scalar_one()
        assert b"erna" not in bytes(stored)
        assert b"171234" not in bytes(stored)
        session.expire_all()
        assert session.scalars(select(ContactWish)).one().email == "erna@mail.example"

    def test_is_for_who_sees_the_patient(self, session, now):
        patient = a_patient(session)
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(PatientNotFound):
            set_contact_wish(session, patient_id=patient.id, wish=Wish(Way.NONE), viewer=stranger, now=now)
        with pytest.raises(PatientNotFound):
            find_contact_wish(session, patient_id=patient.id, viewer=stranger)

    def test_is_found_again(self, session, now):
        patient = a_patient(session)
        assert find_contact_wish(session, patient_id=patient.id, viewer=EVERYONE) is None

        made = set_contact_wish(session, patient_id=patient.id, wish=Wish(Way.NONE), viewer=EVERYONE, now=now)

        assert find_contact_wish(session, patient_id=patient.id, viewer=EVERYONE) is made
