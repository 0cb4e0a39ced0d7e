"""Visits: the dated demand, made from care orders or entered by hand."""
