"""Foundations that every module may use: errors, tables, the grid, names. Depends on no others."""
