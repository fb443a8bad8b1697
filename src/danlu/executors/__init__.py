"""Where trials run: jobs in, events out."""
