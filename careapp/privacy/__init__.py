"""What patients may ask for: erasure, export, restriction; and how long anything is kept."""
