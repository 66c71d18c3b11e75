"""Scores, intervals, tables and figures."""
