"""Doctors' video consultations: schedules, slots and bookings."""
