"""What drives the domain and the projections: deciding, appending, following, rebuilding."""
