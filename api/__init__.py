"""The way in: routes, errors to answers, the command line."""
