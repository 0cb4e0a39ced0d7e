"""Doctors' times that fit the nurses' tours: found, booked, moved and cancelled together with the visit."""
