"""What the runs of a measurement come to: a table per folder, and over all."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from routing.bench.runs import OURS, Run

__all__ = ["percents", "summary"]

AT_BEST_PERCENT = 0.01
"""Published values are rounded: a gap up to this counts as reached."""
ALL = "all"


def summary(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the lines of a Markdown table, then what single home-care days say against the best peer.

    A row for each folder and planner: how many runs and how many of them with a valid plan; mean and worst
    gap to the best known cost, and the share of valid runs that are at or below it; our cost by each peer's,
    the geometric mean over the runs that both did, with their number. A gap is only told where a best known
    cost is.
    """
    planners = list(dict.fromkeys(run.planner for run in runs))
    peers = [planner for planner in planners if planner != OURS]
    heads = ["folder", "planner", "runs", "valid"]
    known = any(run.instance.best for run in runs)
    heads += ["mean gap %", "worst %", "at or below best %"] if known else []
    heads += [f"ours / {peer}" for peer in peers]
    yield _row(heads)
    yield _row(["---"] * len(heads))
    folders = list(dict.fromkeys(run.instance.folder for run in runs))
    for folder in [*folders, ALL] if len(folders) > 1 else folders:
        inside = [run for run in runs if folder == ALL or run.instance.folder == folder]
        for planner in planners:
            mine = [run for run in inside if run.planner == planner]
            cells = [folder, planner, str(len(mine)), str(sum(run.cost is not None for run in mine))]
            cells += _gaps(mine) if known else []
            cells += [_ratio(inside, peer) if planner == OURS else "" for peer in peers]
            if mine:
                yield _row(cells)
    yield from _without_best(runs)
    if peers:
        yield from _below_peers(runs)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _gaps(runs: Iterable[Run]) -> list[str]:
    gaps = [run.gap for run in runs if run.gap is not None]
    if not gaps:
        return ["", "", ""]
    share = 100 * sum(gap <= AT_BEST_PERCENT for gap in gaps) / len(gaps)
    return [percents(sum(gaps) / len(gaps)), percents(max(gaps)), f"{share:.0f}"]


def percents(value: float) -> str:
    """Return percents with two digits; nothing is below 0 that is 0 when rounded."""
    return f"{round(value, 2) + 0.0:.2f}"


def _ratio(runs: Iterable[Run], peer: str) -> str:
    ratios = [
        ours.cost / cost
        for ours, others in _pairs(runs)
        if ours.cost and (cost := others[peer].cost if peer in others else None)
    ]
    return f"{_geometric(ratios):.4f} ({len(ratios)})" if ratios else ""


def _geometric(ratios: Sequence[float]) -> float:
    """Return the geometric mean of positive numbers."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def _pairs(runs: Iterable[Run]) -> Iterator[tuple[Run, dict[str, Run]]]:
    """Yield each of our runs with those of the others on the same instance and seed."""
    for _, group in groupby(runs, key=lambda run: (run.instance.name, run.seed)):
        of_instance = {run.planner: run for run in group}
        ours = of_instance.pop(OURS, None)
        if ours is not None:
            yield ours, of_instance


def _without_best(runs: Iterable[Run]) -> Iterator[str]:
    names = list(dict.fromkeys(run.instance.name for run in runs if not run.instance.best))
    if names:
        yield f"no best known value for {len(names)} instances"


def _below_peers(runs: Iterable[Run]) -> Iterator[str]:
    """Yield by how much we are below the best valid peer on each home-care day, and over all of them."""
    ratios = []
    for ours, others in _pairs(runs):
        valid = {peer: run.cost for peer, run in others.items() if run.cost}
        if ours.instance.format == "homecare" and ours.cost and valid:
            best = min(valid, key=lambda peer: valid[peer])
            ratios.append(ours.cost / valid[best])
            below = 100 * (1 - ratios[-1])
            yield (
                f"{ours.instance.name}, seed {ours.seed}: {below:.1f} % below the best peer "
                f"({best} {valid[best]:.10g})"
            )
    if len(ratios) > 1:
        below = 100 * (1 - _geometric(ratios))
        yield f"home-care days: {below:.1f} % below the best peer on average ({len(ratios)} runs)"
