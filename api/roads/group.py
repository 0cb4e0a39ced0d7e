"""The group that the road commands belong to."""

import click


@click.group()
def roads() -> None:
    """Real roads: build, look, measure."""
