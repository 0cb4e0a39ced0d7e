"""Files in which days and answers are exchanged; for `python -m routing`."""
