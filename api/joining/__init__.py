"""The pages by which patients and guests come to a call: HTML that needs no script but to read the link."""
