"""The forms in which history leaves the process: envelopes, versions, published schemas."""
