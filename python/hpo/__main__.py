# SPDX-License-Identifier: Apache-2.0
"""python3 -m hpo report FILE STUDY PAGE, export-tensorboard FILE STUDY FOLDER, export-mlflow FILE STUDY FOLDER: what is
made of a study in Python, from the shell.  Everything else is the command `hpo`."""

import argparse
import os
import sys

from . import HpoError, load_study

WHAT = {
    "report": ("one self-contained HTML page", "PAGE"),
    "export-tensorboard": ("event files for TensorBoard", "FOLDER"),
    "export-mlflow": ("an experiment of MLflow's file store", "FOLDER"),
}


def main(arguments=None):
    """Exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m hpo", description="What is made of a stored study in Python.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (text, to) in WHAT.items():
        command = commands.add_parser(name, help=text, description=f"Writes {text}.")
        command.add_argument("storage", metavar="FILE", help="the study file, or its URL")
        command.add_argument("study", metavar="STUDY", help="name of the study")
        command.add_argument("to", metavar=to, help="where to write")
    a = parser.parse_args(arguments)
    try:
        if ":" not in a.storage and not os.path.exists(a.storage):
            raise FileNotFoundError(f"there is no file {a.storage}")
        study = load_study(storage=a.storage, study_name=a.study)
        print(getattr(study, a.command.replace("-", "_"))(a.to) or a.to)
    except (HpoError, OSError) as e:
        print(f"python3 -m hpo: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
