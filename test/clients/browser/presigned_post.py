"""A form as a service makes it: boto3's generate_presigned_post, told by its environment and one line of JSON."""

import json
import sys

import boto3
from botocore.config import Config

order = json.load(sys.stdin)
s3 = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
json.dump(s3.generate_presigned_post(**order), sys.stdout)
