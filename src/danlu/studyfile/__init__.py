"""Studies as a person writes them: a TOML or YAML file, or parameters inside a command."""

from danlu.studyfile.inline import parse_command as parse_command
from danlu.studyfile.load import RunSettings as RunSettings
from danlu.studyfile.load import StudyFile as StudyFile
from danlu.studyfile.load import load as load
