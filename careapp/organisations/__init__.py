"""Who pays and who cares: municipalities, care services, practices, and the places they know."""
