"""Cleaning a table: which rows to keep, which to look at, and why."""
