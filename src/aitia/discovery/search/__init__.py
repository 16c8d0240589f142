"""Score-based and permutation-based search over classes, orders and DAGs."""
