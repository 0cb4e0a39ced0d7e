"""Shifts, plans and tours: from a day's demand to what a nurse drives."""
