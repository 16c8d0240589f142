"""Latent structure: unmeasured variables behind measured ones, by rank and independence constraints."""
