"""Small extracts that the tests make themselves: a grid of streets, an area without roads, damaged files."""

from pathlib import Path

import osmium
import osmium.osm.mutable as osm

WEST, SOUTH = 8.0, 51.0
STEP = 0.002
"""Degrees between two crossings: 222 m from south to north, 140 m from west to east."""


def crossing(column: int, row: int) -> tuple[float, float]:
    """Longitude and latitude of a crossing."""
    return round(WEST + column * STEP, 7), round(SOUTH + row * STEP, 7)


def write_grid(path: Path, *, size: int = 12, highway: str = "residential", generator: str = "test") -> Path:
    """Write a grid of `size` x `size` crossings; each row and each column is one street.

    Node ids count from 1, row by row; way ids 1 to `size` are the rows, the next `size` the columns.
    """
    path.unlink(missing_ok=True)
    header = osmium.io.Header()
    header.set("generator", generator)
    with osmium.SimpleWriter(str(path), header=header) as writer:
        for row in range(size):
            for column in range(size):
                writer.add_node(osm.Node(id=1 + row * size + column, location=crossing(column, row)))
        for line in range(size):
            along = [1 + line * size + other for other in range(size)]
            across = [1 + other * size + line for other in range(size)]
            for number, nodes in ((1 + line, along), (1 + size + line, across)):
                tags = {"highway": highway, "name": f"Street {number}"}
                writer.add_way(osm.Way(id=number, nodes=nodes, tags=tags))
    return path


def write_empty(path: Path) -> Path:
    """Write an extract with one node and no road."""
    with osmium.SimpleWriter(str(path)) as writer:
        writer.add_node(osm.Node(id=1, location=(WEST, SOUTH)))
    return path
