from pathlib import Path

import pytest

import careapp.demo
from careapp.demo.facts import Point, attribution, read_facts
from careapp.demo.make_facts import make_facts

FACTS = Path(careapp.demo.__file__).parent / "facts"
FILES = ("municipalities.csv", "settlements.csv", "stops.csv")
SHARED = Path(__file__).parents[4] / "shared" / "region"


class TestReadFacts:
    def test_knows_the_whole_region(self) -> None:
        facts = read_facts()

        assert len(facts.municipalities) == 59
        assert len({town.district for town in facts.municipalities}) == 5
        assert len(facts.stops) == 8631
        assert len({stop.settlement for stop in facts.stops}) > 700
        assert all(len(town.ags) == 8 and town.population > 4000 for town in facts.municipalities)

    def test_puts_each_stop_into_its_municipality(self) -> None:
        # The largest, Brilon, has 229 km²: no place lies 25 km from the centre of its own municipality.
        for stop in read_facts().stops:
            assert stop.point.kilometres_to(stop.settlement.municipality.centre) < 25

    def test_fits_into_a_few_hundred_kilobytes(self) -> None:
        assert sum((FACTS / name).stat().st_size for name in FILES) < 250_000


class TestKilometresTo:
    def test_agrees_with_the_map(self) -> None:
        # Siegen to Olpe: 0.15418° north are 17.14 km, 0.17292° west times cos 50.95° are 12.11 km.
        siegen, olpe = Point(50.87481, 8.02431), Point(51.02899, 7.85139)

        assert siegen.kilometres_to(olpe) == pytest.approx(20.99, abs=0.02)
        assert siegen.kilometres_to(siegen) == 0


class TestAttribution:
    def test_is_what_the_facts_are_delivered_with(self) -> None:
        document = (FACTS / "ATTRIBUTION.md").read_text(encoding="utf-8")

        assert len(attribution()) == 4
        for line in attribution():
            assert f"- {line}\n" in document

    def test_names_every_source(self) -> None:
        lines = " ".join(attribution())

        for source in ("GeoNames", "Destatis", "DB InfraGO", "OpenStreetMap contributors"):
            assert source in lines


class TestMakeFacts:
    def test_gives_each_stop_the_nearest_village_of_its_municipality(self, tmp_path: Path) -> None:
        source, target = tmp_path / "source", tmp_path / "target"
        source.mkdir()
        target.mkdir()
        (source / "municipalities.csv").write_text(
            "ags,name,kreis,lat,lon,population_demo,more\n"
            "05958004,Arnsberg,HSK,51.383331,8.083334,72324,x\n"
            "05966024,Olpe,OE,51.02899,7.85139,24611,x\n"
        )
        (source / "settlements.csv").write_text(
            "ags,name,lat,lon\n"
            "05958004,Neheim,51.45,7.96\n"
            "05958004,Rumbeck,51.39,8.10\n"
            "05966024,Rhode,51.39,8.1001\n"
        )
        (source / "stops.csv").write_text("ags,name,lat,lon\n05958004,Kirche,51.3900004,8.1002\n")

        make_facts(source, target)

        assert (target / "municipalities.csv").read_text() == (
            "ags,name,district,latitude,longitude,population\n"
            "05958004,Arnsberg,HSK,51.38333,8.08333,72324\n"
            "05966024,Olpe,OE,51.02899,7.85139,24611\n"
        )
        assert (target / "settlements.csv").read_text() == (
            "ags,name\n05958004,Neheim\n05958004,Rumbeck\n05966024,Rhode\n"
        )
        assert (target / "stops.csv").read_text() == "settlement,latitude,longitude\n1,51.39000,8.10020\n"

        if SHARED.is_dir():  # the region's source is at hand: then it gives the delivered files
            make_facts(SHARED, tmp_path)
            for name in FILES:
                assert (tmp_path / name).read_bytes() == (FACTS / name).read_bytes()
