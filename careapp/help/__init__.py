"""Help across borders: a service asks for a nurse, another offers one, and only then a record is opened."""
