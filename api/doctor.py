"""`careapp doctor`: what is unsafe in this configuration?"""

import json
from pathlib import Path

import click

from api.database import opened
from api.edge.database_findings import findings_of_database
from api.edge.findings import Finding, Severity, findings_of_files, findings_of_settings
from careapp.config import Settings

UNSAFE = 1
_ORDER = list(Severity)


@click.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the embedded database."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@click.pass_context
def doctor(context: click.Context, *, data_dir: Path | None, as_json: bool) -> None:
    """Tell what is unsafe in this configuration, in sentences; nothing is changed.

    Ends with 0 if nothing is unsafe, 1 if something is, 2 if the settings themselves are refused.
    """
    settings = Settings.read(data_dir=data_dir)
    found = [*findings_of_settings(settings), *findings_of_files(settings)]
    if settings.database_url is None and not (settings.data_dir / "careapp.sqlite").exists():
        found.append(Finding(Severity.GOOD, "database", "there is none yet: `careapp migrate` makes it"))
    else:
        with opened(settings) as engine:
            found.extend(findings_of_database(settings, engine))
    found.sort(key=lambda each: _ORDER.index(each.severity))
    is_unsafe = any(each.severity is Severity.UNSAFE for each in found)
    if as_json:
        shown = [{"severity": each.severity, "what": each.what, "sentence": each.sentence} for each in found]
        click.echo(json.dumps({"is_unsafe": is_unsafe, "findings": shown}, ensure_ascii=False))
    else:
        for each in found:
            click.echo(f"{each.severity.value:<9} {each.what}: {each.sentence}")
    context.exit(UNSAFE if is_unsafe else 0)
