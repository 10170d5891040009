"""A real S3-compatible server process (moto), with one user, whose keys it checks, and a bucket for each test."""

import json
import os
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from tests.support.processes import die_with_parent, free_port, wait_for_port

REGION = "ru-central1"
LISTED = 100  # names per answer; with the usual thousand a test would spend seconds on uploads
_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


class S3:
    """One server process. It refuses everyone except its one user."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self._log = log
        self.start()
        self.key, self.secret = self._user()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that an operator sets for the service."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
        }

    def bucket(self) -> str:
        """Create an empty bucket. Returns its name."""
        name = f"photos-{uuid.uuid4().hex[:12]}"
        self._client("s3", self.key, self.secret).create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        return name

    def keys(self, bucket: str) -> list[str]:
        """All keys in a bucket."""
        listed = self._client("s3", self.key, self.secret).list_objects_v2(Bucket=bucket)
        return [one["Key"] for one in listed.get("Contents", [])]

    def start(self) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                die_with_parent([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]),
                env=own | {"MOTO_S3_DEFAULT_MAX_KEYS": str(LISTED)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for_port(self.port, self._process, self._log)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(30)

    def _user(self) -> tuple[str, str]:
        """Create a user with all rights on buckets; from then on the server checks credentials."""
        iam = self._client("iam", "anybody", "anything")
        iam.create_user(UserName="widget")
        made = iam.create_access_key(UserName="widget")["AccessKey"]
        iam.put_user_policy(UserName="widget", PolicyName="everything", PolicyDocument=json.dumps(_EVERYTHING))
        asking = urllib.request.Request(
            f"{self.url}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}, method="POST"
        )
        urllib.request.urlopen(asking, timeout=30).close()
        return made["AccessKeyId"], made["SecretAccessKey"]

    def _client(self, service: str, key: str, secret: str) -> Any:
        import boto3

        return boto3.client(
            service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret
        )
