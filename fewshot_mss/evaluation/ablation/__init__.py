"""What changes a separation: grids of arms, their tables and their figures."""
