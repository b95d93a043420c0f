"""Drawn data sets that stand in where the real ones are not at hand."""
