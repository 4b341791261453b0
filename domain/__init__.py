"""The business: what may happen to a client, and what it means. No I/O, no clock."""
