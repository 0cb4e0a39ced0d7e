"""A patient's record, opened to somebody whose tenant it is not: for a time, for a reason."""
