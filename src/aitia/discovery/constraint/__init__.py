"""Constraint-based search: independence tests decide the edges."""
