"""Waiting for a consultation: who waits, and times that are kept for them until they answer."""
