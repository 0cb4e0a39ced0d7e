"""Changes that other systems describe instead of sending the whole: FHIRPath Patch, JSON Patch."""
