"""What is written beside every change: the shown document and its history, the audit, the outbox."""
