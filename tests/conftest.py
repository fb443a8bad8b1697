"""Settings that hold for all tests."""

import os

from hypothesis import settings

# Machines that run tests are shared: how long an example takes says nothing about the code.
settings.register_profile("danlu", deadline=None, max_examples=50)
# A gate must not depend on luck; new examples are looked for where somebody can look into them.
settings.register_profile("ci", parent=settings.get_profile("danlu"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "danlu")

os.environ["DANLU_LANG"] = "en"  # whatever language the machine speaks
