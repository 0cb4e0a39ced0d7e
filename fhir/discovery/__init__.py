"""What this server says about itself, made from what it can do: never a promise of its own."""
