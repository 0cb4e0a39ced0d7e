"""How resources are written and read on the wire: media types, JSON, XML."""
