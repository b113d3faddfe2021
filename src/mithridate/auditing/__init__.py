"""What could happen to a table: its audit, and a poisoned copy of it."""
