"""Who gets which time: by nearness and need, with the reasons written down."""
