"""A small OpenStreetMap extract of an invented village, written by the tests themselves."""

from pathlib import Path

import osmium
from osmium.osm.mutable import Node, Relation, Way

WEST, SOUTH, STEP = 8.40, 51.20, 0.002

# Column and row of each node on a grid of about 150 m.
GRID = {
    1: (0, 0),
    2: (1, 0),
    3: (2, 0),
    4: (3, 0),
    5: (0, 1),
    6: (1, 1),
    7: (1, 2),
    8: (0, 2),
    9: (3, 1),
    10: (4, 1),
    11: (4, 2),
    12: (3, 2),
    13: (2, 3),
    14: (0, 4),
    15: (4, 4),
}
WAYS = {
    101: ([1, 2, 3, 4], {"highway": "secondary", "name": "Dorfstraße", "ref": "L 776"}),
    102: ([2, 6], {"highway": "service"}),
    103: ([3, 99], {"highway": "residential"}),  # its second node was cut off
    104: ([5, 6, 7, 8, 5], {"building": "yes", "addr:housenumber": "12a"}),
    105: ([9, 10, 11, 12, 9], {"natural": "water"}),
    106: ([1, 4, 15, 14, 1], {"landuse": "forest"}),
    107: ([14, 15], {}),  # of the boundary below
    108: ([4, 9], {"waterway": "stream", "name": "Ölbach"}),
    109: ([1, 5], {"highway": "proposed"}),  # no road yet
}
NODES = {
    13: {"place": "village", "name": "Weiler an der Röhr", "population": "1.204"},
    14: {"addr:housenumber": "7"},
}


def a_village(path: Path, *, generator: str = "tests") -> Path:
    """Write roads of several classes, a pond, a wood, a numbered house, a cut road, a cut boundary."""
    header = osmium.io.Header()
    header.set("generator", generator)
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
        for number, (column, row) in GRID.items():
            place = (WEST + STEP * column, SOUTH + STEP * row)
            writer.add_node(Node(id=number, location=place, tags=NODES.get(number, {}), version=1))
        for number, (nodes, tags) in WAYS.items():
            writer.add_way(Way(id=number, nodes=nodes, tags=tags, version=1))
        boundary = {"type": "boundary", "boundary": "administrative", "admin_level": "8"}
        members = [("w", 107, "outer"), ("w", 999, "outer")]
        writer.add_relation(Relation(id=201, members=members, tags=boundary, version=1))
    return path
