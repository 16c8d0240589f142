"""Time series: lagged and contemporaneous edges."""
