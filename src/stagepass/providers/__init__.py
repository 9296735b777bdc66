"""What stages use: ports, and the vendors and local programs behind them."""
