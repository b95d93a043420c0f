"""What every package stands on: errors, files, command lines.

Importing it also quietens TensorFlow's start-up messages, which would bury the one
line that matters; whoever wants them back sets ``TF_CPP_MIN_LOG_LEVEL=0``.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
