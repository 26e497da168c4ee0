"""Readers of ratings in the formats of annotation tools."""
