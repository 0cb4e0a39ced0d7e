"""Real roads: their data, their engine, and what is made from them."""
