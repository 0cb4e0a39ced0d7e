"""Who asks, and what a route asks of them."""
