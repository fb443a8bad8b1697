"""History in, decisions out: pure functions that decide what to train next."""
