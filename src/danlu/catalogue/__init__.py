"""What a practitioner knows of parameters before the first trial, for search, lint and plan."""
