"""Where studies are kept: events in, histories out."""
