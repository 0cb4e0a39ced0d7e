"""Lines as text, in Google's encoded polyline format, as Valhalla writes them."""

from routing.travel.source import Coordinates

__all__ = ["decoded"]


def decoded(text: str, *, digits: int) -> tuple[Coordinates, ...]:
    """Return the points of a line: differences in signed base 32, five bits a character, lowest first.

    Args:
        text: The encoded line.
        digits: Decimal places of a degree: 5 in the original format, 6 in Valhalla's.

    Raises:
        ValueError: It is cut off, holds a foreign character, or no point.
        InvalidTravel: A point lies outside the earth's coordinates.
    """
    numbers, value, shift = [], 0, 0
    for character in text:
        bits = ord(character) - 63
        if not 0 <= bits < 64:
            raise ValueError("an encoded line holds a foreign character")
        value |= (bits & 31) << shift
        shift += 5
        if bits < 32:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift or not numbers or len(numbers) % 2:
        raise ValueError("an encoded line is cut off")
    latitude = longitude = 0
    points = []
    for north, east in zip(numbers[::2], numbers[1::2], strict=True):
        latitude, longitude = latitude + north, longitude + east
        points.append(Coordinates(latitude / 10**digits, longitude / 10**digits))
    return tuple(points)
