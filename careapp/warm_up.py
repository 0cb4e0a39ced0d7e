"""Compile the search before it is needed: `python -m careapp.warm_up`. The second time it is done at once."""

from routing.search import warm_up

if __name__ == "__main__":
    warm_up()
