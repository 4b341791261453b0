"""A made-up book: years of clients' transactions, the same for the same seed, from no real life."""
