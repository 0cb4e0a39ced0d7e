"""The demo region: invented people on public facts, made from a seed."""
