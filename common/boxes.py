"""Boxes, as every package has them."""

Box = tuple[int, int, int, int]
"""(ymin, xmin, ymax, xmax) in pixels counted from 0, ymax and xmax exclusive."""
