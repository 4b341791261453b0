"""Stored events: their published schemas and their golden payloads."""
