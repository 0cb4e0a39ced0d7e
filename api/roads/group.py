"""The group that the commands hang on."""

import click


@click.group()
def roads() -> None:
    """Real roads: build, look, measure."""
