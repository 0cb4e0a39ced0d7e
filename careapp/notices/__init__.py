"""What patients are told about their appointments, and doctors' calendars for programs of their own."""
