"""What this service is, and whose facts it shows."""

from importlib.metadata import version

from fastapi import APIRouter

from api.dependencies import Places, SettingsDep
from api.shapes import Out, shown_as
from careapp.demo.facts import attribution

router = APIRouter(prefix="/api", tags=["about"])

INVENTED = "Every patient, nurse, doctor and organisation of the demo region is invented."
SIGN_IN = "There is no sign-in yet: the service answers only on this machine, to whoever sits at it."


class AboutOut(Out):
    """The service, its rules of use and its sources."""

    model_config = shown_as(
        {
            "name": "careapp",
            "version": "0.1.0",
            "zone": "Europe/Berlin",
            "sign_in": SIGN_IN,
            "attribution": [*attribution(), INVENTED],
        }
    )

    name: str
    version: str
    zone: str
    sign_in: str
    attribution: list[str]


@router.get("/about")
def get_about(settings: SettingsDep, geocoder: Places) -> AboutOut:
    """Tell the version, the region's time zone, who may use the service, and the sources to be named."""
    return AboutOut(
        name="careapp",
        version=version("careapp"),
        zone=settings.zone,
        sign_in=SIGN_IN,
        attribution=[*attribution(), f"Addresses: {geocoder.attribution}", INVENTED],
    )
