"""Enhancing many files: which they are, what each becomes, and what is done already."""
