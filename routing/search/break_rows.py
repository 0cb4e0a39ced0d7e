"""The breaks a vehicle may be given, as the kernels read them."""

from routing.problem import Vehicle
from routing.search.kernels.layout import MOST_PARTS
from routing.settling import pause_options, split_options

__all__ = ["break_rows"]


def break_rows(vehicle: Vehicle, *, split: bool) -> list[tuple[int, ...]]:
    """Return the breaks to choose from as rows of `Data.option`: single ones first, then those in parts."""
    rows: list[tuple[int, ...]] = []
    for length, span, is_lunch in pause_options(vehicle):
        rows.append((length, span, int(is_lunch), 1, length, *(0,) * (MOST_PARTS - 1)))
    for parts, span in split_options(vehicle) if split else []:
        lengths = [length for length, _ in parts]
        lunch = next((number for number, (_, noon) in enumerate(parts, 1) if noon), 0)
        padding = (0,) * (MOST_PARTS - len(parts))
        rows.append((sum(lengths), span, lunch, len(parts), *lengths, *padding))
    return rows
