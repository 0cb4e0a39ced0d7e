"""Who wants to hear of changes, of which, and how far they have been told."""
