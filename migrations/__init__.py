"""How the database came to be, step by step; see README.md."""
