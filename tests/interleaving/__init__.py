"""Actors who work on the same rows at once, in every order that hypothesis thinks of."""
