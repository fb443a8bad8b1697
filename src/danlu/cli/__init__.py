"""The command line: ``danlu run study.toml`` and the commands that look at studies.

One file per command; each is imported when it is called, so that ``danlu --help`` costs little.
"""

from danlu.cli.app import main as main
