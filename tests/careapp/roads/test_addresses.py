"""What is read from an extract: areas, cut-off ways, addresses without a town."""

from pathlib import Path

import pytest

from careapp.roads.addresses import entries_of, read_extract
from careapp.roads.places import Precision

NODES = {
    1: (51.00, 8.00),
    2: (51.00, 8.04),
    3: (51.04, 8.04),
    4: (51.04, 8.00),
    5: (51.02, 8.02),
    6: (51.0201, 8.0200),
    7: (51.0203, 8.0200),
    8: (51.0203, 8.0203),
    9: (51.03, 8.03),
}
TAGGED = {
    5: {"place": "village", "name": "Mitteldorf"},
    9: {"addr:housenumber": "8", "addr:place": "Einödhof"},
}
WAYS = {
    20: ((1, 2, 3, 4, 1), {}),
    21: ((6, 7, 8, 6), {"addr:street": "Ring", "addr:housenumber": "2", "addr:postcode": "57000"}),
    22: ((5, 6, 7), {"highway": "residential", "name": "Ring"}),
    23: ((99, 98), {"highway": "residential", "name": "Abgeschnitten"}),
    24: ((5, 9), {"highway": "residential"}),
    25: ((8, 7), {"highway": "proposed", "name": "Luftschloss"}),
}
RELATIONS = {
    30: {"boundary": "administrative", "admin_level": "8", "name": "Musterstadt"},
    31: {"boundary": "postal_code", "postal_code": "57000"},
    32: {"boundary": "administrative", "admin_level": "9", "name": "Ortsteil"},
    33: {"boundary": "administrative", "admin_level": "6", "name": "Kreis"},
    34: {"addr:street": "Ring", "addr:housenumber": "4"},
}


def tags(told: dict[str, str]) -> str:
    return "".join(f'<tag k="{key}" v="{value}"/>' for key, value in told.items())


@pytest.fixture(scope="module")
def extract_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nodes = "".join(
        f'<node id="{number}" lat="{at[0]}" lon="{at[1]}">{tags(TAGGED.get(number, {}))}</node>'
        for number, at in NODES.items()
    )
    ways = "".join(
        f'<way id="{number}">{"".join(f"""<nd ref="{ref}"/>""" for ref in refs)}{tags(told)}</way>'
        for number, (refs, told) in WAYS.items()
    )
    relations = "".join(
        f'<relation id="{number}"><member type="way" ref="20" role="outer"/>{tags(told)}</relation>'
        for number, told in RELATIONS.items()
    )
    path: Path = tmp_path_factory.mktemp("osm") / "areas.osm"
    path.write_text(f'<osm version="0.6" generator="tests">{nodes}{ways}{relations}</osm>', encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def entries(extract_path):
    told: list[str] = []
    found = entries_of(read_extract(extract_path, tell=lambda step, _part: told.append(step)))
    assert told
    return {(entry.precision, entry.name): entry for entry in found}


class TestEntries:
    def test_are_streets_villages_towns_and_postal_codes(self, entries):
        assert set(entries) == {
            (Precision.STREET, "Ring"),
            (Precision.STREET, "Einödhof"),
            (Precision.VILLAGE, "Mitteldorf"),
            (Precision.VILLAGE, "Ortsteil"),
            (Precision.MUNICIPALITY, "Musterstadt"),
            (Precision.POSTAL_CODE, "57000"),
        }

    def test_of_an_area_lie_in_its_middle(self, entries):
        # The outline's five points: (51.00 + 51.00 + 51.04 + 51.04 + 51.00) / 5 = 51.016.
        town = entries[Precision.MUNICIPALITY, "Musterstadt"]

        assert (town.latitude, town.longitude) == (51.016, 8.016)

    def test_of_a_street_gather_road_and_houses(self, entries):
        street = entries[Precision.STREET, "Ring"]

        # Way 21 is a closed outline: its middle is the mean of its three corners.
        assert [(house.shown, house.latitude) for house in street.houses] == [("2", 51.020233), ("4", 51.016)]
        assert (street.city, street.district, street.postal_code) == ("Musterstadt", "Mitteldorf", "57000")

    def test_of_a_farm_without_a_street_have_its_own_name(self, entries):
        assert entries[Precision.STREET, "Einödhof"].houses[0].numbers == ("8",)
