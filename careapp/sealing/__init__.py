"""What identifies a patient is sealed in the database: columns, documents, search values."""
