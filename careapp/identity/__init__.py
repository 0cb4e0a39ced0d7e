"""Who signs in: accounts, clients, sessions, tokens."""
