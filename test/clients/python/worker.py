"""boto3 as an application uses it: boto3.client('s3'), told everything by its environment.

Reads orders as lines of JSON and answers each with a line; ../driver.ts says what they mean.
"""

import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

# Nothing is written beside the sources.
sys.dont_write_bytecode = True

import boto3
from botocore.exceptions import ClientError

from bodies import bytes_of, shown

DELETED_AT_ONCE = 1000

s3 = boto3.client("s3")


def at(order):
    return {"Bucket": order["bucket"], "Key": order["key"]}


def given(order, **names):
    """The named options that the order has."""
    return {option: order[name] for option, name in names.items() if name in order}


def put(order):
    options = given(order, ContentType="contentType", Metadata="metadata", IfMatch="ifMatch", IfNoneMatch="ifNoneMatch")
    if "tags" in order:
        options["Tagging"] = urlencode(order["tags"])
    return {"etag": s3.put_object(**at(order), Body=bytes_of(order["body"]), **options)["ETag"]}


def put_many(order):
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda item: s3.put_object(Bucket=order["bucket"], Key=order["prefix"] + item[0], Body=item[1].encode()),
                order["bodies"].items(),
            )
        )
    return {}


def get(order):
    answer = s3.get_object(**at(order), **given(order, Range="range", IfMatch="ifMatch", IfNoneMatch="ifNoneMatch"))
    outcome = shown(answer["Body"].read())
    outcome.update(etag=answer["ETag"], metadata=answer["Metadata"], contentType=answer["ContentType"])
    if "TagCount" in answer:
        outcome["tagCount"] = answer["TagCount"]
    if "ContentRange" in answer:
        outcome["contentRange"] = answer["ContentRange"]
    return outcome


def download(order):
    target = io.BytesIO()
    s3.download_fileobj(order["bucket"], order["key"], target)
    return shown(target.getvalue())


def get_many(order):
    prefix = order["prefix"]
    keys = list_objects({"bucket": order["bucket"], "version": 2, "prefix": prefix})["keys"]
    with ThreadPoolExecutor(8) as pool:
        bodies = pool.map(lambda key: s3.get_object(Bucket=order["bucket"], Key=key)["Body"].read().decode(), keys)
        return {"texts": {key[len(prefix) :]: body for key, body in zip(keys, bodies)}}


def head(order):
    answer = s3.head_object(**at(order))
    return {
        "etag": answer["ETag"],
        "length": answer["ContentLength"],
        "contentType": answer["ContentType"],
        "metadata": answer["Metadata"],
    }


def list_objects(order):
    options = {"Bucket": order["bucket"], **given(order, Prefix="prefix", Delimiter="delimiter")}
    paginator = s3.get_paginator("list_objects_v2" if order["version"] == 2 else "list_objects")
    keys, prefixes = [], []
    for page in paginator.paginate(**options, PaginationConfig=given(order, PageSize="pageSize")):
        keys += [item["Key"] for item in page.get("Contents", [])]
        prefixes += [item["Prefix"] for item in page.get("CommonPrefixes", [])]
    return {"keys": keys, "prefixes": prefixes}


def copy(order):
    answer = s3.copy_object(**at(order), CopySource={"Bucket": order["bucket"], "Key": order["source"]})
    return {"etag": answer["CopyObjectResult"]["ETag"]}


def managed_copy(order):
    s3.copy({"Bucket": order["bucket"], "Key": order["source"]}, order["bucket"], order["key"])
    return {}


def delete_many(order):
    deleted, errors = 0, []
    for first in range(0, len(order["keys"]), DELETED_AT_ONCE):
        keys = order["keys"][first : first + DELETED_AT_ONCE]
        answer = s3.delete_objects(Bucket=order["bucket"], Delete={"Objects": [{"Key": key} for key in keys]})
        deleted += len(answer.get("Deleted", []))
        errors += [error["Code"] for error in answer.get("Errors", [])]
    return {"deleted": deleted, "errors": errors}


def upload(order):
    s3.upload_fileobj(io.BytesIO(bytes_of(order["body"])), order["bucket"], order["key"])
    return {}


def get_tags(order):
    return {"tags": {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(**at(order))["TagSet"]}}


def put_tags(order):
    tags = [{"Key": key, "Value": value} for key, value in order["tags"].items()]
    s3.put_object_tagging(**at(order), Tagging={"TagSet": tags})
    return {}


PRESIGNED = {
    "put": "put_object",
    "get": "get_object",
    "list": "list_objects_v2",
    "delete": "delete_object",
    "createUpload": "create_multipart_upload",
    "uploadPart": "upload_part",
    "completeUpload": "complete_multipart_upload",
}


def presign_for(order):
    options = {} if order["request"] == "list" else {"Key": order["key"]}
    options.update(Bucket=order["bucket"], **given(order, Prefix="prefix", UploadId="uploadId", PartNumber="partNumber"))
    return {"url": s3.generate_presigned_url(PRESIGNED[order["request"]], Params=options, ExpiresIn=60)}


ORDERS = {
    "put": put,
    "putMany": put_many,
    "get": get,
    "download": download,
    "getMany": get_many,
    "head": head,
    "list": list_objects,
    "copy": copy,
    "managedCopy": managed_copy,
    "delete": lambda order: s3.delete_object(**at(order)) and {},
    "deleteMany": delete_many,
    "upload": upload,
    "getTags": get_tags,
    "putTags": put_tags,
    "deleteTags": lambda order: s3.delete_object_tagging(**at(order)) and {},
    "buckets": lambda order: {"names": [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]},
    "presignFor": presign_for,
    "presign": lambda order: {"url": s3.generate_presigned_url("get_object", Params=at(order), ExpiresIn=60)},
    "presignPut": lambda order: {"url": s3.generate_presigned_url("put_object", Params=at(order), ExpiresIn=60)},
}


def outcome_of(order):
    try:
        return ORDERS[order["op"]](order)
    except ClientError as error:
        answer = error.response
        return {
            "error": {
                "code": answer["Error"].get("Code", ""),
                "status": answer["ResponseMetadata"].get("HTTPStatusCode", 0),
                "message": str(error),
            }
        }
    except Exception as error:  # A fault of the client is an outcome too: the test shows it.
        return {"error": {"code": "ClientFault", "message": repr(error)}}


for line in sys.stdin:
    print(json.dumps(outcome_of(json.loads(line))), flush=True)
