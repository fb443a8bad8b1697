"""Models of what a config will reach: arrays in, arrays out; nothing here knows a trial."""
