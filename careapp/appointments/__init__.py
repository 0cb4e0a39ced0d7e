"""What visits and teleconsultations share, and the table that keeps anybody from being in two places."""
