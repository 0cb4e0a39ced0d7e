"""What other systems send becomes rows, by the same commands that everybody else uses."""
