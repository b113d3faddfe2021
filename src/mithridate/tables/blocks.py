"""Where a table is cut, in whichever parts it is stored.

Sums over blocks are rounded alike everywhere, so a streamed table gives the bits of one in memory.
"""

BLOCK = 1 << 14  # rows
