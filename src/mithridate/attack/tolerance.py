"""What an attack on some rows may do to the others; apart, because it needs no JAX."""

HELD = 0.05  # most that it may add to their mean squared error, in units of what that was
