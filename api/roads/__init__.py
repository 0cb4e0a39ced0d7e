"""The commands `careapp roads …`, one file per subject."""
