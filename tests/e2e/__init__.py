"""The whole program, as a person in front of a browser has it."""
