"""Care orders: the standing demand, and its recurrence in local time."""
