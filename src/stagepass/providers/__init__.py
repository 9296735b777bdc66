"""Ports for stages, and the vendors and local programs behind them."""
