"""The application without its web: patients, visits, shifts, tours, consultations."""
