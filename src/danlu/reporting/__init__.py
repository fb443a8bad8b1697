"""From a history to something to look at: the HTML report and plots."""
