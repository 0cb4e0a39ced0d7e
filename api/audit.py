"""The commands of the record: is it whole, seal it now, where does it end."""

import json
from pathlib import Path

import click
from sqlalchemy import Engine

from api.database import chain_of, opened
from careapp import clock, migrate
from careapp.config import Settings
from careapp.db import make_reading_sessions, make_sessions
from careapp.records import anchor as anchors
from careapp.records.anchor import Anchor
from careapp.records.sealing import MOST_FINDINGS, end_of, seal, verify

BROKEN = 1
"""Exit code: the record is not whole."""

DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the embedded database and the keys.",
)


class _AnchorType(click.ParamType[Anchor]):
    name = "NUMBER:DIGEST"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Anchor:
        try:
            return Anchor.parse(str(value))
        except anchors.NoAnchor as refused:
            self.fail(str(refused), param, ctx)


@click.group()
def audit() -> None:
    """The record of who did and saw what: verify, seal, anchor."""


@audit.command("verify")
@click.option("--anchor", type=_AnchorType(), help="An end that was kept elsewhere, beside the file's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@DATA_DIR
def verify_record(*, anchor: Anchor | None, as_json: bool, data_dir: Path | None) -> None:
    """Look for rows that were changed, added or taken away; exit code 1 if there are any."""
    settings = Settings.read(data_dir=data_dir)
    with opened(settings) as engine:
        migrate.require_current(engine)
        kept = anchors.read(settings.audit_anchor_path)
        with make_reading_sessions(engine).begin() as session:
            verdict = verify(session, chain_of(settings), anchor=anchor or kept)
        if anchor is not None and kept is not None and kept.number > verdict.end.number:
            verdict.find(f"the end is missing: the anchor's file names seal {kept.number}")
    if as_json:
        told = {
            "rows": verdict.rows,
            "seals": verdict.seals,
            "unsealed": verdict.unsealed,
            "end": str(verdict.end),
            "findings": verdict.findings,
        }
        click.echo(json.dumps(told))
    else:
        for sentence in verdict.findings:
            click.echo(sentence)
        if len(verdict.findings) == MOST_FINDINGS:
            click.echo("there is more that is wrong: only the beginning is told")
        if anchor is None and kept is None:
            click.echo("no anchor: that the end was not cut off cannot be told")
        click.echo(
            f"{verdict.rows} rows, {verdict.seals} seals, {verdict.unsealed} rows not sealed yet: "
            + ("NOT whole" if verdict.findings else "whole")
        )
    if verdict.findings:
        raise SystemExit(BROKEN)


@audit.command("seal")
@DATA_DIR
def seal_record(*, data_dir: Path | None) -> None:
    """Seal all that waits, without waiting for the server's next tick, and anchor the end."""
    settings = Settings.read(data_dir=data_dir)
    with opened(settings) as engine:
        migrate.require_current(engine)
        chain, sessions, count = chain_of(settings), make_sessions(engine), 0
        while True:
            with sessions.begin() as session:
                sealed = seal(session, chain, now=clock.now())
            if not sealed:
                break
            count += sealed
        end = _end(engine)
    kept = anchors.read(settings.audit_anchor_path)
    if end.number > (kept.number if kept else 0):
        anchors.keep(settings.audit_anchor_path, end)
    click.echo(f"sealed {count} rows; the end is {end}")


@audit.command("anchor")
@click.option(
    "--accept",
    is_flag=True,
    help="Take the present end for the true one, after a backup was restored.",
)
@DATA_DIR
def anchor_record(*, accept: bool, data_dir: Path | None) -> None:
    """Print the chain's end, to be kept where nobody of this machine can change it."""
    settings = Settings.read(data_dir=data_dir)
    with opened(settings) as engine:
        migrate.require_current(engine)
        end = _end(engine)
    if accept:
        anchors.keep(settings.audit_anchor_path, end)
    click.echo(str(end))


def _end(engine: Engine) -> Anchor:
    with make_reading_sessions(engine).begin() as session:
        return end_of(session)
