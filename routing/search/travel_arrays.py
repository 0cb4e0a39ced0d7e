"""Travel times as the arrays the kernels read."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from routing.problem import Problem
from routing.search.kernels.layout import B_MATRIX, B_START, BIG

__all__ = ["travel_arrays"]

Matrices: TypeAlias = NDArray[np.int32]


def travel_arrays(problem: Problem) -> tuple[Matrices, Matrices, NDArray[np.int64], Matrices]:
    """Return `travel`, `travel_to`, `band` and `by_band` of `layout.Data`."""
    if len(problem.travel) == 1:
        travel = problem.travel[0].least[None]
    else:
        travel = np.stack([kind.least for kind in problem.travel])
    travel = np.require(travel, requirements=["C", "W"])
    return travel, _turned(travel), *_bands(problem)


def _turned(travel: Matrices) -> Matrices:
    """Return the matrices with columns as rows; where there and back take as long, without using memory."""
    turned = travel.transpose(0, 2, 1)
    return travel if np.array_equal(travel, turned) else np.ascontiguousarray(turned)


def _bands(problem: Problem) -> tuple[NDArray[np.int64], Matrices]:
    """Return the bands of each kind of vehicle, and the matrices they point to, each once."""
    most = max(len(kind.bands) for kind in problem.travel)
    band = np.full((len(problem.travel), most + 1, 2), -BIG, dtype=np.int64)
    matrices: dict[int, Matrices] = {}
    for row, kind in zip(band, problem.travel, strict=True):
        if not kind.bands:
            continue
        row[1 : len(kind.bands) + 1, B_START] = [each.start for each in kind.bands]
        for place, matrix in enumerate(kind.matrices):
            matrices.setdefault(id(matrix), matrix)
            row[place, B_MATRIX] = list(matrices).index(id(matrix))
    return band, np.stack(list(matrices.values()) or [np.zeros((1, 1), dtype=np.int32)])
