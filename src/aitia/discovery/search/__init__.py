"""Score-based and permutation-based search over classes, orders and DAGs."""

from ._boss import BOSS as BOSS
