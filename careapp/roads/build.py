"""Build a data set of roads from an OpenStreetMap extract, and put it in use when it is whole and fits.

    extract ─ read ─▶ roads.npz
            └ for each vehicle: osrm-extract ─▶ osrm-partition ─▶ osrm-customize            slice "base"
                                 rules' speeds × factors ─▶ osrm-customize (hard links)     each other slice
                                                             └▶ osrm-contract, if asked     each slice

Everything is written to a folder of its own. Nobody sees it before the switch, and nothing of it is left if
the build fails or is interrupted.
"""

import os
import resource
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from careapp.errors import Conflict
from careapp.roads.engine import Engine
from careapp.roads.manifest import (
    BASE,
    Extract,
    Manifest,
    changing,
    file_hash,
    hash_of,
    new_set,
    roads_folder,
    switch_to,
)
from careapp.roads.programs import Programs
from careapp.roads.rules import write_rules
from careapp.roads.segments import Segments, check_name, read_extract, way_speeds
from careapp.roads.snapping import Home, unsnapped
from careapp.roads.speeds import DEFAULT_TABLE, TABLE, Slice, choose, factors_of, read_slices, write_speeds
from careapp.roads.steps import Steps, Tell, full, is_full, require_room
from routing.travel.source import Profile

__all__ = ["ATTRIBUTION", "MANY_STOPS", "Built", "HomesOutside", "Order", "build", "pays_to_contract"]

ATTRIBUTION: Final = "© OpenStreetMap contributors, ODbL 1.0"
SYNTHETIC: Final = "synthetic road network, made by careapp: no real road"
MANY_STOPS: Final = 300
"""Stops of a day from which contraction pays: it takes some five times the rest of a build, and then a matrix
of 1000 places takes a sixteenth of the time (measured: 0.7 instead of 11.3 s in a region)."""
MOST_OUTSIDE: Final = 0.5
NAMED: Final = 5
"""Patients whose ids an error names."""
BYTES_PER_BYTE: Final = 25
"""Road data for one vehicle and slice per byte of the extract (measured: 20 for a region)."""

_EXTRACT, _PARTITION, _CUSTOMIZE, _SPEEDS, _CONTRACT = 6.0, 2.0, 1.0, 1.0, 25.0
_REWRITTEN: Final = ("geometry", "datasource_names", "mldgr", "cell_metrics", "hsgr")
"""What `osrm-customize` and `osrm-contract` write in place: copied for a slice, all else is linked."""


class HomesOutside(Conflict):
    """The extract misses more than half of the known homes."""


@dataclass(frozen=True)
class Order:
    """What is to be built.

    Attributes:
        extract: File of OpenStreetMap data.
        profiles: Vehicles; homes are checked with the first.
        contract: Whether to contract.
        slices: Names besides `BASE`.
        speeds: Table of speed factors.
        attribution: Whom to name; None for OpenStreetMap, or for our own synthetic network.
        radius_m: How far a home may lie from a road.
        force: Put it in use although it misses most homes.
    """

    extract: Path
    profiles: Sequence[Profile]
    contract: bool
    slices: Sequence[str] = ()
    speeds: Path = DEFAULT_TABLE
    attribution: str | None = None
    radius_m: int = 500
    force: bool = False


@dataclass(frozen=True)
class Built:
    """What came of it.

    Attributes:
        manifest: Of the data set, in use now.
        homes: How many homes are known.
        outside: Those without a road within the radius.
    """

    manifest: Manifest
    homes: int
    outside: tuple[Home, ...]


def pays_to_contract(stops_of_a_day: int) -> bool:
    """Whether contraction pays for so many stops on the busiest day."""
    return stops_of_a_day > MANY_STOPS


def build(
    order: Order, *, data_dir: Path, programs: Programs, homes: Sequence[Home], now: datetime, tell: Tell
) -> Built:
    """Build a data set and put it in use.

    Raises:
        BadExtract: The file is no extract, damaged, or has no road for a vehicle.
        BadSpeeds: The table of speed factors is malformed, or misses a slice.
        NoRoom: The disk is, or would be, full.
        HomesOutside: It misses more than half of the homes, and `force` is not given.
        RoadsBusy: Another process changes road data.
        BuildFailed: A program failed.
    """
    check_name(order.extract)
    table = read_slices(order.speeds)
    slices = choose(table, order.slices)
    begun = time.monotonic()
    with changing(data_dir):
        sets = roads_folder(data_dir) / "sets"
        datasets = len(order.profiles) * (1 + len(slices))
        require_room(sets, needed=BYTES_PER_BYTE * order.extract.stat().st_size * datasets)
        with new_set(data_dir) as work:
            try:
                made = _make(order, table, slices, programs, work, now, tell)
                tell("checking the homes", 1.0, f"{len(homes)} known")
                outside = _outside(order, made.at(work), programs, homes)
                _refuse_if_most(order, homes, outside)
                timed = made.model_copy(update={"seconds": round(time.monotonic() - begun, 2)})
                manifest = switch_to(timed, work)
            except OSError as error:
                if is_full(error):
                    raise full(work) from error
                raise
    return Built(manifest, len(homes), tuple(outside))


def _make(
    order: Order,
    table: dict[str, Slice],
    slices: list[Slice],
    programs: Programs,
    work: Path,
    now: datetime,
    tell: Tell,
) -> Manifest:
    once = _EXTRACT + _PARTITION + _CUSTOMIZE + len(slices) * (_SPEEDS + _CUSTOMIZE)
    contractions = _CONTRACT * (1 + len(slices)) if order.contract else 0.0
    steps = Steps(tell, 1.0 + len(order.profiles) * (once + contractions), order.extract.name)
    tell("reading the extract", 0.0, order.extract.name)
    begun, cpu = time.monotonic(), time.process_time()
    contents = read_extract(order.extract)
    contents.segments.write(work / "roads.npz")
    shutil.copyfile(order.speeds, work / TABLE)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    steps.note("reading the extract", time.monotonic() - begun, time.process_time() - cpu, peak, weight=1.0)
    made_of: dict[str, object] = {
        "extract": file_hash(order.extract),
        "programs": programs.version,
        "rules": _hash_of_rules(programs),
        "factors": {
            slice_.name: {p: factors_of(slice_, p, table).tolist() for p in Profile} for slice_ in slices
        },
    }
    for profile in order.profiles:
        _make_profile(order, profile, slices, table, programs, steps, contents.segments, work, made_of)
    is_synthetic = contents.generator.startswith("careapp")
    algorithm = "ch" if order.contract else "mld"
    return Manifest(
        data=hash_of(**made_of, algorithm=algorithm, closures=()),
        built_at=now,
        extract=Extract(file=order.extract.name, sha256=str(made_of["extract"]), bounds=contents.bounds),
        profiles=tuple(order.profiles),
        slices=(BASE, *(slice_.name for slice_ in slices)),
        algorithm=algorithm,
        synthetic=is_synthetic,
        attribution=order.attribution or (SYNTHETIC if is_synthetic else ATTRIBUTION),
        programs=programs.version,
        roads=contents.roads,
        steps=tuple(steps.done),
    )


def _make_profile(
    order: Order,
    profile: Profile,
    slices: list[Slice],
    table: dict[str, Slice],
    programs: Programs,
    steps: Steps,
    segments: Segments,
    work: Path,
    made_of: dict[str, object],
) -> None:
    """Build a vehicle's data for all slices."""
    folder = work / profile.value / BASE
    folder.mkdir(parents=True)
    network, speeds, rules = (
        folder / "network.osrm",
        folder.parent / "speeds.csv",
        folder.parent / "rules.lua",
    )
    write_rules(programs, profile, into=rules, speeds=speeds)
    version = hash_of(**made_of)[:16]
    steps.run(
        f"{profile.value}: extract",
        [
            *(programs.program("osrm-extract"), "--profile", str(rules), "--data_version", version),
            *("--output", str(network), str(order.extract)),
        ],
        weight=_EXTRACT,
        folder=folder,
    )
    rules.unlink()
    _run(steps, programs, "partition", profile, BASE, network, _PARTITION)
    _run(steps, programs, "customize", profile, BASE, network, _CUSTOMIZE)
    known = way_speeds(speeds) if slices else None
    for slice_ in slices:
        other = folder.parent / slice_.name
        factors = factors_of(slice_, profile, table)
        if known is None or (factors == 1.0).all():
            other.symlink_to(BASE)  # as fast as ever: the same data
            steps.skip(_SPEEDS + _CUSTOMIZE + (_CONTRACT if order.contract else 0))
            continue
        link_slice(folder, other)
        begun, cpu = time.monotonic(), time.process_time()
        write_speeds(other / "speeds.csv", segments, known, factors)
        name = f"{profile.value}, {slice_.name}: speeds"
        steps.note(name, time.monotonic() - begun, time.process_time() - cpu, 0, weight=_SPEEDS)
        files = [other / "speeds.csv"]
        _run(steps, programs, "customize", profile, slice_.name, other / "network.osrm", _CUSTOMIZE, files)
        if order.contract:
            _run(steps, programs, "contract", profile, slice_.name, other / "network.osrm", _CONTRACT, files)
    if order.contract:
        _run(steps, programs, "contract", profile, BASE, network, _CONTRACT)


def _run(
    steps: Steps,
    programs: Programs,
    what: str,
    profile: Profile,
    slice_: str,
    network: Path,
    weight: float,
    speed_files: Sequence[Path] = (),
) -> None:
    name = profile.value if slice_ == BASE else f"{profile.value}, {slice_}"
    options = [option for file in speed_files for option in ("--segment-speed-file", str(file))]
    command = [programs.program(f"osrm-{what}"), str(network), *options]
    steps.run(f"{name}: {what}", command, weight=weight, folder=network.parent)


def link_slice(base: Path, other: Path, *, without: Sequence[str] = ()) -> None:
    """Give a slice the base's files: linked where no program writes into them, copied where one does."""
    other.mkdir(parents=True)
    for path in base.iterdir():
        if path.suffix.removeprefix(".") in without:
            continue
        if path.suffix.removeprefix(".") in _REWRITTEN:
            shutil.copyfile(path, other / path.name)
        else:
            os.link(path, other / path.name)


def _hash_of_rules(programs: Programs) -> str:
    rules = sha256()
    for path in sorted([*programs.profiles.glob("*.lua"), *programs.profiles.glob("lib/*.lua")]):
        rules.update(path.name.encode() + b"\0" + path.read_bytes())
    return rules.hexdigest()


def _outside(order: Order, manifest: Manifest, programs: Programs, homes: Sequence[Home]) -> list[Home]:
    if not homes:
        return []
    with Engine(manifest, order.profiles[0], BASE, programs) as engine:
        return unsnapped(engine.start(), order.profiles[0], homes, radius_m=order.radius_m)


def _refuse_if_most(order: Order, homes: Sequence[Home], outside: Sequence[Home]) -> None:
    if order.force or len(outside) <= MOST_OUTSIDE * len(homes):
        return
    some = ", ".join(str(home.patient_id) for home in outside[:NAMED])
    more = ", …" if len(outside) > NAMED else ""
    raise HomesOutside(
        f"{len(outside)} of {len(homes)} known homes lie more than {order.radius_m} m from any road of "
        f"{order.extract.name} (patients {some}{more}): choose an extract of the whole region, or use this "
        "one all the same with --force; the road data in use stay as they are"
    )
