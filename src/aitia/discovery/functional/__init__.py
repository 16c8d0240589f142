"""Functional causal models: asymmetries of the noise orient the edges."""
