"""Notebooks to step through, and what executes them."""
