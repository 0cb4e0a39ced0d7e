"""The embedded authorization server, on the framework-neutral core of Authlib."""
