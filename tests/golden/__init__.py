"""What cleaning answers on some thirty small tables, frozen; `regenerate.py` writes it anew."""
