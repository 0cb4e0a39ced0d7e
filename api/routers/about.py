"""What this service is, and whose facts it shows."""

from importlib.metadata import version

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.auth.policy import anybody
from api.dependencies import Places, SettingsDep
from api.shapes import Out, shown_as
from careapp.demo.facts import attribution
from careapp.roads.attribution import credit_lines
from careapp.roads.tiles import find_tiles

router = APIRouter(prefix="/api", tags=["about"])
document = APIRouter(include_in_schema=False)

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


@document.get(
    "/openapi.json", dependencies=[anybody("it tells what can be asked, and nothing of any answer")]
)
async def get_document(request: Request) -> JSONResponse:
    """Describe the routes (OpenAPI 3.1)."""
    return JSONResponse(request.app.openapi())


@router.get(
    "/about",
    dependencies=[anybody("nothing of it is about a person, and sources must be named to all")],
)
def get_about(settings: SettingsDep, geocoder: Places) -> AboutOut:
    """Tell the version, the region's time zone, who may use the service, and the sources to be named."""
    return AboutOut(
        name="careapp",
        version=version("careapp"),
        zone=settings.zone,
        sign_in=SIGN_IN,
        attribution=[
            *attribution(),
            *credit_lines(find_tiles(settings.roads_dir), settings.data_dir),
            f"Addresses: {geocoder.attribution}",
            INVENTED,
        ],
    )
