"""What every other module may use: errors, tables, the grid, names. It stands on nothing else."""
