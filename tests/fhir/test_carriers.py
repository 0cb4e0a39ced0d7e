"""Following references: from ids of targets to rows, and from rows to ids of their targets."""

import pytest
from sqlalchemy import select

from careapp.appointments.models import Appointment
from careapp.consultations.models import Schedule, Slot
from careapp.people.models import Practitioner
from fhir.mapping.registry import get_resource
from fhir.search.carriers import Carrier, NotFollowed
from fhir.search.references import Reference


def carriers_of(kind: str, name: str, target: str) -> list[Carrier]:
    parameter = get_resource(kind).parameters[name]
    assert isinstance(parameter, Reference)
    return [carrier for carrier in parameter.carriers if target in carrier.labels]


class TestCarrier:
    def test_finds_rows_among_whose_targets_are_chosen(self, searched):
        served = searched.served
        (carrier,) = carriers_of("Slot", "schedule", "Schedule")
        chosen = select(Schedule.id).where(Schedule.practitioner_id == served.world.doctor.practitioner_id)

        with searched.sessions() as session:
            found = session.scalars(select(Slot.id).where(carrier.among(chosen))).all()

        assert set(found) == {served.world.slot.id, served.free_slot.id}

    def test_finds_rows_through_other_tables(self, searched):
        served = searched.served
        nurse, doctor = served.world.nurses[1].practitioner_id, served.world.doctor.practitioner_id

        with searched.sessions() as session:
            found = {
                key: session.scalars(
                    select(Appointment.id).where(
                        carrier.among(select(Practitioner.id).where(Practitioner.id == key))
                    )
                ).all()
                for key, carrier in zip(
                    (nurse, doctor), carriers_of("Appointment", "practitioner", "Practitioner"), strict=True
                )
            }

        assert found == {nurse: [served.double.id], doctor: [served.booking.id]}

    def test_selects_the_targets_of_rows(self, searched):
        served = searched.served
        with searched.sessions() as session:
            found = [
                set(session.scalars(carrier.targets(Appointment, Appointment.id == served.double.id)))
                for carrier in carriers_of("Appointment", "practitioner", "Practitioner")
            ]

        assert found == [{nurse.practitioner_id for nurse in served.world.nurses}, set()]

    def test_follows_nothing_but_references(self, searched):
        status = get_resource("Slot").all_parameters["_id"]
        (carrier,) = status.carriers  # type: ignore[attr-defined]  # a token has them

        with searched.sessions() as session:
            assert session.scalars(select(Slot.id).where(carrier.among(select(Slot.id)))).all() == []
        with pytest.raises(NotFollowed):
            carrier.targets(Slot)
