"""Search for addresses, and the pin of a home, through HTTP."""

import logging

import pytest

from api.routers.patients import NEW_PATIENT_EXAMPLE
from careapp.organisations.models import Municipality
from careapp.roads.gazetteer_file import Entry, HouseEntry, write_gazetteer
from careapp.roads.places import Precision


@pytest.fixture
def region(session):
    session.add(
        Municipality(
            ags="05958004", name="Arnsberg", district="HSK", population=9, latitude=51.38, longitude=8.08
        )
    )
    session.commit()


class TestSearch:
    def test_knows_villages_without_any_extract(self, sqlite_client):
        response = sqlite_client.post("/api/places/search", json={"query": "Rhode bei Olpe"})

        (best, *_) = response.json()["items"]
        assert response.status_code == 200
        assert (best["district"], best["city"], best["precision"]) == ("Rhode", "Olpe", "village")
        assert best["source"] == "gazetteer"
        assert "OpenStreetMap contributors" in best["attribution"]

    def test_finds_houses_with_a_gazetteer(self, sqlite_client, settings):
        house = HouseEntry(("3",), "3", 51.1, 8.1)
        street = Entry(Precision.STREET, "Lindenweg", 51.0, 8.0, city="Olpe", houses=(house,))
        write_gazetteer(settings.gazetteer_path, [street], attribution="somebody", synthetic=True)

        (best,) = sqlite_client.post(
            "/api/places/search", json={"query": "lindenwg 3 olpe", "limit": 1}
        ).json()["items"]

        assert (best["label"], best["latitude"], best["precision"]) == ("Lindenweg 3, Olpe", 51.1, "house")
        assert best["attribution"] == "somebody"

    def test_never_writes_what_was_searched_for_into_the_log(self, sqlite_client, caplog):
        with caplog.at_level(logging.DEBUG):
            sqlite_client.post("/api/places/search", json={"query": "Geheimweg 7, Rhode"})

        assert "/api/places/search" in caplog.text
        assert "Geheimweg" not in caplog.text

    def test_does_not_take_the_words_in_an_address(self, sqlite_client):
        assert sqlite_client.get("/api/places/search?query=Rhode").status_code == 405

    def test_refuses_other_sites_pages(self, sqlite_client):
        response = sqlite_client.post(
            "/api/places/search", json={"query": "Rhode"}, headers={"origin": "https://elsewhere.example"}
        )

        assert response.status_code == 403

    @pytest.mark.parametrize(
        "body", [{}, {"query": ""}, {"query": "Rhode", "limit": 0}, {"query": "x" * 201}]
    )
    def test_refuses_what_is_no_search(self, sqlite_client, body):
        assert sqlite_client.post("/api/places/search", json=body).status_code == 422

    def test_tells_of_a_damaged_gazetteer(self, sqlite_client, settings):
        settings.gazetteer_path.parent.mkdir(parents=True)
        settings.gazetteer_path.write_bytes(b"not a database, not at all" * 99)

        response = sqlite_client.post("/api/places/search", json={"query": "Rhode"})

        assert response.status_code == 503
        assert "careapp roads gazetteer" in response.json()["detail"]


class TestAbout:
    def test_names_whose_addresses_are_searched(self, sqlite_client, settings):
        entry = Entry(Precision.STREET, "Lindenweg", 51.0, 8.0)
        write_gazetteer(settings.gazetteer_path, [entry], attribution="somebody", synthetic=True)

        assert "Addresses: somebody" in sqlite_client.get("/api/about").json()["attribution"]

    def test_names_openstreetmap_where_the_file_is_damaged(self, sqlite_client, settings):
        settings.gazetteer_path.parent.mkdir(parents=True)
        settings.gazetteer_path.write_bytes(b"not a database, not at all" * 99)

        lines = sqlite_client.get("/api/about").json()["attribution"]

        assert any(line.startswith("Addresses: © OpenStreetMap") for line in lines)


class TestPin:
    def test_is_moved_and_says_so(self, client, world, region):
        patient = world.patients[0].id

        moved = client.put(f"/api/patients/{patient}/home/point", json={"latitude": 51.39, "longitude": 8.07})

        home = moved.json()["home"]
        assert moved.status_code == 200
        assert (home["latitude"], home["longitude"]) == (51.39, 8.07)
        assert (home["precision"], home["placed_by"]) == ("pin", "person")
        assert client.get(f"/api/patients/{patient}").json()["home"] == home
        position = client.get(f"/fhir/Location/{world.patients[0].home_id}").json()["position"]
        assert position == {"longitude": 8.07, "latitude": 51.39}

    def test_cannot_be_dropped_outside_the_region(self, client, world, region):
        patient = world.patients[0].id

        response = client.put(
            f"/api/patients/{patient}/home/point", json={"latitude": 8.07, "longitude": 51.39}
        )

        assert response.status_code == 400
        assert "swapped" in response.json()["detail"]

    def test_of_a_new_patient_tells_who_placed_it(self, client, world):
        body = NEW_PATIENT_EXAMPLE | {"organisation_id": str(world.organisation_id)}

        home = client.post("/api/patients", json=body).json()["home"]

        assert (home["precision"], home["placed_by"]) == ("house", "gazetteer")
