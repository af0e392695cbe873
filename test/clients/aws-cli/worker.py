"""The aws command line (v1) in one process: starting Python anew for each command would take most of the time.

Reads a list of arguments as a line of JSON; answers with a line of {"code", "out", "error"}.
"""

import io
import json
import sys

from awscli.clidriver import create_clidriver


def run(args):
    out, error = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, error
    try:
        code = create_clidriver().main(args)
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout, sys.stderr = kept
    return {"code": code or 0, "out": text_of(out), "error": text_of(error)}


def text_of(stream):
    stream.flush()
    return stream.buffer.getvalue().decode()


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
