"""What results say of where they come from."""

import subprocess
import sys

import pytest

from common.files import REPOSITORY
from common.provenance import command_of, commit, machine, provenance, without_folders


@pytest.mark.paths
def test_commands_name_no_folder_outside_of_the_repository():
    words = [str(REPOSITORY / "image_zooms" / "test.py"), "--path_voc=/home/me/my voc"]
    words += ["--path_model", str(REPOSITORY / "runs"), "--images", "/home/me/a.jpg"]
    words += ["-n", "3", "relative/path"]
    assert command_of(words) == (
        "python image_zooms/test.py '--path_voc=my voc' --path_model runs"
        " --images a.jpg -n 3 relative/path"
    )


def test_values_name_the_last_part_of_paths_alone():
    assert without_folders("/home/me/my voc") == "my voc"
    assert (
        without_folders("3 images (test of /home/me/voc)") == "3 images (test of voc)"
    )
    assert without_folders(["/home/me/a", "runs/a", 3]) == ["a", "runs/a", 3]
    assert without_folders(None) is None


@pytest.mark.slow
@pytest.mark.paths
def test_the_commit_is_git_s_and_says_whether_files_differ():
    words = ["git", "rev-parse", "HEAD"]
    said = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    if said.returncode:
        assert commit() == ""
    else:
        assert said.stdout.startswith(commit().removesuffix("+"))


def test_no_git_is_no_failure(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert commit() == ""


def test_machine_and_python_are_named():
    found = provenance()
    assert found.keys() == {"command", "commit", "machine", "python"}
    assert found["machine"] == machine() and " cores, " in machine()
    assert sys.version.startswith(found["python"])
