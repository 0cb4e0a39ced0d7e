"""Move a patient's home on the map."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.organisations.commands import NoPointOnEarth
from careapp.organisations.region import require_in_region
from careapp.people.models import HomeUnknown, Patient
from careapp.people.queries import get_patient
from careapp.records import audit
from careapp.roads.places import PlacedBy, Precision
from careapp.roads.rows import forget_place


def require_home(session: Session, patient: Patient) -> None:
    """Refuse a patient to whom nobody can come; the home stays known until the transaction ends.

    Raises:
        HomeUnknown: Nobody has said where it is.
    """
    session.refresh(patient, ["home_id"], with_for_update={"read": True, "key_share": True})
    if patient.home_id is None:
        raise HomeUnknown(f"patient {patient.id} has no home on the map: enter the address first")


def move_home(
    session: Session,
    *,
    patient_id: UUID,
    latitude: float,
    longitude: float,
    precision: Precision = Precision.PIN,
    placed_by: PlacedBy = PlacedBy.PERSON,
    viewer: Viewer,
    now: datetime,
) -> Patient:
    """Set the point at which a patient is visited; the address stays.

    Plans that are made from now on use it; tours that are published keep their times.

    Args:
        session: An open transaction.
        patient_id: Whose home.
        latitude: Degrees north, WGS 84.
        longitude: Degrees east.
        precision: What the point stands for; a pin set by hand is the door.
        placed_by: Who or what found it; who moved it is in the audit.
        viewer: Who moves it.
        now: This moment.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        HomeUnknown: There is no address to which the point would belong.
        NoPointOnEarth: Latitude or longitude is out of range.
        OutsideRegion: The point is far away from the region.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise NoPointOnEarth("write the latitude from -90 to 90 and the longitude from -180 to 180 degrees")
    require_in_region(session, latitude=latitude, longitude=longitude)
    home = patient.known_home
    # Kept travel times are no place to learn where somebody lived.
    forget_place(session, latitude=home.latitude, longitude=home.longitude)
    home.latitude, home.longitude = latitude, longitude
    home.precision, home.placed_by = precision, placed_by
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="move_home",
        subject=patient,
        place=home.id,
        precision=precision.value,
        placed_by=placed_by.value,
    )
    return patient
