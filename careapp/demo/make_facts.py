"""Boil a folder of regional facts down to what the demo region needs.

Run: `python -m careapp.demo.make_facts FOLDER`, where the folder holds `municipalities.csv`,
`settlements.csv` and `stops.csv` with the columns read below. It rewrites the files in `careapp/demo/facts`.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from careapp.demo.facts import Point

_HERE = Path(__file__).parent / "facts"


def make_facts(source: Path, target: Path) -> None:
    """Read the folder `source` and write `municipalities.csv`, `settlements.csv` and `stops.csv` to `target`.

    Coordinates are rounded to 1e-5 degrees (about a metre). A stop is given the number of the nearest
    settlement of its municipality, counted from 0 in the order of `settlements.csv`.
    """
    municipalities = [
        (
            row["ags"],
            row["name"],
            row["kreis"],
            _degrees(row["lat"]),
            _degrees(row["lon"]),
            row["population_demo"],
        )
        for row in _read(source / "municipalities.csv")
    ]
    settlements = [
        (row["ags"], row["name"], Point(float(row["lat"]), float(row["lon"])))
        for row in _read(source / "settlements.csv")
    ]
    of_municipality: dict[str, list[int]] = {}
    for number, (ags, _, _) in enumerate(settlements):
        of_municipality.setdefault(ags, []).append(number)
    stops = []
    for row in _read(source / "stops.csv"):
        point = Point(float(row["lat"]), float(row["lon"]))
        nearest = min(
            of_municipality[row["ags"]], key=lambda number: point.kilometres_to(settlements[number][2])
        )
        stops.append((str(nearest), _degrees(row["lat"]), _degrees(row["lon"])))
    _write(
        target / "municipalities.csv",
        ("ags", "name", "district", "latitude", "longitude", "population"),
        municipalities,
    )
    _write(target / "settlements.csv", ("ags", "name"), [(ags, name) for ags, name, _ in settlements])
    _write(target / "stops.csv", ("settlement", "latitude", "longitude"), stops)


def _degrees(text: str) -> str:
    return f"{float(text):.5f}"


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    make_facts(Path(sys.argv[1]), _HERE)
