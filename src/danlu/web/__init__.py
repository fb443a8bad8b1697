"""The dashboard: studies live in the browser, read from their store."""
