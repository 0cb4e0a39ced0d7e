"""What is written beside every change and look."""
