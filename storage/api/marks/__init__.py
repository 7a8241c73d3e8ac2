"""Marks on charts: annotations."""
