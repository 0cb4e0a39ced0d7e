"""Plan nurses' tours: a `Problem` in, a `Plan` out, nothing else touched."""
