"""Patients, practitioners (nurses and doctors), their skills, preferences and absences."""
