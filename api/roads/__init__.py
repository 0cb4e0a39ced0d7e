"""The commands `careapp roads …`, one file per room of `careapp.roads`."""
