"""What leaves us is checked once, when it is written."""
