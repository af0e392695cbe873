"""polars as an application uses it: told everything by its environment. An object is a table with one text or one blob.

Reads orders as lines of JSON and answers each with a line; ../driver.ts says what they mean.
"""

import json
import sys

# Nothing is written beside the sources.
sys.dont_write_bytecode = True

import polars

from bodies import bytes_of, shown


def uri(order):
    return f"s3://{order['bucket']}/{order['key']}"


def put(order):
    polars.DataFrame({"held": [bytes_of(order["body"])]}).write_parquet(uri(order), compression="uncompressed")
    return {}


def get(order):
    return shown(polars.read_parquet(uri(order))["held"][0])


def list_tables(order):
    place = f"s3://{order['bucket']}/"
    found = polars.scan_parquet(f"{place}{order['prefix']}*", include_file_paths="path").select("path").unique().collect()
    return {"keys": [path.removeprefix(place) for path in found["path"]]}


ORDERS = {"put": put, "upload": put, "get": get, "list": list_tables}


def outcome_of(order):
    try:
        return ORDERS[order["op"]](order)
    except Exception as error:
        # All that polars shows is a sentence.
        refused = "403" in str(error) or "AccessDenied" in str(error)
        return {"error": {"code": "AccessDenied" if refused else "ClientFault", "message": repr(error)}}


for line in sys.stdin:
    print(json.dumps(outcome_of(json.loads(line))), flush=True)
