"""Tests of what is sealed."""
