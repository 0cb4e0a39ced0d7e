"""Compile the search before it is needed: `python -m routing.search`. The second time it is done at once."""

from routing.search.engine import warm_up

if __name__ == "__main__":
    warm_up()
