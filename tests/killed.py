"""Programs that are killed at a moment that does not depend on the machine."""

import signal
import subprocess

_KILLED = """
import itertools, os, runpy, signal, sys
replace, moments, last = os.replace, itertools.count(), int(sys.argv[1])
def replace_or_die(*paths):
    if next(moments) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)
os.replace = replace_or_die
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_killed(words, moment):
    """Run a program that SIGKILL ends before it puts a file into its place.

    Args:
        words: the interpreter, the program and its arguments.
        moment: how many files appear before; a run writes config.json, then several in
            each epoch.
    """
    python, *rest = words
    killed = [python, "-c", _KILLED, str(moment), *rest]
    process = subprocess.run(killed, capture_output=True, timeout=300)
    assert process.returncode == -signal.SIGKILL, process.stderr
