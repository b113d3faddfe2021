"""Rules over the rows of a table, block by block: in memory, over files, or on a cluster."""
