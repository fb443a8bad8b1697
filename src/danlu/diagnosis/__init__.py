"""One trial's curves in, findings out."""
