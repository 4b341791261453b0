"""What the history means to its readers: pure folds from events to rows."""
