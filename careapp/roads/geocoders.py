"""Which geocoder answers, as the settings say."""

from careapp.config import Settings
from careapp.roads.gazetteer import Gazetteer
from careapp.roads.places import Geocoder


def choose_geocoder(settings: Settings) -> Geocoder:
    """Return the geocoder that the settings name."""
    return Gazetteer(settings.gazetteer_path)
