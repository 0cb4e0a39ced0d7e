"""Geocoders that are servers: small local fakes of them."""

import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest

from careapp.config import Settings, UnsafeSettings
from careapp.roads.gazetteer import Gazetteer
from careapp.roads.geocoders import (
    NOMINATIM,
    PHOTON,
    GeocoderNonsense,
    GeocoderUnavailable,
    ServerGeocoder,
    choose_geocoder,
)
from careapp.roads.places import PlacedBy, Precision
from routing.travel.http import Limits
from tests.road_fakes import Reply, fake_server

QUICK = Limits(timeout_s=0.5, attempts=2, backoff_s=0.01, longest_pause_s=0.02, most_bytes=20_000)


def nominatim_item(rank: int, **address: str) -> dict[str, object]:
    return {
        "lat": "51.0312",
        "lon": "8.4724",
        "place_rank": rank,
        "licence": "Data © OpenStreetMap contributors",
        "display_name": "somewhere",
        "addresstype": "building",
        "address": address,
    }


def photon_item(**told: str) -> dict[str, object]:
    return {"type": "Feature", "geometry": {"coordinates": [8.4724, 51.0312]}, "properties": told}


def as_reply(answer: object, **more: object) -> Reply:
    return Reply(json.dumps(answer).encode(), **more)  # type: ignore[arg-type]  # passed on as they are


class TestNominatim:
    def test_is_asked_for_addresses_in_german(self):
        with fake_server(lambda _asked: as_reply([])) as server:
            found = ServerGeocoder(server.url + "/geo/", NOMINATIM).search("Am Bach 3 & 4, Köln", limit=3)

        address = urlsplit(server.asked[0].path)
        assert found == []
        assert address.path == "/geo/search"
        words = parse_qs(address.query)
        assert (words["q"], words["limit"], words["format"]) == (["Am Bach 3 & 4, Köln"], ["3"], ["jsonv2"])

    @pytest.mark.parametrize(
        ("item", "precision", "label"),
        [
            (
                nominatim_item(
                    30, road="Am Bach", house_number="3", postcode="57462", town="Olpe", village="Rhode"
                ),
                Precision.HOUSE,
                "Am Bach 3, 57462 Olpe (Rhode)",
            ),
            (nominatim_item(26, road="Am Bach", town="Olpe"), Precision.STREET, "Am Bach, Olpe"),
            (nominatim_item(19, village="Rhode", town="Olpe"), Precision.VILLAGE, "Olpe (Rhode)"),
            (nominatim_item(16, town="Olpe"), Precision.MUNICIPALITY, "Olpe"),
            (
                nominatim_item(21, postcode="57462") | {"addresstype": "postcode"},
                Precision.POSTAL_CODE,
                "57462",
            ),
        ],
    )
    def test_answers_with_its_precision(self, item, precision, label):
        with fake_server(lambda _asked: as_reply([item])) as server:
            (found,) = ServerGeocoder(server.url, NOMINATIM).search("Am Bach 3", limit=3)

        assert (found.precision, found.label, found.source) == (precision, label, PlacedBy.NOMINATIM)
        assert (found.place.latitude, found.place.longitude) == (51.0312, 8.4724)
        assert found.attribution == "Data © OpenStreetMap contributors"


class TestPhoton:
    @pytest.mark.parametrize(
        ("item", "precision", "label"),
        [
            (
                photon_item(
                    type="house",
                    street="Am Bach",
                    housenumber="3",
                    postcode="57462",
                    city="Olpe",
                    district="Rhode",
                ),
                Precision.HOUSE,
                "Am Bach 3, 57462 Olpe (Rhode)",
            ),
            (photon_item(type="street", name="Am Bach", city="Olpe"), Precision.STREET, "Am Bach, Olpe"),
            (photon_item(type="district", name="Rhode", city="Olpe"), Precision.VILLAGE, "Olpe (Rhode)"),
            (photon_item(type="city", name="Olpe"), Precision.MUNICIPALITY, "Olpe"),
            (
                photon_item(type="other", osm_value="postcode", postcode="57462"),
                Precision.POSTAL_CODE,
                "57462",
            ),
        ],
    )
    def test_answers_with_its_precision(self, item, precision, label):
        with fake_server(lambda _asked: as_reply({"features": [item]})) as server:
            (found,) = ServerGeocoder(server.url, PHOTON).search("Am Bach 3", limit=3)

        assert server.asked[0].path.startswith("/api?q=Am+Bach+3&limit=3")
        assert (found.precision, found.label, found.source) == (precision, label, PlacedBy.PHOTON)
        assert (found.place.latitude, found.place.longitude) == (51.0312, 8.4724)
        assert "OpenStreetMap" in found.attribution


@pytest.mark.parametrize("dialect", [NOMINATIM, PHOTON], ids=["nominatim", "photon"])
class TestBadServers:
    @pytest.mark.parametrize(
        "answer",
        [
            42,
            {"error": "no"},
            [{"lat": "north"}],
            [nominatim_item(30) | {"lat": "151"}],
            [nominatim_item(30) | {"address": None}],
            {"features": [{"geometry": None, "properties": {}}]},
            {"features": [photon_item() | {"geometry": {"coordinates": [8.4, 251.0]}}]},
            {"features": [{"geometry": {"coordinates": ["a", "b"]}, "properties": []}]},
        ],
    )
    def test_that_answer_nonsense_are_told(self, dialect, answer):
        with (
            fake_server(lambda _asked: as_reply(answer)) as server,
            pytest.raises(GeocoderNonsense, match="CAREAPP_GEOCODER"),
        ):
            ServerGeocoder(server.url, dialect, limits=QUICK).search("Am Geheimen Bach", limit=3)

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(b"<html>", status=503),
            Reply(b"not json"),
            Reply(b"[" * 30_000),
            Reply(b"[]" * 20, pause_s=0.2, pieces=20),
            Reply(b"[]" * 20, cut=True),
            Reply(b"{}", status=403),
        ],
        ids=["busy", "no-json", "too-large", "slow", "cut", "forbidden"],
    )
    def test_that_do_not_answer_are_told_without_the_address(self, dialect, reply, caplog):
        with (
            fake_server(lambda _asked: reply) as server,
            caplog.at_level(logging.DEBUG),
            pytest.raises(GeocoderUnavailable) as told,
        ):
            ServerGeocoder(server.url, dialect, limits=QUICK).search("Am Geheimen Bach", limit=3)

        assert "Geheimen" not in str(told.value)
        assert "Geheimen" not in caplog.text

    def test_that_stumble_are_asked_again(self, dialect):
        good = as_reply([] if dialect is NOMINATIM else {"features": []})
        with fake_server(lambda asked: good if asked.number == 2 else Reply(b"", status=503)) as server:
            found = ServerGeocoder(server.url, dialect, limits=QUICK).search("Am Bach", limit=3)

        assert found == []
        assert len(server.asked) == 2


class TestChooseGeocoder:
    def test_follows_the_settings(self, tmp_path):
        url = "http://127.0.0.1:9"

        local = choose_geocoder(Settings.read(data_dir=tmp_path))
        nominatim = choose_geocoder(Settings.read(data_dir=tmp_path, geocoder="nominatim", geocoder_url=url))
        photon = choose_geocoder(Settings.read(data_dir=tmp_path, geocoder="photon", geocoder_url=url))

        assert isinstance(local, Gazetteer)
        assert isinstance(nominatim, ServerGeocoder)
        assert isinstance(photon, ServerGeocoder)

    @pytest.mark.parametrize(
        "given",
        [
            {"geocoder": "photon"},
            {"geocoder": "nominatim", "geocoder_url": "ftp://somewhere"},
            {"geocoder": "nominatim", "geocoder_url": "http://"},
            {"geocoder": "google"},
        ],
    )
    def test_refuses_settings_that_name_no_server(self, given):
        with pytest.raises(UnsafeSettings, match="GEOCODER"):
            Settings.read(**given)
